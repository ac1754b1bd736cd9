//! The name of a message's entry in the ledger.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The name of an entry: the first 32 hex digits of the HMAC-SHA256 of `parts`, each after its length (8
/// bytes, big-endian), so that no two lists of parts are alike. Without the secret nobody can tell whose
/// entry it is.
pub fn entry(secret: &[u8], parts: &[&str]) -> String {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    let mut entry = String::with_capacity(32);
    for byte in mac.finalize().into_bytes().iter().take(16) {
        // Writing to a string does not fail.
        let _ = write!(entry, "{byte:02x}");
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_depends_on_every_part_and_its_bounds() {
        let of = |parts: &[&str]| entry(b"secret", parts);
        // As Python says: hmac.new(b"secret", len(part).to_bytes(8, "big") + part for each,
        // "sha256").hexdigest()[:32]
        assert_eq!(of(&["campaign", "spring", "7"]), EXPECTED);
        let lists: [&[&str]; 6] = [&[], &[""], &["ab", "c"], &["a", "bc"], &["abc"], &["abc", ""]];
        let entries: std::collections::BTreeSet<String> = lists.iter().map(|parts| of(parts)).collect();
        assert_eq!(entries.len(), lists.len());
        assert_ne!(of(&["a"]), entry(b"other", &["a"]));
        assert_ne!(entry(b"", &["a"]), entry(&[1; 200], &["a"]));
    }

    const EXPECTED: &str = "d8e7cf7d92115efbab18c45aaf0d8906";
}
