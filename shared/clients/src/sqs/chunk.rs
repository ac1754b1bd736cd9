//! How messages are put together into calls of `SendMessageBatch`.

use super::Outgoing;

/// Messages in a call (Amazon SQS API reference, `SendMessageBatch`).
const MAX_MESSAGES: usize = 10;
/// Bytes of a message and of all messages in a call, 1 MiB.
pub(super) const MAX_BYTES: usize = 1_048_576;

/// A message's bytes as SQS counts them: body, and names, types and values of attributes.
pub(super) fn size(message: &Outgoing) -> usize {
    let attributes = message.attributes.iter().map(|(name, value)| name.len() + "String".len() + value.len());
    message.body.len() + attributes.sum::<usize>()
}

/// Puts messages together, in order, as long as they fit into one call.
pub(super) fn chunks<T>(sized: impl IntoIterator<Item = (usize, T)>) -> Vec<Vec<T>> {
    let mut calls: Vec<Vec<T>> = Vec::new();
    let mut bytes = 0;
    for (size, message) in sized {
        match calls.last_mut() {
            Some(call) if call.len() < MAX_MESSAGES && bytes + size <= MAX_BYTES => {
                bytes += size;
                call.push(message);
            }
            _ => {
                bytes = size;
                calls.push(vec![message]);
            }
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_holds_ten_messages_and_one_mebibyte() {
        let half = MAX_BYTES / 2;
        for (sizes, expected) in [
            (vec![], vec![]),
            (vec![1; 10], vec![10]),
            (vec![1; 21], vec![10, 10, 1]),
            (vec![half, half], vec![2]),
            (vec![half, half, 1], vec![2, 1]),
            (vec![half, half + 1, half], vec![1, 1, 1]),
            (vec![MAX_BYTES, MAX_BYTES], vec![1, 1]),
        ] {
            let chunks = chunks(sizes.iter().map(|size| (*size, *size)));
            let lengths: Vec<_> = chunks.iter().map(Vec::len).collect();
            assert_eq!(lengths, expected, "{sizes:?}");
            assert_eq!(chunks.concat(), sizes, "nothing is lost or reordered");
        }
    }

    #[test]
    fn attributes_count_with_name_type_and_value() {
        let message = Outgoing {
            body: "ü".to_owned(),
            attributes: [("reason".to_owned(), "none".to_owned())].into(),
            ..Outgoing::default()
        };
        assert_eq!(size(&message), 2 + 6 + 6 + 4);
    }
}
