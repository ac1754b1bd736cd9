//! Text that came from outside and is about to be shown.

/// `text` fit for a note, a log or a message: control characters (line breaks too), bidirectional marks and
/// other invisible format characters become spaces, runs of spaces one, and at most `limit` characters stay;
/// a cut is marked with `…`.
///
/// Indicators and principal names come from an attacker's own activity (a user agent, for instance), and what
/// an analyst reads must not be rearranged by them.
pub fn printable(text: &str, limit: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(limit * 4));
    let mut kept = 0;
    let mut pending_space = false;
    for character in text.chars() {
        if character.is_whitespace() || unprintable(character) {
            pending_space = kept > 0;
            continue;
        }
        let needed = usize::from(pending_space) + 1;
        if kept + needed > limit {
            if kept == limit {
                clean.pop();
            }
            if limit > 0 {
                clean.push('…');
            }
            return clean;
        }
        if pending_space {
            clean.push(' ');
            pending_space = false;
        }
        clean.push(character);
        kept += needed;
    }
    clean
}

fn unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::printable;
    use proptest::prelude::*;

    #[test]
    fn cleans_and_cuts() {
        for (text, limit, expected) in [
            ("plain", 10, "plain"),
            ("two\r\n\tlines", 20, "two lines"),
            ("a\u{202e}b\u{0}c", 20, "a b c"),
            ("  around  ", 20, "around"),
            ("größer", 6, "größer"),
            ("größer", 5, "größ…"),
            ("ab cd", 3, "ab…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(printable(text, limit), expected, "{text:?} at {limit}");
        }
    }

    proptest! {
        #[test]
        fn never_longer_never_unprintable(text in "\\PC*|[\\x00-\\x{2100}]*", limit in 0usize..40) {
            let clean = printable(&text, limit);
            prop_assert!(clean.chars().count() <= limit);
            prop_assert!(!clean.chars().any(super::unprintable));
        }
    }
}
