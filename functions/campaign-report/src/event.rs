//! What wakes the function.

use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_kit::sqs::SqsEvent;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Whatever the function may be invoked with; see [`read`].
pub type Event = Box<RawValue>;

/// An event that was understood.
#[derive(Debug)]
pub enum Trigger {
    /// Messages of the queue.
    Queue(SqsEvent),
    /// The schedule: write the reports that are due.
    Sweep,
}

#[derive(Deserialize)]
struct Form {
    #[serde(rename = "Records")]
    records: Option<IgnoredAny>,
    sweep: Option<bool>,
}

/// Reads an event.
///
/// # Errors
///
/// `InvalidEvent` if it is neither a batch nor `{"sweep": true}`.
pub fn read(event: &RawValue) -> Result<Trigger, Error> {
    let payload = event.get().as_bytes();
    match parse(payload)? {
        Form { records: Some(_), .. } => parse(payload).map(Trigger::Queue),
        Form { sweep: Some(true), .. } => Ok(Trigger::Sweep),
        Form { .. } => Err(Error::permanent(
            "InvalidEvent",
            "event does not parse: expected a batch of SQS or `{\"sweep\": true}`",
        )),
    }
}
