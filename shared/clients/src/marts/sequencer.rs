//! The order of an object's versions in time.

use std::cmp::Ordering;

/// Digits that are stored, so that DynamoDB can compare. S3's sequencers have 16 to 18 these days.
const STORED: usize = 64;

/// Compares sequencers of the same key: hexadecimal, the shorter one padded with zeros on the right (Amazon S3 User
/// Guide, "Event message structure").
pub fn compare(a: &str, b: &str) -> Ordering {
    let length = a.len().max(b.len());
    padded(a, length).cmp(&padded(b, length))
}

/// A text by whose order sequencers are ordered.
pub(super) fn stored(sequencer: &str) -> String {
    padded(sequencer, STORED)
}

fn padded(sequencer: &str, length: usize) -> String {
    let mut padded = sequencer.to_ascii_uppercase();
    padded.extend(std::iter::repeat_n('0', length.saturating_sub(padded.len())));
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_one_is_padded_on_the_right() {
        for (a, b, expected) in [
            ("0055AED6DCD90281E5", "0055AED6DCD90281E6", Ordering::Less),
            ("0055AED6DCD90281E5", "0055aed6dcd90281e5", Ordering::Equal),
            ("0055AED6DCD902", "0055AED6DCD90200", Ordering::Equal),
            ("0055AED6DCD902", "0055AED6DCD90201", Ordering::Less),
            ("0056", "0055AED6DCD90281E5", Ordering::Greater),
            ("", "00", Ordering::Equal),
        ] {
            assert_eq!(compare(a, b), expected, "{a} {b}");
            assert_eq!(compare(b, a), expected.reverse(), "{b} {a}");
            assert_eq!(stored(a).cmp(&stored(b)), expected, "{a} {b} as stored");
        }
    }
}
