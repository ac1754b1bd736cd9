//! Wildcards, as path patterns of behaviours and resources of signed policies have them.

/// Whether a text matches a pattern, in which `*` stands for any characters, none included, and `?` for one.
/// Both are compared byte by byte, and case counts.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` is, and how much of the text it stands for so far ends.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(expected) if *expected == b'?' || expected == byte => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, until)) => {
                    star = Some((at, until + 1));
                    p = at + 1;
                    t = until + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// Whether a path matches a behaviour's path pattern, which may leave out the first slash.
pub(super) fn matches_path(pattern: &str, path: &str) -> bool {
    match pattern.as_bytes().first() {
        Some(b'/' | b'*') => matches(pattern, path),
        _ => path.strip_prefix('/').is_some_and(|path| matches(pattern, path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_characters_or_for_one() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("*", "anything/at?all", true),
            ("?", "", false),
            ("?", "ab", false),
            ("a*c", "abbbc", true),
            ("a*c", "abbbcd", false),
            ("a*b*c", "aXbYbZc", true),
            ("*.jpg", "a.jpg.jpg", true),
            ("*aab", "aaaab", true),
            ("https://h/c?t=*", "https://h/c?t=abc", true),
            ("http*://h/c", "https://h/c", true),
            ("A", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "`{pattern}` `{text}`");
        }
    }

    #[test]
    fn path_patterns_may_leave_out_the_first_slash() {
        for (pattern, path, expected) in [
            ("/c", "/c", true),
            ("c", "/c", true),
            ("/c", "/chat", false),
            ("/c", "/c/", false),
            ("/assets/*", "/assets/texts/en.json", true),
            ("assets/*", "/assets/", true),
            ("/assets/*", "/assets", false),
            ("*.js", "/assets/app.js", true),
            ("/api/*", "/API/redeem", false),
            ("/a??.html", "/abc.html", true),
        ] {
            assert_eq!(matches_path(pattern, path), expected, "`{pattern}` `{path}`");
        }
    }
}
