//! What wakes the function.

use eventide_kit::event::parse;
use eventide_kit::sqs::SqsEvent;
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::command::{Action, Command, DETAIL_TYPE};
use eventide_types::s3::{Created, Message};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

/// Whatever the function may be invoked with; see [`read`].
pub type Event = Box<RawValue>;

/// A command, with when and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The command.
    pub command: Command,
    /// When it was given.
    pub at: OffsetDateTime,
    /// What tells it from an equal one: the event's id. A direct command is repeated by giving it again, so that it is its
    /// content; but to send a test again is another test, told by the invocation's id.
    pub source: String,
}

/// An event that was understood.
#[derive(Debug)]
pub enum Trigger {
    /// Messages of the queue.
    Queue(SqsEvent),
    /// A command, whose giver waits for the answer.
    Direct(Given),
}

/// What a message of the queue says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A command.
    Command(Given),
    /// New objects in the campaign bucket.
    Created(Vec<Created>),
}

#[derive(Deserialize)]
struct Form {
    #[serde(rename = "Records")]
    records: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Envelope {
    detail_type: Option<String>,
}

#[derive(Deserialize)]
struct CommandEvent {
    id: String,
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
    detail: Command,
}

/// Reads an event: a batch of SQS, or a command given directly at `now`.
///
/// # Errors
///
/// `InvalidEvent` if it is neither.
pub fn read(event: &RawValue, invocation: &Invocation, now: OffsetDateTime) -> Result<Trigger, Error> {
    let payload = event.get().as_bytes();
    if parse::<Form>(payload)?.records.is_some() {
        return parse(payload).map(Trigger::Queue);
    }
    let command = checked(parse(payload)?)?;
    let source = match command.action {
        Action::TestSend { .. } => invocation.request_id.clone(),
        _ => {
            let content = serde_json::to_vec(&command).map_err(|error| {
                Error::permanent("Unwritable", "the command cannot be written").with_source(error)
            })?;
            format!("direct-{}", hex::encode(Sha256::digest(content)))
        }
    };
    Ok(Trigger::Direct(Given { command, at: now, source }))
}

/// Reads a message.
///
/// # Errors
///
/// `InvalidEvent` if it is neither a command nor S3's.
pub(crate) fn news(body: &str) -> Result<News, Error> {
    let Envelope { detail_type } = parse(body.as_bytes())?;
    if detail_type.as_deref() == Some(DETAIL_TYPE) {
        let CommandEvent { id, time, detail } = parse(body.as_bytes())?;
        return Ok(News::Command(Given { command: checked(detail)?, at: time, source: id }));
    }
    let created = parse::<Message>(body.as_bytes())?.created().map(News::Created);
    created.ok_or_else(|| {
        let message = "event does not parse: expected `Campaign Command`, or `Object Created` of Amazon S3";
        Error::permanent("InvalidEvent", message)
    })
}

fn checked(command: Command) -> Result<Command, Error> {
    let by = command.by.chars().count();
    if !(1..=256).contains(&by) || command.by.chars().any(char::is_control) {
        return Err(Error::permanent(
            "InvalidCommand",
            "`by` is not valid, expected 1 to 256 printable characters",
        ));
    }
    let reason = command.reason.as_ref().map_or(0, |reason| reason.chars().count());
    if reason > 1_024 {
        let message = format!("`reason` has {reason} characters, expected at most 1024");
        return Err(Error::permanent("InvalidCommand", message));
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_is_a_command_or_tells_of_objects() {
        let command = json!({"id": "e-1", "detail-type": "Campaign Command", "time": "2026-11-27T09:00:00Z",
            "detail": {"campaign": "spring", "action": "pause", "by": "ann"}});
        let News::Command(given) = news(&command.to_string()).unwrap() else { panic!("no command") };
        assert_eq!((given.source.as_str(), given.command.campaign.as_str()), ("e-1", "spring"));
        let created = json!({"detail-type": "Object Created", "detail": {"bucket": {"name": "b"}, "object": {"key": "k"}}});
        assert!(matches!(news(&created.to_string()).unwrap(), News::Created(objects) if objects.len() == 1));
    }

    #[test]
    fn what_is_no_command_is_refused_without_its_content() {
        let event = |detail: serde_json::Value| {
            json!({"id": "e", "detail-type": "Campaign Command", "time": "2026-11-27T09:00:00Z", "detail": detail}).to_string()
        };
        for (body, expected) in [
            (event(json!({"campaign": "c", "action": "stop", "by": "Ann"})), "InvalidEvent"),
            (event(json!({"campaign": "c", "action": "pause", "by": ""})), "InvalidCommand"),
            (event(json!({"campaign": "c", "action": "pause", "by": "a\nb"})), "InvalidCommand"),
            (
                event(json!({"campaign": "c", "action": "pause", "by": "Ann", "reason": "x".repeat(1025)})),
                "InvalidCommand",
            ),
            ("{}".to_owned(), "InvalidEvent"),
        ] {
            let error = news(&body).unwrap_err();
            assert_eq!(error.error_type(), expected, "{body}");
            assert!(!error.to_string().contains("Ann"), "{error}");
        }
    }
}
