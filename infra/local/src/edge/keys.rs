//! CloudFront's public keys: RSA of 2,048 bits and ECDSA on P-256, in PEM as `SubjectPublicKeyInfo` (RFC 5280).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};

/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;

/// What a signature is made over, besides the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

/// A public key that signatures are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// The DER of PKCS#1's `RSAPublicKey`.
    Rsa(Vec<u8>),
    /// An uncompressed point.
    EcdsaP256(Vec<u8>),
}

impl PublicKey {
    /// Reads a PEM.
    ///
    /// # Errors
    /// What CloudFront's CreatePublicKey refuses, too: no such PEM, or another kind or size of key.
    pub(super) fn parse(pem: &str) -> Result<Self, String> {
        let text = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----");
        let text = text.and_then(|text| text.strip_suffix("-----END PUBLIC KEY-----"));
        let text = text.ok_or("no PEM of a public key, expected `-----BEGIN PUBLIC KEY-----`")?;
        let base64: String = text.split_whitespace().collect();
        let der = STANDARD.decode(base64).map_err(|error| format!("public key: {error}"))?;
        read(&der).ok_or_else(|| "the public key is neither RSA of 2,048 bits nor ECDSA on P-256".into())
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RSA_2048",
            Self::EcdsaP256(_) => "ECDSA_P256",
        }
    }

    /// Whether it is this key's signature over the message. ECDSA over SHA-1, which ring does not know, never is.
    pub(super) fn verifies(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let (algorithm, key): (&'static dyn VerificationAlgorithm, _) = match (self, hash) {
            (Self::Rsa(key), Hash::Sha256) => (&RSA_PKCS1_2048_8192_SHA256, key),
            (Self::Rsa(key), Hash::Sha1) => (&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key),
            (Self::EcdsaP256(key), Hash::Sha256) => (&ECDSA_P256_SHA256_ASN1, key),
            (Self::EcdsaP256(_), Hash::Sha1) => return false,
        };
        UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
    }
}

/// The PEM of an uncompressed point on P-256.
pub(super) fn p256_pem(point: &[u8]) -> String {
    let mut der = vec![SEQUENCE, 0x59, SEQUENCE, 0x13, OBJECT, 0x07];
    der.extend_from_slice(EC);
    der.extend_from_slice(&[OBJECT, 0x08]);
    der.extend_from_slice(P256);
    der.extend_from_slice(&[BIT_STRING, 0x42, 0x00]);
    der.extend_from_slice(point);
    pem("PUBLIC KEY", &der)
}

/// RFC 7468: lines of 64 characters.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, character) in STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

fn read(der: &[u8]) -> Option<PublicKey> {
    let (info, []) = element(SEQUENCE, der)? else { return None };
    let (algorithm, rest) = element(SEQUENCE, info)?;
    let (bits, []) = element(BIT_STRING, rest)? else { return None };
    // The number of bits that the last byte does not use.
    let [0, key @ ..] = bits else { return None };
    let (kind, parameters) = element(OBJECT, algorithm)?;
    if kind == RSA {
        let (numbers, []) = element(SEQUENCE, key)? else { return None };
        let (modulus, _) = element(INTEGER, numbers)?;
        // A zero in front keeps it positive.
        return matches!(modulus, [0, first, ..] if *first >= 0x80 && modulus.len() == 257)
            .then(|| PublicKey::Rsa(key.to_vec()));
    }
    let (curve, []) = element(OBJECT, parameters)? else { return None };
    (kind == EC && curve == P256 && key.len() == 65 && key.first() == Some(&4))
        .then(|| PublicKey::EcdsaP256(key.to_vec()))
}

/// The content of an element of that tag in front, and what comes behind it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = der else { return None };
    if *first != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => {
            let [high, low, rest @ ..] = rest else { return None };
            (usize::from(*high) << 8 | usize::from(*low), rest)
        }
        _ => return None,
    };
    Some((rest.get(..length)?, rest.get(length..)?))
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;

    /// `openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout`
    const EC_PEM: &str = include_str!("testdata/p256.pem");
    /// `openssl genrsa 2048 | openssl rsa -pubout`
    const RSA_PEM: &str = include_str!("testdata/rsa2048.pem");

    #[test]
    fn keys_that_openssl_wrote_are_read() {
        let key = PublicKey::parse(EC_PEM).unwrap();
        assert_eq!(key.algorithm(), "ECDSA_P256");
        let PublicKey::EcdsaP256(point) = key else { panic!("{key:?}") };
        // What is written is what openssl wrote.
        assert_eq!(p256_pem(&point), EC_PEM);
        assert_eq!(PublicKey::parse(RSA_PEM).unwrap().algorithm(), "RSA_2048");
    }

    #[test]
    fn what_cloudfront_does_not_take_is_refused() {
        let shortened = RSA_PEM.replacen("MIIBIjAN", "MIIBIzAN", 1);
        let certificate = EC_PEM.replace("PUBLIC KEY", "CERTIFICATE");
        let p384 = include_str!("testdata/p384.pem");
        let rsa1024 = include_str!("testdata/rsa1024.pem");
        for pem in ["", "local", &shortened, &certificate, p384, rsa1024] {
            assert!(PublicKey::parse(pem).is_err(), "{pem}");
        }
    }

    #[test]
    fn a_signature_holds_for_its_message_key_and_hash() {
        let random = SystemRandom::new();
        let pair = || {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap()
        };
        let (own, other) = (pair(), pair());
        let key = |pair: &EcdsaKeyPair| PublicKey::parse(&p256_pem(pair.public_key().as_ref())).unwrap();
        let signature = own.sign(&random, b"policy").unwrap();
        assert!(key(&own).verifies(Hash::Sha256, b"policy", signature.as_ref()));
        assert!(!key(&own).verifies(Hash::Sha256, b"policies", signature.as_ref()));
        assert!(!key(&own).verifies(Hash::Sha1, b"policy", signature.as_ref()));
        assert!(!key(&other).verifies(Hash::Sha256, b"policy", signature.as_ref()));
        assert!(!key(&own).verifies(Hash::Sha256, b"policy", b""));
    }
}
