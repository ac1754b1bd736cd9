use std::future::Future;

use super::Record;
use crate::error::{Class, Error};

/// Longest reason of a letter that has no room for a whole one, in characters.
const BRIEF: usize = 64;

/// What is cut off a body that leaves no room for any reason, in bytes: enough for a handful of message attributes.
const ROOM: usize = 1024;

/// Where records go that must not come back: a queue that a person looks into, with an alarm on its depth.
pub trait DeadLetters: Send + Sync {
    /// Sends the record's body there, with the error's type and reason.
    ///
    /// # Errors
    ///
    /// If it was not, or may not have been, accepted; the record then comes back. [`Class::Permanent`] says that it
    /// is not acceptable as it is, such as a body of nearly 1 MiB, to whose length message attributes count; it is
    /// then sent with less (see [`respond`](super::respond)).
    fn send(&self, record: &Record, error: &Error) -> impl Future<Output = Result<(), Error>> + Send;
}

/// How much of a letter was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Whole,
    BriefReason,
    CutBody,
}

/// Sends a letter, and if it is refused for good, with a shorter reason, and then without the end of the body: a
/// person is helped more by the reason and nearly all of a message than by all of it without one.
pub(super) async fn send(letters: &impl DeadLetters, record: &Record, error: &Error) -> Result<Taken, Error> {
    let refusal = match letters.send(record, error).await {
        Ok(()) => return Ok(Taken::Whole),
        Err(refusal) if refusal.class() == Class::Permanent => refusal,
        Err(trouble) => return Err(trouble),
    };
    match letters.send(record, &with_reason(error, brief(error))).await {
        Ok(()) => return Ok(Taken::BriefReason),
        Err(refusal) if refusal.class() == Class::Permanent => {}
        Err(trouble) => return Err(trouble),
    }
    let bytes = record.body.len();
    let Some(kept) = bytes.checked_sub(ROOM).filter(|kept| *kept > 0) else { return Err(refusal) };
    let mut cut = record.clone();
    cut.body.truncate(cut.body.floor_char_boundary(kept));
    let reason = format!("(only {} of {bytes} bytes of the body) {}", cut.body.len(), brief(error));
    letters.send(&cut, &with_reason(error, reason)).await.map(|()| Taken::CutBody)
}

fn brief(error: &Error) -> String {
    let whole = error.to_string();
    let mut brief: String = whole.chars().take(BRIEF).collect();
    if brief.len() < whole.len() {
        brief.push('…');
    }
    brief
}

fn with_reason(error: &Error, reason: String) -> Error {
    Error::new(error.class(), error.error_type().to_owned(), reason)
}

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryDeadLetters;

#[cfg(any(test, feature = "testing"))]
mod memory {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::{DeadLetters, Error, Record};

    /// [`DeadLetters`] for tests. Clones share what was sent.
    #[derive(Debug, Clone, Default)]
    pub struct MemoryDeadLetters {
        sent: Arc<Mutex<Vec<Letter>>>,
        refuses: bool,
        longest: Option<usize>,
    }

    #[derive(Debug)]
    struct Letter {
        record: Record,
        error_type: String,
        reason: String,
    }

    impl MemoryDeadLetters {
        /// A queue that accepts nothing.
        pub fn refusing() -> Self {
            Self { refuses: true, ..Self::default() }
        }

        /// A queue that refuses letters longer than `bytes`, body, error type and reason together.
        pub fn up_to(bytes: usize) -> Self {
            Self { longest: Some(bytes), ..Self::default() }
        }

        /// The records that were sent, each with the error's qualified type.
        pub fn sent(&self) -> Vec<(Record, String)> {
            let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.iter().map(|letter| (letter.record.clone(), letter.error_type.clone())).collect()
        }

        /// The reasons of what was sent, in the same order.
        pub fn reasons(&self) -> Vec<String> {
            let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.iter().map(|letter| letter.reason.clone()).collect()
        }
    }

    impl DeadLetters for MemoryDeadLetters {
        async fn send(&self, record: &Record, error: &Error) -> Result<(), Error> {
            if self.refuses {
                return Err(Error::environment("Unreachable", "the dead-letter queue did not answer"));
            }
            let (error_type, reason) = (error.qualified_type(), error.to_string());
            let bytes = record.body.len() + error_type.len() + reason.len();
            if let Some(longest) = self.longest.filter(|longest| bytes > *longest) {
                let message = format!("the letter has {bytes} bytes, expected at most {longest}");
                return Err(Error::permanent("MessageTooLong", message));
            }
            let letter = Letter { record: record.clone(), error_type, reason };
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
            Ok(())
        }
    }
}
