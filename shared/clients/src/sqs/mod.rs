//! Amazon SQS queues.

mod chunk;
#[cfg(feature = "testing")]
pub mod contract;
mod dead_letters;
#[cfg(feature = "testing")]
mod fake;
mod sdk;

use std::collections::BTreeMap;
use std::fmt;

pub use dead_letters::SqsDeadLetters;
use eventide_kit::error::Error;
#[cfg(feature = "testing")]
pub use fake::FakeQueue;
pub use sdk::SqsQueue;

/// A message to be sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// At least one character; with the attributes at most 1 MiB.
    pub body: String,
    /// Seconds until it can be received, 0 to 900. Standard queues only.
    pub delay_seconds: u16,
    /// Message attributes of type `String`, at most 10. Empty ones are not sent: SQS has none.
    pub attributes: BTreeMap<String, String>,
}

impl fmt::Debug for Outgoing {
    /// Without the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("body_bytes", &self.body.len())
            .field("delay_seconds", &self.delay_seconds)
            .field("attributes", &self.attributes)
            .finish()
    }
}

/// Longest delay of a message, in seconds.
const MAX_DELAY: u16 = 900;

impl Outgoing {
    /// A message of JSON, without attributes.
    ///
    /// # Errors
    /// `Permanent.Unwritable` if it cannot be written.
    pub fn json(message: &impl serde::Serialize, delay_seconds: u16) -> Result<Self, Error> {
        let body = serde_json::to_string(message).map_err(|error| {
            Error::permanent("Unwritable", "the message cannot be written").with_source(error)
        })?;
        Ok(Self { body, delay_seconds, ..Self::default() })
    }

    /// Checks what SQS would reject, and the local cloud would not.
    fn check(&self) -> Result<(), Error> {
        let size = chunk::size(self);
        if size > chunk::MAX_BYTES {
            let message = format!("the message has {size} bytes, expected at most {}", chunk::MAX_BYTES);
            return Err(Error::permanent("MessageTooLong", message));
        }
        if self.body.is_empty() {
            return Err(Error::permanent("InvalidMessage", "the message is empty"));
        }
        if self.delay_seconds > MAX_DELAY {
            let message = format!("the delay is `{}` seconds, expected 0 to {MAX_DELAY}", self.delay_seconds);
            return Err(Error::permanent("InvalidMessage", message));
        }
        Ok(())
    }
}

/// A queue to send to.
pub trait Queue: Send + Sync {
    /// Sends any number of messages, in as many calls as SQS's limits need (10 messages and 1 MiB each). The result has
    /// one entry per message in the order given: SQS's message id, or why that message was not sent, which is
    /// [`Permanent`] if the fault is the message's own.
    ///
    /// # Errors
    /// If no message at all was accepted, because the first call failed. [`Environment`] then means that the queue is
    /// missing, denied, or that its key cannot be used.
    ///
    /// After a time-out a message may have been sent all the same.
    ///
    /// [`Permanent`]: eventide_kit::error::Class::Permanent
    /// [`Environment`]: eventide_kit::error::Class::Environment
    fn send(
        &self,
        messages: Vec<Outgoing>,
    ) -> impl Future<Output = Result<Vec<Result<String, Error>>, Error>> + Send;

    /// As [`send`](Self::send), where nothing is done about a single message.
    ///
    /// # Errors
    /// The first message's error, if one was not sent; the others have been.
    fn send_all(&self, messages: Vec<Outgoing>) -> impl Future<Output = Result<(), Error>> + Send {
        async { self.send(messages).await?.into_iter().try_for_each(|sent| sent.map(drop)) }
    }
}
