//! How many attributes a tag of HTML may have.
//!
//! The tokenizer compares the name of each attribute with those before it, so that one tag with 200,000 of them, which fit
//! into a row, would take it half a minute. They are counted beforehand, in a time that grows with the text alone.

use memchr::memchr;

/// The most attributes of one tag.
pub(crate) const MAX_ATTRIBUTES: u32 = 4_096;

/// Where in a tag a byte stands, as the specification's tokenizer has it; what it treats alike is one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    TagName,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    DoubleQuoted,
    SingleQuoted,
    Unquoted,
}

const PLACES: [Place; 8] = [
    Place::TagName,
    Place::BeforeName,
    Place::Name,
    Place::AfterName,
    Place::BeforeValue,
    Place::DoubleQuoted,
    Place::SingleQuoted,
    Place::Unquoted,
];

impl Place {
    /// Where the next byte stands, after this one; `None`: the tag has ended.
    const fn after(self, byte: u8) -> Option<Self> {
        let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0C);
        Some(match (self, byte) {
            (Self::DoubleQuoted, b'"') | (Self::SingleQuoted, b'\'') => Self::BeforeName,
            (Self::DoubleQuoted | Self::SingleQuoted, _) => self,
            (_, b'>') => return None,
            (Self::BeforeValue, _) if is_space => self,
            (Self::BeforeValue, b'"') => Self::DoubleQuoted,
            (Self::BeforeValue, b'\'') => Self::SingleQuoted,
            (Self::BeforeValue, _) => Self::Unquoted,
            (Self::Name | Self::AfterName, _) if is_space => Self::AfterName,
            (Self::Name | Self::AfterName, b'=') => Self::BeforeValue,
            (_, _) if is_space => Self::BeforeName,
            (Self::Unquoted, _) => self,
            (_, b'/') => Self::BeforeName,
            (Self::TagName, _) => self,
            (Self::BeforeName | Self::Name | Self::AfterName, _) => Self::Name,
        })
    }
}

/// Whether a tag may have more than [`MAX_ATTRIBUTES`].
///
/// What is a tag depends on what is before it: in a comment, a script or an attribute `<` begins none. So each `<` before a
/// letter is taken for a beginning, and all of them are followed at once; of those that stand at the same place of a tag
/// only the one with the most attributes can matter.
pub(crate) fn are_too_many(html: &str) -> bool {
    let html = html.as_bytes();
    // The most attributes of a tag that stands at each place; `None`: none does.
    let mut most: [Option<u32>; PLACES.len()] = [None; PLACES.len()];
    let mut at = 0;
    while let Some(byte) = html.get(at).copied() {
        if most.iter().all(Option::is_none) && byte != b'<' {
            let Some(next) = html.get(at..).and_then(|rest| memchr(b'<', rest)) else { return false };
            at += next;
            continue;
        }
        let mut next = [None; PLACES.len()];
        let mut reach = |place: Place, count| {
            if let Some(most) = next.get_mut(place as usize) {
                *most = (*most).max(Some(count));
            }
        };
        for (place, count) in PLACES.into_iter().zip(most) {
            let (Some(count), Some(after)) = (count, place.after(byte)) else { continue };
            let begins = after == Place::Name && place != Place::Name;
            if begins && count >= MAX_ATTRIBUTES {
                return true;
            }
            reach(after, count + u32::from(begins));
        }
        if byte == b'<' && html.get(at + 1).is_some_and(u8::is_ascii_alphabetic) {
            reach(Place::TagName, 0);
        }
        most = next;
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(count: u32, write: impl Fn(u32) -> String) -> String {
        (0..count).map(write).collect()
    }

    #[test]
    fn attributes_are_counted_however_they_are_written() {
        type Form = fn(u32) -> String;
        let forms: [(&str, Form); 6] = [
            ("", |number| format!(" a{number}")),
            ("/", |number| format!("a{number}/")),
            (" ", |number| format!("a{number}=\"< b > '\"")),
            (" ", |number| format!("a{number} = 'x y > \"'")),
            ("\t", |number| format!("a{number}=x/y\n")),
            ("", |number| format!("/={number}")),
        ];
        // Before the tag may be something that is none, but looks like one.
        for (before, form) in forms {
            for begin in ["<a", "<!-- <b title=\" --><a", "<b c='<d e=\"'><a"] {
                let html = |count| format!("{begin}{before}{}>", attributes(count, form));
                assert!(are_too_many(&html(MAX_ATTRIBUTES + 1)), "{begin}{before}{}", form(1));
                assert!(!are_too_many(&html(MAX_ATTRIBUTES - 2)), "{begin}{before}{}", form(1));
            }
        }
    }

    #[test]
    fn what_is_no_attribute_is_not_counted() {
        let words = "word / ".repeat(MAX_ATTRIBUTES as usize * 2);
        for html in [
            words.clone(),
            format!("<p title=\"{words}\">"),
            format!("<p>{words}</p> 1 < 2 {words}"),
            format!("<img src=data:image/png;base64,{}>", "a/".repeat(MAX_ATTRIBUTES as usize * 2)),
            "<a href=\"x\" title='y'>".repeat(MAX_ATTRIBUTES as usize),
        ] {
            assert!(!are_too_many(&html), "{}", html.get(..20).unwrap_or_default());
        }
    }
}
