//! What the queue brings: events of Amazon S3 and of the Data API as EventBridge wraps them, and the function's own
//! messages, which have the same shape.

use eventide_kit::error::Error;
use eventide_kit::event::parse;
use eventide_types::mart::delivery;
use eventide_types::mart::statement::{self, EndState, StatementName};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The `detail-type` of the message that asks after a statement whose end was not told.
pub const OVERDUE: &str = "Data Mart Statement Overdue";

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When it happened.
    pub time: OffsetDateTime,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A version of a file is there.
    Created {
        /// The object's key.
        key: String,
        /// Its version; `None` in a bucket without versions.
        version_id: Option<String>,
        /// What S3 orders the versions of a key by.
        sequencer: String,
    },
    /// A file, or one of its versions, was deleted.
    Deleted {
        /// The object's key.
        key: String,
        /// What S3 orders the versions of a key by.
        sequencer: String,
        /// Whether a delete marker stands before its versions now. Otherwise a version is gone for good, which may or
        /// may not have been the current one.
        marker: bool,
    },
    /// A statement has ended; or, without a state, may have.
    Ended {
        /// The Data API's id of the statement.
        statement_id: String,
        /// What the statement's name says.
        name: StatementName,
        /// How it ended, as far as told.
        state: Option<EndState>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Envelope {
    source: String,
    detail_type: String,
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
}

/// Amazon S3 user guide, "EventBridge event message structure".
#[derive(Deserialize)]
struct ObjectEvent {
    detail: ObjectDetail,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ObjectDetail {
    object: Object,
    deletion_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Object {
    key: String,
    version_id: Option<String>,
    sequencer: String,
}

/// The function's own message about a statement.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct OverdueEvent {
    id: String,
    source: String,
    detail_type: String,
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
    detail: OverdueDetail,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OverdueDetail {
    statement_id: String,
    statement_name: String,
}

/// Reads a message.
///
/// # Errors
///
/// `InvalidEvent` or `UnknownEvent`: it is none that concerns this function.
pub fn read(body: &str) -> Result<Message, Error> {
    let body = body.as_bytes();
    let envelope: Envelope = parse(body)?;
    let what = match (envelope.source.as_str(), envelope.detail_type.as_str()) {
        ("aws.s3", kind @ ("Object Created" | "Object Deleted")) => {
            let ObjectDetail { object, deletion_type } = parse::<ObjectEvent>(body)?.detail;
            let Object { key, version_id, sequencer } = object;
            let hex =
                (1..=64).contains(&sequencer.len()) && sequencer.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !hex {
                return Err(Error::permanent(
                    "InvalidEvent",
                    "the object's `sequencer` is not 1 to 64 hex digits",
                ));
            }
            if kind == "Object Created" {
                What::Created { key, version_id, sequencer }
            } else {
                What::Deleted {
                    key,
                    sequencer,
                    marker: deletion_type.as_deref() == Some("Delete Marker Created"),
                }
            }
        }
        (statement::SOURCE, statement::STATUS_CHANGE) => {
            let ended = parse::<statement::StatusChange>(body)?.detail;
            let name = ended.name().ok_or_else(foreign)?;
            What::Ended { statement_id: ended.statement_id, name, state: Some(ended.state) }
        }
        (delivery::SOURCE, OVERDUE) => {
            let OverdueDetail { statement_id, statement_name } = parse::<OverdueEvent>(body)?.detail;
            let name = StatementName::parse(&statement_name).ok_or_else(foreign)?;
            What::Ended { statement_id, name, state: None }
        }
        _ => {
            let message =
                "expected `Object Created`, `Object Deleted` or `Redshift Data Statement Status Change`";
            return Err(Error::permanent("UnknownEvent", message));
        }
    };
    Ok(Message { time: envelope.time, what })
}

fn foreign() -> Error {
    Error::permanent("UnknownEvent", "the statement's name is none of the data marts'")
}

/// The message that asks after a statement, to be received later.
pub fn overdue(
    id: &str,
    statement_id: &str,
    statement_name: &str,
    now: OffsetDateTime,
) -> Result<String, Error> {
    let event = OverdueEvent {
        id: id.to_owned(),
        source: delivery::SOURCE.to_owned(),
        detail_type: OVERDUE.to_owned(),
        time: now,
        detail: OverdueDetail {
            statement_id: statement_id.to_owned(),
            statement_name: statement_name.to_owned(),
        },
    };
    serde_json::to_string(&event)
        .map_err(|error| Error::permanent("Unwritable", "the message cannot be written").with_source(error))
}
