//! Texts as the classifier gets them.

use icu_normalizer::ComposingNormalizerBorrowed;

/// The longest part, in bytes. Amazon Comprehend takes 10 KB and 10,000 characters at a time.
pub(crate) const MAX_PART: usize = 9_500;

/// One line, in Unicode's form NFKC, without characters that cannot be seen; other white space and controls
/// become single spaces.
pub(crate) fn normalised(text: &str) -> String {
    let visible: String;
    let text = if text.is_ascii() {
        text
    } else {
        visible = text.chars().filter(|character| !is_invisible(*character)).collect();
        &visible
    };
    let normalised = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    let mut folded = String::with_capacity(normalised.len());
    let words = normalised.split(|character: char| character.is_whitespace() || character.is_control());
    for word in words.filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}

/// Zero-width characters, marks of direction, fillers, variation selectors and tags: what Unicode calls
/// default-ignorable.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// A normalised text in parts of at most [`MAX_PART`] bytes: between sentences, else between words, else
/// between characters.
pub(crate) fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > MAX_PART {
        let (window, _) = rest.split_at_checked(rest.floor_char_boundary(MAX_PART)).unwrap_or((rest, ""));
        // A sentence's end in the first half would leave a part too short to be judged well.
        let late = |at: &usize| *at > window.len() / 2;
        let sentence =
            window.rmatch_indices(['.', '!', '?', '…', '。', '！', '？']).find_map(|(at, mark)| {
                let end = at + mark.len();
                let is_end = mark.len() > 2 || window.as_bytes().get(end) == Some(&b' ');
                is_end.then_some(end)
            });
        let end = sentence.filter(late).or_else(|| window.rfind(' ').filter(|at| *at > 0));
        let (part, after) = rest.split_at_checked(end.unwrap_or(window.len())).unwrap_or((rest, ""));
        parts.push(part.trim_end().to_owned());
        rest = after.trim_start();
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_seen_is_taken_out() {
        for (text, expected) in [
            ("  a \t\r\n b\u{0}c ", "a b c"),
            ("ca\u{200B}si\u{AD}no", "casino"),
            ("\u{202E}onisac\u{202C}", "onisac"),
            ("ｃａｓｉｎｏ", "casino"),
            ("𝐜𝐚𝐬𝐢𝐧𝐨", "casino"),
            ("ⓒⓐⓢⓘⓝⓞ", "casino"),
            ("a\u{A0}b\u{2028}c\u{3000}d", "a b c d"),
            ("\u{200B}\u{3164}", ""),
            ("Zoe\u{308}", "Zoë"),
            ("Case Kept", "Case Kept"),
        ] {
            assert_eq!(normalised(text), expected, "{text:?}");
        }
    }

    #[test]
    fn long_texts_are_split_between_sentences() {
        let sentence = "Nothing is as cheap as our lamps. ";
        let text = normalised(&sentence.repeat(700));
        let split = parts(&text);
        assert_eq!(split.len(), 3);
        assert!(split.iter().all(|part| part.len() <= MAX_PART && part.ends_with("lamps.")));
        assert_eq!(split.join(" "), text);
        let words = "word ".repeat(4_000);
        assert!(parts(words.trim()).iter().all(|part| part.starts_with("word") && part.ends_with("word")));
        assert_eq!(parts(&"ü".repeat(9_000)).iter().map(String::len).collect::<Vec<_>>(), [9_500, 8_500]);
        assert_eq!(parts(&"長い文。".repeat(2_000)).concat(), "長い文。".repeat(2_000));
        assert_eq!(parts("short"), ["short"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Nothing is lost between parts, and normalising again changes nothing.
        #[test]
        fn parts_make_up_the_text(text in "([a-z]{0,12}[ .!?…。ü\u{200B}]){0,4000}") {
            let text = normalised(&text);
            prop_assert_eq!(&normalised(&text), &text);
            let split = parts(&text);
            prop_assert!(split.iter().all(|part| part.len() <= MAX_PART));
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&split.concat()), letters(&text));
        }
    }
}
