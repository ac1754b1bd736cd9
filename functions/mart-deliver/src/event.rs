//! What wakes the function.

use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_kit::sqs::SqsEvent;
use eventide_types::mart::statement::{StatementName, StatusChange};
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
    /// The schedule: look after what is overdue.
    Sweep,
}

/// What a message of the queue is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// The request's token.
    pub token: String,
    /// The statement, where the message is the event of its end.
    pub statement_id: Option<String>,
}

#[derive(Deserialize)]
struct Form {
    #[serde(rename = "Records")]
    records: Option<IgnoredAny>,
    sweep: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    HandedOver { token: String },
    Ended(Box<StatusChange>),
}

/// Reads an event.
///
/// # Errors
///
/// `InvalidEvent` if it is neither a batch nor `{"sweep": true}`.
pub fn read(event: &RawValue) -> Result<Trigger, Error> {
    let payload = event.get().as_bytes();
    let form: Form = parse(payload)?;
    match form {
        Form { records: Some(_), .. } => parse(payload).map(Trigger::Queue),
        Form { sweep: Some(true), .. } => Ok(Trigger::Sweep),
        Form { .. } => Err(Error::permanent(
            "InvalidEvent",
            "event does not parse: expected a batch of SQS or `{\"sweep\": true}`",
        )),
    }
}

/// Reads a message: the event of a statement's end, or a token.
///
/// # Errors
///
/// `InvalidEvent` if it is neither, or the statement is none that answers a request.
pub fn message(body: &str) -> Result<Message, Error> {
    match parse(body.as_bytes())? {
        Body::HandedOver { token } => Ok(Message { token, statement_id: None }),
        Body::Ended(ended) => match ended.detail.name() {
            Some(StatementName::Query { token, .. }) => {
                Ok(Message { token, statement_id: Some(ended.detail.statement_id) })
            }
            _ => Err(Error::permanent(
                "InvalidEvent",
                "the statement's name is none of mart-query's, expected `eventide/query/<mart>/<token>`",
            )),
        },
    }
}
