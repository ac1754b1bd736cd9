//! The answer of a redemption, encrypted for the page that asked.
//!
//! A lost response must lock nobody out, so the answer is kept for a while; it holds what a participant joins the chat
//! with, so it is kept in a form that only the page's nonce opens, of which the table has but a hash.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use eventide_kit::error::Error;
use eventide_types::LinkHash;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use crate::token::{PageNonce, fill};

/// Encrypts an answer.
///
/// # Errors
///
/// `Environment.NoRandomness`; `Environment.SealingFailed` if the answer is too long to be encrypted.
pub fn seal(page: &PageNonce, link: &LinkHash, answer: &[u8]) -> Result<String, Error> {
    let failed = || Error::environment("SealingFailed", "the answer could not be encrypted");
    let mut iv = [0; NONCE_LEN];
    fill(&mut iv)?;
    let key = key(page, link).ok_or_else(failed)?;
    let mut sealed = answer.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), aad(link), &mut sealed)
        .map_err(|_unspecified| failed())?;
    let mut whole = iv.to_vec();
    whole.append(&mut sealed);
    Ok(BASE64_STANDARD_NO_PAD.encode(whole))
}

/// Decrypts an answer; `None` if it was sealed for another page or link, or is damaged.
pub fn open(page: &PageNonce, link: &LinkHash, sealed: &str) -> Option<Vec<u8>> {
    let whole = BASE64_STANDARD_NO_PAD.decode(sealed).ok()?;
    let (iv, sealed) = whole.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(iv).ok()?;
    let mut sealed = sealed.to_vec();
    let answer = key(page, link)?.open_in_place(nonce, aad(link), &mut sealed).ok()?;
    Some(answer.to_vec())
}

fn aad(link: &LinkHash) -> Aad<&[u8]> {
    Aad::from(link.as_str().as_bytes())
}

fn key(page: &PageNonce, link: &LinkHash) -> Option<LessSafeKey> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, page.as_bytes()));
    context.update(b"eventide-answer\0");
    context.update(link.as_str().as_bytes());
    UnboundKey::new(&AES_256_GCM, context.sign().as_ref()).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{Nonce as LinkNonce, Token};

    #[test]
    fn only_the_same_page_and_link_open_an_answer() {
        let page = PageNonce::parse(&"p".repeat(22)).unwrap();
        let other_page = PageNonce::parse(&"q".repeat(22)).unwrap();
        let [link, other_link] = [(); 2].map(|()| Token::derive(b"s", &LinkNonce::random().unwrap()).hash());
        let sealed = seal(&page, &link, b"token").unwrap();
        assert_eq!(open(&page, &link, &sealed).as_deref(), Some(&b"token"[..]));
        assert_eq!(open(&other_page, &link, &sealed), None);
        assert_eq!(open(&page, &other_link, &sealed), None);
        assert_ne!(seal(&page, &link, b"token").unwrap(), sealed);
        for position in 0..sealed.len() {
            let mut altered = sealed.clone().into_bytes();
            altered[position] = if altered[position] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(open(&page, &link, &altered), None, "{position}");
        }
        assert_eq!(open(&page, &link, ""), None);
        assert_eq!(open(&page, &link, sealed.get(..10).unwrap()), None);
    }
}
