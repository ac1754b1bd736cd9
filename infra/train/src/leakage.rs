//! What a test message has in common with the training messages.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// How many words in a row count as copied wording.
pub const SHINGLE: usize = 8;

/// The words of a text, in lower case and without anything between them: two texts with the same words are
/// one.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// [`words`], joined by spaces.
pub fn normalised(text: &str) -> String {
    words(text).join(" ")
}

/// Every run of [`SHINGLE`] words of a text, hashed; none for a shorter text.
pub fn shingles(text: &str) -> HashSet<u64> {
    words(text)
        .windows(SHINGLE)
        .map(|window| {
            let mut hasher = DefaultHasher::new();
            window.hash(&mut hasher);
            hasher.finish()
        })
        .collect()
}

/// The share of the shingles of a text that are among `known`, 0 to 1; 0 for a text without any.
pub fn overlap(text: &str, known: &HashSet<u64>) -> f64 {
    let own = shingles(text);
    if own.is_empty() {
        return 0.0;
    }
    let shared = own.iter().filter(|shingle| known.contains(shingle)).count();
    shared as f64 / own.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_punctuation_do_not_make_another_text() {
        assert_eq!(normalised("  Save 20% NOW -- at Déjà-Vu! "), "save 20 now at déjà vu");
    }

    #[test]
    fn overlap_is_the_share_of_copied_runs() {
        let known = shingles("one two three four five six seven eight nine ten");
        assert_eq!(known.len(), 3);
        assert_eq!(overlap("One, two three four five six seven eight!", &known), 1.0);
        // Two runs, of which the first is copied.
        assert_eq!(overlap("one two three four five six seven eight otherwise", &known), 0.5);
        assert_eq!(overlap("one two three", &known), 0.0);
    }
}
