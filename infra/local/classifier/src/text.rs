//! From a text to the features that are counted in it.

/// The longest run of letters that is taken for a word; of longer ones (encoded data, most likely) the
/// beginning is.
const LONGEST_WORD: usize = 40;

/// How long pieces of words are, in characters.
const PIECES: std::ops::RangeInclusive<usize> = 3..=5;

/// The features of a text with their counts, each kind in the order of its hashes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Words and pairs of neighbouring words.
    pub(crate) words: Vec<(u64, f32)>,
    /// Pieces of words, which make kin of `gamble` and `gambling`.
    pub(crate) pieces: Vec<(u64, f32)>,
}

/// Counts the features of a text.
pub(crate) fn count(text: &str) -> Counts {
    let words = words(text);
    let mut of_words = Vec::with_capacity(words.len() * 2);
    let mut of_pieces = Vec::new();
    let mut previous = None;
    let mut padded: Vec<char> = Vec::new();
    for word in &words {
        of_words.push(hash(b'w', word.iter().copied()));
        if let Some(previous) = previous.replace(word) {
            let pair = previous.iter().copied().chain([' ']).chain(word.iter().copied());
            of_words.push(hash(b'p', pair));
        }
        if word.len() < 2 {
            continue;
        }
        padded.clear();
        padded.push('<');
        padded.extend(word);
        padded.push('>');
        for length in PIECES {
            of_pieces.extend(padded.windows(length).map(|piece| hash(b'c', piece.iter().copied())));
        }
    }
    Counts { words: counted(of_words), pieces: counted(of_pieces) }
}

fn counted(mut hashes: Vec<u64>) -> Vec<(u64, f32)> {
    hashes.sort_unstable();
    let runs = hashes.chunk_by(|a, b| a == b);
    #[expect(clippy::cast_precision_loss, reason = "a count of words in a text")]
    let counted = runs.filter_map(|run| Some((*run.first()?, run.len() as f32))).collect();
    counted
}

/// The words of a text in lower case. Every digit is a zero, so that numbers of the same length are the same
/// word; signs of money and percent, and pictographs, are words of their own; apostrophes are left out.
fn words(text: &str) -> Vec<Vec<char>> {
    let mut words: Vec<Vec<char>> = Vec::new();
    let mut open = false;
    for character in text.chars() {
        match character {
            '\'' | '\u{2019}' => {}
            _ if character.is_alphanumeric() => {
                if !open {
                    words.push(Vec::new());
                    open = true;
                }
                if let Some(word) = words.last_mut().filter(|word| word.len() < LONGEST_WORD) {
                    if character.is_numeric() {
                        word.push('0');
                    } else {
                        word.extend(character.to_lowercase());
                    }
                }
            }
            _ => {
                open = false;
                if is_sign(character) {
                    words.push(vec![character]);
                }
            }
        }
    }
    words
}

fn is_sign(character: char) -> bool {
    matches!(character, '$' | '%' | '£' | '€' | '\u{2600}'..='\u{27BF}' | '\u{1F300}'..='\u{1FAFF}')
}

/// FNV-1a, 64 bits: unlike the standard library's it is the same in every process.
fn hash(kind: u8, characters: impl Iterator<Item = char>) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let start = step(0xCBF2_9CE4_8422_2325, kind);
    characters.fold(start, |hash, character| u32::from(character).to_le_bytes().into_iter().fold(hash, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.into_iter().collect()).collect()
    }

    #[test]
    fn words_are_normalised() {
        assert_eq!(
            read("Don’t MISS it: 50% off, $1,250!🎰Écoute"),
            ["dont", "miss", "it", "00", "%", "off", "$", "0", "000", "🎰", "écoute"]
        );
        assert_eq!(read(" \n\t"), Vec::<String>::new());
        assert_eq!(read(&"x".repeat(100)), ["x".repeat(LONGEST_WORD)]);
    }

    #[test]
    fn pairs_and_pieces_are_counted() {
        let counts = count("win big win");
        let word = |text: &str| hash(b'w', text.chars());
        assert!(counts.words.contains(&(word("win"), 2.0)));
        assert!(counts.words.contains(&(hash(b'p', "big win".chars()), 1.0)));
        assert_eq!(counts.words.len(), 4);
        assert!(counts.pieces.contains(&(hash(b'c', "<wi".chars()), 2.0)));
        assert!(counts.pieces.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(count("é"), Counts { words: vec![(word("é"), 1.0)], pieces: Vec::new() });
    }
}
