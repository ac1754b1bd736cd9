//! Email addresses.

use super::refusal::{Outcome, Refusal};

/// An address, with the name before it if there is one: `Shop <shop@example.com>`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Mailbox {
    /// As it was given.
    pub(super) given: String,
    /// `local@domain` alone.
    pub(super) address: String,
}

impl Mailbox {
    /// # Errors
    /// What is no address, without repeating it.
    pub(super) fn parse(given: &str, member: &str) -> Outcome<Self> {
        let given = given.trim();
        let address = match given.rsplit_once('<') {
            Some((_, rest)) => rest.strip_suffix('>'),
            None => Some(given),
        };
        let refusal = |what: &str| Refusal::bad_request(format!("{member}: {what}"));
        let address = address.map(str::trim).ok_or_else(|| refusal("Missing '>'"))?;
        if given.chars().any(char::is_control) {
            return Err(refusal("Address contains a control character"));
        }
        if !address.is_ascii() {
            return Err(refusal("Local address or domain contains non-ASCII characters"));
        }
        let (local, domain) = address.rsplit_once('@').ok_or_else(|| refusal("Missing final '@domain'"))?;
        let local_fits = !local.is_empty()
            && local.len() <= 64
            && local.bytes().all(|byte| byte.is_ascii_graphic() && !br#"@,;:<>()[]\""#.contains(&byte));
        if !local_fits {
            return Err(refusal("Local address contains a character that is not allowed"));
        }
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if domain.len() > 253 || !domain.contains('.') || !domain.split('.').all(label) {
            return Err(refusal("Domain is not valid"));
        }
        Ok(Self { given: given.to_owned(), address: address.to_owned() })
    }

    /// As identities, contacts and suppressed addresses are compared: without regard to case.
    pub(super) fn key(&self) -> String {
        self.address.to_lowercase()
    }

    pub(super) fn domain(&self) -> String {
        domain_of(&self.key()).to_owned()
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

/// What follows the last `@`.
pub(super) fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_bad_ones_refused_without_showing_them() {
        for (given, address) in [
            ("ann@example.com", "ann@example.com"),
            ("Ann B. <Ann+x@Example.co.uk>", "Ann+x@Example.co.uk"),
            (" ann@example.com ", "ann@example.com"),
        ] {
            assert_eq!(Mailbox::parse(given, "To").unwrap().address, address);
        }
        let secret = "sécret@example.com";
        for bad in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@host",
            "a b@example.com",
            "Ann <ann@example.com",
            secret,
            "ann@exa_mple.com",
            "a\r\nBcc: x@example.com",
            "ann@example..com",
            "x@y@example.com",
        ] {
            let refusal = Mailbox::parse(bad, "To").unwrap_err();
            assert!(!format!("{refusal:?}").contains("cret@"), "{refusal:?}");
        }
    }
}
