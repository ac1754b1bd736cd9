//! What makes a link that link.
//!
//! A token is 128 bits, made from its contact's nonce with a secret. Whoever reads the table finds the nonce and the
//! token's hash, from neither of which the token follows; whoever sends the same link again makes the same token, without
//! its ever being stored.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use eventide_kit::error::Error;
use eventide_types::LinkHash;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};

/// Bytes of a token, and of a nonce.
const BYTES: usize = 16;
/// Digits of the names that are made with a secret.
const NAME_DIGITS: usize = 32;
/// Digits of a client token.
const CLIENT_TOKEN_DIGITS: usize = 48;
/// Characters of a page's nonce: 128 to 384 bits.
const PAGE_NONCE: std::ops::RangeInclusive<usize> = 22..=64;

/// The secret part of a link: 128 bits as 22 characters of URL-safe Base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token of a contact's link.
    pub fn derive(secret: &[u8], nonce: &Nonce) -> Self {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
        context.update(b"eventide-link\0");
        context.update(&nonce.0);
        let tag = context.sign();
        Self(BASE64_URL_SAFE_NO_PAD.encode(tag.as_ref().get(..BYTES).unwrap_or_default()))
    }

    /// A token as a link carries it; nothing else that decodes to the same bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == BYTES).then(|| Self(text.to_owned()))
    }

    /// The characters, which belong into a link and nowhere else.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> LinkHash {
        LinkHash::new(sha256(self.0.as_bytes()))
    }
}

impl fmt::Debug for Token {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// 128 random bits that a contact's token is made from. Without the secret they say nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce([u8; BYTES]);

impl Nonce {
    /// A new one.
    ///
    /// # Errors
    ///
    /// `Environment.NoRandomness`: the operating system gave none.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; BYTES];
        fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// One as it was written: 32 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; BYTES];
        if text.len() != 2 * BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// 32 hex digits.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }
}

/// What a page made up to tell its own requests from those of others: 22 to 64 characters of URL-safe Base64.
#[derive(Clone, PartialEq, Eq)]
pub struct PageNonce(String);

impl PageNonce {
    /// A nonce as the page sends it.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (PAGE_NONCE.contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// What is kept of it: 64 hex digits.
    pub fn claimant(&self) -> String {
        hex(&sha256(self.0.as_bytes()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for PageNonce {
    /// Without the nonce.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageNonce(…)")
    }
}

/// A name for what is personal, such as a recipient, that tells nobody without the secret whose it is: 32 hex digits.
/// Another purpose gives another name.
pub fn keyed(secret: &[u8], purpose: &str, what: &str) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(purpose.as_bytes());
    context.update(b"\0");
    context.update(what.as_bytes());
    let mut name = hex(context.sign().as_ref());
    name.truncate(NAME_DIGITS);
    name
}

/// The client token of what Amazon Connect is to do once for a link: the same in every attempt, and no way back to
/// the link.
pub fn client_token(link: &LinkHash, purpose: &str) -> String {
    let mut digits = hex(&sha256(format!("{purpose}\0{link}").as_bytes()));
    digits.truncate(CLIENT_TOKEN_DIGITS);
    format!("eventide-{digits}")
}

/// Whether two secrets are the same, in a time that tells nothing of where they differ: their authentication codes are
/// compared, under a key that nobody knows.
///
/// # Errors
///
/// `Environment.NoRandomness`.
pub fn same_secret(one: &str, other: &str) -> Result<bool, Error> {
    let mut key = [0; 32];
    fill(&mut key)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, one.as_bytes());
    Ok(hmac::verify(&key, other.as_bytes(), tag.as_ref()).is_ok())
}

pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    SystemRandom::new().fill(bytes).map_err(|_unspecified| {
        Error::environment("NoRandomness", "the operating system gave no random bytes")
    })
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let digest = digest::digest(&digest::SHA256, bytes);
    for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    hash
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &[u8] = b"not much of a secret";

    #[test]
    fn tokens_are_128_bits_that_follow_from_secret_and_nonce() {
        let nonce = Nonce::parse("000102030405060708090a0b0c0d0e0f").unwrap();
        let token = Token::derive(SECRET, &nonce);
        // Python: base64.urlsafe_b64encode(hmac.new(b"not much of a secret", b"eventide-link\0" + bytes(range(16)),
        // "sha256").digest()[:16])
        assert_eq!(token.as_str(), "PVnGzkOTx2GRXtYG-baxPg");
        assert_eq!(Token::parse(token.as_str()), Some(token.clone()));
        // Python: hashlib.sha256(b"PVnGzkOTx2GRXtYG-baxPg").hexdigest()
        assert_eq!(token.hash().as_str(), "570613e25a86794b3940b097756209371869b29abd7fb7dec043ce0177b050ae");
        assert_ne!(Token::derive(b"another", &nonce), token);
        assert_ne!(Token::derive(SECRET, &Nonce::random().unwrap()), token);
    }

    #[test]
    fn only_the_canonical_form_is_a_token() {
        let token = Token::derive(SECRET, &Nonce::random().unwrap());
        let text = token.as_str();
        for other in
            ["", "A", &format!("{text}A"), &format!("{text}=="), &format!(" {text}"), text.get(1..).unwrap()]
        {
            assert_eq!(Token::parse(other), None, "{other}");
        }
        // The last character carries two bits; the other four of it have to be zero.
        assert!(Token::parse("AAAAAAAAAAAAAAAAAAAAAA").is_some());
        assert_eq!(Token::parse("AAAAAAAAAAAAAAAAAAAAAB"), None);
    }

    #[test]
    fn nonces_of_pages_have_a_length_and_an_alphabet() {
        for (text, valid) in [
            ("a".repeat(21), false),
            ("a".repeat(22), true),
            ("aZ09-_".repeat(10), true),
            ("a".repeat(65), false),
            ("é".repeat(22), false),
            (format!("{} ", "a".repeat(22)), false),
        ] {
            assert_eq!(PageNonce::parse(&text).is_some(), valid, "{text}");
        }
    }

    #[test]
    fn names_and_client_tokens_differ_by_purpose_and_thing() {
        let hash = Token::derive(SECRET, &Nonce::random().unwrap()).hash();
        assert_eq!(client_token(&hash, "chat"), client_token(&hash, "chat"));
        assert_ne!(client_token(&hash, "chat"), client_token(&hash, "call"));
        assert!(!client_token(&hash, "chat").contains(hash.as_str().get(..8).unwrap()));
        assert_ne!(keyed(SECRET, "a", "bc"), keyed(SECRET, "ab", "c"));
        assert_ne!(keyed(SECRET, "a", "b"), keyed(b"another", "a", "b"));
        assert_eq!(keyed(SECRET, "a", "b").len(), 32);
    }

    #[test]
    fn secrets_are_the_same_or_not() {
        for (one, other, same) in
            [("", "", true), ("abc", "abc", true), ("abc", "abd", false), ("abc", "ab", false)]
        {
            assert_eq!(same_secret(one, other).unwrap(), same, "{one} {other}");
        }
    }

    #[test]
    fn nothing_of_a_token_is_printed() {
        let token = Token::derive(SECRET, &Nonce::random().unwrap());
        let page = PageNonce::parse(&"n".repeat(22)).unwrap();
        assert_eq!(format!("{token:?} {page:?}"), "Token(…) PageNonce(…)");
    }

    proptest! {
        #[test]
        fn nonces_are_read_as_they_are_written(bytes: [u8; 16]) {
            let nonce = Nonce(bytes);
            prop_assert_eq!(Nonce::parse(&nonce.to_hex()), Some(nonce));
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC*") {
            let _ = (Nonce::parse(&text), Token::parse(&text), PageNonce::parse(&text));
        }
    }
}
