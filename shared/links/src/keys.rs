//! The signing keys as they lie in AWS Secrets Manager.
//!
//! ```json
//! {
//!   "current": "a",
//!   "keys": { "a": { "algorithm": "ECDSA_P256", "privateKey": "-----BEGIN PRIVATE KEY-----…" } }
//! }
//! ```
//!
//! There are two slots, so that a new key can be in force beside the old one: the template gives CloudFront the public
//! key of each slot and the functions its id, the secret holds the private keys and says which slot signs. Links signed
//! with the other slot stay valid for as long as its public key is in the key group.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use eventide_kit::error::Error;
use serde::Deserialize;

use crate::sign::{Algorithm, SigningKey};

#[derive(Deserialize)]
struct Written {
    current: String,
    keys: BTreeMap<String, WrittenKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenKey {
    algorithm: Algorithm,
    private_key: String,
}

/// The key that signs, out of the text of the secret. `key_ids` names CloudFront's public key of each slot that is in use.
///
/// # Errors
///
/// `Environment.InvalidSigningKeys`: the secret is not of the form above, or its current slot has no key, or
/// CloudFront none of that slot. Nothing of the secret is quoted but the slot's name.
pub fn current(secret: &str, key_ids: &BTreeMap<String, String>) -> Result<SigningKey, Error> {
    let invalid = |fault: String| Error::environment("InvalidSigningKeys", fault);
    let written: Written = serde_json::from_str(secret).map_err(|_unreadable| {
        // The cause may quote the secret.
        invalid("the secret of the signing keys does not parse, expected `current` and `keys`".to_owned())
    })?;
    let slot = eventide_types::printable(&written.current, 20);
    let key = written
        .keys
        .get(&written.current)
        .ok_or_else(|| invalid(format!("the secret has no key in its current slot `{slot}`")))?;
    let id = key_ids
        .get(&written.current)
        .ok_or_else(|| invalid(format!("slot `{slot}` has no public key in CloudFront, expected one")))?;
    let der = der(&key.private_key).ok_or_else(|| {
        invalid(format!("the private key of slot `{slot}` is not PEM, expected PKCS #8 in PEM"))
    })?;
    SigningKey::new(id, key.algorithm, &der)
        .map_err(|fault| invalid(format!("the private key of slot `{slot}` cannot be used: {fault}")))
}

/// What stands between the lines of a PEM private key.
fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let body: String = body.split_whitespace().collect();
    BASE64_STANDARD.decode(body).ok()
}
