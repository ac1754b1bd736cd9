//! CloudFront signed URLs.
//!
//! A signature covers a policy: which resource, until when, and with a custom policy also from when and from which
//! addresses. The canned policy is not in the URL, which is why it is the short one. Signatures are over SHA-256, which
//! CloudFront takes with `Hash-Algorithm=SHA256` (Amazon CloudFront Developer Guide, "Create a signed URL using a canned
//! policy" and "… using a custom policy").
//!
//! An SMS is paid by the part, and in one of several parts there are 153 characters. With ECDSA and the canned policy
//! a link has about 240 of them; with RSA and a custom policy about 650.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use eventide_kit::error::Error;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use time::OffsetDateTime;

/// Bits of an RSA key, the only ones that CloudFront takes.
const RSA_BITS: usize = 2048;

/// The kinds of keys that CloudFront verifies with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// ECDSA over P-256.
    #[serde(rename = "ECDSA_P256")]
    EcdsaP256,
    /// RSA of 2,048 bits, PKCS #1 v1.5.
    #[serde(rename = "RSA_2048")]
    Rsa2048,
}

/// What a signature allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The URL itself, until a time.
    Canned {
        /// Until when.
        expires_at: OffsetDateTime,
    },
    /// What is said here.
    Custom {
        /// Until when.
        expires_at: OffsetDateTime,
        /// From when on.
        not_before: Option<OffsetDateTime>,
        /// From which addresses: an IPv4 address or range, such as `192.0.2.0/24`.
        source_ip: Option<String>,
    },
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// A private key with the id of its public key in CloudFront.
pub struct SigningKey {
    id: String,
    pair: Pair,
}

impl fmt::Debug for SigningKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A key from its PKCS #8 form. The error says what is wrong with it, without quoting it.
    pub(crate) fn new(id: &str, algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, String> {
        let pair = match algorithm {
            Algorithm::EcdsaP256 => {
                let pair =
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new());
                Pair::Ecdsa(pair.map_err(|rejected| format!("{rejected}, expected ECDSA over P-256"))?)
            }
            Algorithm::Rsa2048 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8)
                    .map_err(|rejected| format!("{rejected}, expected RSA of {RSA_BITS} bits"))?;
                let bits = pair.public().modulus_len() * 8;
                if bits != RSA_BITS {
                    return Err(format!("it has {bits} bits, expected {RSA_BITS}"));
                }
                Pair::Rsa(pair)
            }
        };
        Ok(Self { id: id.to_owned(), pair })
    }

    /// The id of the public key in CloudFront.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The URL with everything that CloudFront verifies. `url` has no fragment; what is in it is what is allowed.
    ///
    /// # Errors
    ///
    /// `Permanent.InvalidUrl`: it has characters that do not belong into a URL. `Environment.SigningFailed`: the key
    /// does not sign.
    pub fn sign_url(&self, url: &str, policy: &Policy) -> Result<String, Error> {
        if !url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\<>#".contains(&byte)) {
            return Err(Error::permanent(
                "InvalidUrl",
                "the URL to sign is none, expected it percent-encoded",
            ));
        }
        let statement = statement(url, policy);
        let signature = encode(&self.sign(statement.as_bytes())?);
        let first = match policy {
            Policy::Canned { expires_at } => format!("Expires={}", expires_at.unix_timestamp()),
            Policy::Custom { .. } => format!("Policy={}", encode(statement.as_bytes())),
        };
        let joint = if url.contains('?') { '&' } else { '?' };
        let id = &self.id;
        Ok(format!("{url}{joint}{first}&Signature={signature}&Key-Pair-Id={id}&Hash-Algorithm=SHA256"))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        let signed = match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
        };
        signed.map_err(|_unspecified| Error::environment("SigningFailed", "the signing key does not sign"))
    }
}

/// The policy as it is signed: without white space, members in this order.
fn statement(url: &str, policy: &Policy) -> String {
    let (Policy::Canned { expires_at } | Policy::Custom { expires_at, .. }) = policy;
    let mut condition = format!(r#""DateLessThan":{{"AWS:EpochTime":{}}}"#, expires_at.unix_timestamp());
    if let Policy::Custom { not_before, source_ip, .. } = policy {
        if let Some(moment) = not_before {
            let seconds = moment.unix_timestamp();
            condition.push_str(&format!(r#","DateGreaterThan":{{"AWS:EpochTime":{seconds}}}"#));
        }
        if let Some(range) = source_ip {
            condition.push_str(&format!(r#","IpAddress":{{"AWS:SourceIp":"{range}"}}"#));
        }
    }
    format!(r#"{{"Statement":[{{"Resource":"{url}","Condition":{{{condition}}}}}]}}"#)
}

/// Base64 with what a URL cannot carry replaced in CloudFront's own way.
fn encode(bytes: &[u8]) -> String {
    let replaced = |character| match character {
        '+' => '-',
        '=' => '_',
        '/' => '~',
        other => other,
    };
    BASE64_STANDARD.encode(bytes).chars().map(replaced).collect()
}
