use std::collections::BTreeMap;

use eventide_kit::error::Error;
use eventide_kit::sqs::{DeadLetters, Record};

use super::{Outgoing, Queue};

/// Longest reason, in characters.
const MAX_REASON: usize = 1_024;

/// Sends failed records to a queue, where a person finds the body as it came and the reason as message attributes:
/// `error_type`, `reason`, `source_message_id`, `receive_count` and `function`.
#[derive(Clone, Debug)]
pub struct SqsDeadLetters<Q> {
    queue: Q,
    function: String,
}

impl<Q: Queue> SqsDeadLetters<Q> {
    /// Sends to `queue` in the name of `function`.
    pub fn new(queue: Q, function: impl Into<String>) -> Self {
        Self { queue, function: function.into() }
    }
}

/// The first 1,024 characters, with a space for each that SQS does not take or a terminal would obey.
fn reason(error: &Error) -> String {
    let visible = |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c };
    error.to_string().chars().take(MAX_REASON).map(visible).collect()
}

impl<Q: Queue> DeadLetters for SqsDeadLetters<Q> {
    async fn send(&self, record: &Record, error: &Error) -> Result<(), Error> {
        let attributes = BTreeMap::from([
            ("error_type".to_owned(), error.qualified_type()),
            ("reason".to_owned(), reason(error)),
            ("source_message_id".to_owned(), record.message_id.clone()),
            ("receive_count".to_owned(), record.receive_count.to_string()),
            ("function".to_owned(), self.function.clone()),
        ]);
        let message = Outgoing { body: record.body.clone(), delay_seconds: 0, attributes };
        let result = self.queue.send(vec![message]).await?.pop();
        result.unwrap_or_else(|| Err(Error::retryable("IncompleteAnswer", "the queue gave no answer")))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_on_a_character_and_has_no_control_characters() {
        assert_eq!(reason(&Error::permanent("T", "a\nb\u{1b}[2Jc\u{ffff}")), "a b [2Jc ");
        assert_eq!(reason(&Error::permanent("T", "ü".repeat(2_000))), "ü".repeat(MAX_REASON));
    }
}
