//! Signed links that take a waiting caller to a chat: tokens, CloudFront signatures, and answers that only the page
//! that asked can read again. No I/O.
//!
//! - [`token`]: what makes a link that link, and its hash
//! - [`http`]: what the page asks through CloudFront and an HTTP API, and what it is answered
//! - [`contact`]: what a contact that continues a voice contact is to know
//! - [`keys`]: the signing keys as they lie in AWS Secrets Manager
//! - [`sign`]: CloudFront signed URLs, canned and custom policy, ECDSA P-256 and RSA 2048
//! - [`seal`]: the answer of a redemption, encrypted for the nonce of the page

pub mod contact;
pub mod http;
pub mod keys;
pub mod seal;
pub mod sign;
pub mod token;
