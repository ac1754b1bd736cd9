//! How many parts a text is sent in: 160 characters of the GSM alphabet, or 153 a part; 70 UTF-16 units, or
//! 67 (3GPP TS 23.038; End User Messaging user guide, Character limits).

/// The basic GSM alphabet beyond what is said in [`units`].
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";

/// Characters that take an escape before them.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// How a text is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizing {
    /// As events name it.
    pub(super) encoding: &'static str,
    pub(super) parts: u32,
}

/// GSM units of a character, if it is in the alphabet.
fn units(c: char) -> Option<usize> {
    if c.is_ascii_alphanumeric() || BASIC.contains(c) {
        Some(1)
    } else if EXTENDED.contains(c) {
        Some(2)
    } else {
        None
    }
}

pub(super) fn size(text: &str) -> Sizing {
    let gsm: Option<Vec<usize>> = text.chars().map(units).collect();
    let (encoding, units, single, each) = match gsm {
        Some(units) => ("GSM", units, 160, 153),
        None => ("UNICODE", text.chars().map(char::len_utf16).collect(), 70, 67),
    };
    if units.iter().sum::<usize>() <= single {
        return Sizing { encoding, parts: 1 };
    }
    // A character does not cross from one part to the next.
    let (mut parts, mut used) = (1, 0);
    for unit in units {
        if used + unit > each {
            parts += 1;
            used = 0;
        }
        used += unit;
    }
    Sizing { encoding, parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_sent_in_parts() {
        for (text, encoding, parts) in [
            ("x".repeat(160), "GSM", 1),
            ("x".repeat(161), "GSM", 2),
            ("x".repeat(306), "GSM", 2),
            ("x".repeat(307), "GSM", 3),
            ("€".repeat(80), "GSM", 1),
            ("€".repeat(81), "GSM", 2),
            // 153 is odd, so that the 77th does not fit the first part.
            ("€".repeat(153), "GSM", 3),
            ("Sí".to_owned(), "UNICODE", 1),
            ("ж".repeat(70), "UNICODE", 1),
            ("ж".repeat(71), "UNICODE", 2),
            ("😀".repeat(35), "UNICODE", 1),
            ("😀".repeat(36), "UNICODE", 2),
        ] {
            assert_eq!(
                size(&text),
                Sizing { encoding, parts },
                "{} × {:?}",
                text.chars().count(),
                text.chars().next()
            );
        }
    }
}
