//! The languages that links are sent and shown in.

use serde::{Deserialize, Serialize};

/// A language that Eventide has texts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
    /// German.
    De,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::En, Self::Es, Self::De];

    /// The ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
            Self::De => "de",
        }
    }

    /// The language of a tag such as `es`, `es-MX` or `de_AT`, in whatever case.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_by_their_primary_language() {
        for (tag, expected) in [
            ("en", Some(Language::En)),
            ("es-MX", Some(Language::Es)),
            ("DE_at", Some(Language::De)),
            (" de ", Some(Language::De)),
            ("den", None),
            ("fr-FR", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(Language::of_tag(tag), expected, "{tag}");
        }
    }

    #[test]
    fn the_code_is_what_is_written_and_read() {
        for language in Language::ALL {
            assert_eq!(Language::of_tag(language.code()), Some(language));
            let written = serde_json::to_value(language).unwrap();
            assert_eq!(written, language.code());
            assert_eq!(serde_json::from_value::<Language>(written).unwrap(), language);
        }
        assert!(serde_json::from_value::<Language>(serde_json::json!("EN")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_tag_is_too_strange(tag in "\\PC*") {
            let _ = Language::of_tag(&tag);
        }
    }
}
