//! The name of a message's entry in the ledger.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::message::hex_digits;

/// Bytes of the HMAC that make a name.
const BYTES: usize = 16;

/// The names that a secret gives to entries. Without the secret nobody can tell whose entry one is.
#[derive(Clone)]
pub struct Entries {
    keyed: Option<Hmac<Sha256>>,
}

impl Entries {
    /// Those of this secret, of any length.
    pub fn new(secret: &[u8]) -> Self {
        // A key of any length is one.
        Self { keyed: Hmac::new_from_slice(secret).ok() }
    }

    /// Sets `name` to that of an entry: the first 32 hex digits of the HMAC-SHA256 of `parts`, each after its length (8 bytes,
    /// big-endian), so that no two lists of parts are alike.
    pub fn write_name(&self, parts: &[&str], name: &mut String) {
        name.clear();
        let Some(mut mac) = self.keyed.clone() else { return };
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let mut digits = [0; 2 * BYTES];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(mac.finalize().into_bytes()) {
            pair.copy_from_slice(&hex_digits(byte));
        }
        // Digits are text.
        name.push_str(std::str::from_utf8(&digits).unwrap_or_default());
    }
}

impl fmt::Debug for Entries {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").finish_non_exhaustive()
    }
}

/// The name of one entry, as [`Entries::write_name`] has it.
pub fn entry(secret: &[u8], parts: &[&str]) -> String {
    let mut entry = String::with_capacity(2 * BYTES);
    Entries::new(secret).write_name(parts, &mut entry);
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
