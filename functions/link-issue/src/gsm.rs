//! Characters that an SMS carries in seven bits, and how many parts a text takes.
//!
//! An SMS is paid by the part: 160 septets alone, 153 of each of several, and characters of the extension table take two,
//! which stay together (3GPP TS 23.038, 6.2.1; TS 23.040, 9.2.3.24.1). One character beyond those tables, and the whole
//! text is sent in UCS-2, of which a part holds 67.

/// The default alphabet without line breaks and the escape.
const BASIC: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table without the form feed.
const EXTENSION: &str = "^{}\\[~]|€";

const ALONE: usize = 160;
const OF_SEVERAL: usize = 153;

/// The septets of a text of one line; `None` if it has a character of neither table.
pub(crate) fn septets(text: &str) -> Option<usize> {
    text.chars().map(width).sum()
}

/// The parts that a text of one line takes; `None` if it has a character of neither table.
pub(crate) fn parts(text: &str) -> Option<usize> {
    if septets(text)? <= ALONE {
        return Some(1);
    }
    let (mut parts, mut filled) = (1, 0);
    for character in text.chars() {
        let width = width(character)?;
        if filled + width > OF_SEVERAL {
            (parts, filled) = (parts + 1, 0);
        }
        filled += width;
    }
    Some(parts)
}

fn width(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        return Some(1);
    }
    EXTENSION.contains(character).then_some(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        // 128 codes less two line breaks and the escape; ten extensions less the form feed.
        assert_eq!(BASIC.chars().count(), 125);
        assert_eq!(EXTENSION.chars().count(), 9);
    }

    #[test]
    fn extensions_take_two_septets() {
        for (text, expected) in [
            ("", Some(0)),
            ("a~b", Some(4)),
            ("ñ€", Some(3)),
            ("á", None),
            ("ç", None),
            ("a\nb", None),
            ("…", None),
        ] {
            assert_eq!(septets(text), expected, "{text}");
        }
    }

    #[test]
    fn parts_are_counted_as_they_are_paid() {
        assert_eq!(parts(""), Some(1));
        assert_eq!(parts(&"a".repeat(160)), Some(1));
        assert_eq!(parts(&"a".repeat(161)), Some(2));
        assert_eq!(parts(&"a".repeat(306)), Some(2));
        assert_eq!(parts(&"a".repeat(307)), Some(3));
        assert_eq!(parts(&"~".repeat(80)), Some(1));
        // Of 153 septets 152 are used, because a pair stays together.
        assert_eq!(parts(&"~".repeat(152)), Some(2));
        assert_eq!(parts(&"~".repeat(153)), Some(3));
        assert_eq!(parts("漢"), None);
    }
}
