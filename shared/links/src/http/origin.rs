//! Where the page is.

use std::str::FromStr;

/// An origin in the sense of RFC 6454, as browsers send it: scheme, host and perhaps port, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Completes "… is malformed, expected …".
    pub const EXPECTED: &'static str = "`https://` and a host, without a slash at the end";

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a header `Origin` names it.
    pub fn is(&self, header: &str) -> bool {
        self.0.eq_ignore_ascii_case(header)
    }
}

/// No origin, or a name that no browser would send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    /// HTTP without TLS is for a page on the same machine only.
    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let (scheme, authority) = text.split_once("://").ok_or(NotAnOrigin)?;
        let host = authority.split_once(':').map_or(authority, |(host, _)| host);
        let is_here = matches!(host, "127.0.0.1" | "localhost");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
        let is_known = scheme == "https" || (scheme == "http" && is_here);
        if is_known && !host.is_empty() && authority.bytes().all(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnOrigin)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_perhaps_port() {
        for (text, valid) in [
            ("https://chat.example.com", true),
            ("https://d111111abcdef8.cloudfront.net", true),
            ("https://chat.example.com:8443", true),
            ("http://127.0.0.1:4567", true),
            ("http://localhost", true),
            ("http://chat.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("https://chat.example.com/", false),
            ("https://chat.example.com/c", false),
            ("https://", false),
            ("https://:8443", false),
            ("chat.example.com", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<Origin>().is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn no_other_origin_is_the_same() {
        let origin: Origin = "https://chat.example.com".parse().unwrap();
        assert!(origin.is("https://chat.example.com") && origin.is("https://Chat.example.com"));
        for other in ["null", "", "http://chat.example.com", "https://chat.example.com.evil.example"] {
            assert!(!origin.is(other), "{other}");
        }
    }
}
