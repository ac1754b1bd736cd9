//! SQS batches: records handled concurrently within bounds, failures reported a record at a time.
//!
//! [`each`] runs the work over the records of an event and keeps their order. [`respond`] turns what came of
//! it into the reply of a mapping with `FunctionResponseTypes: [ReportBatchItemFailures]`, by the
//! [`Class`] of each error:
//!
//! | error | the record | log |
//! |---|---|---|
//! | permanent | goes to the dead letters with the reason | one line |
//! | retryable | comes back; goes to the dead letters if it was received for the last time | one line |
//! | environment | as retryable; nothing further is started, and the rest share the cause | one line a cause |
//!
//! *Comes back* means that it is reported failed, so that SQS delivers it again.
//!
//! A record that cannot be sent to the dead letters is reported failed, so that it is never lost: at worst
//! the queue's own redrive policy moves it, without a reason. One that is only too long to be sent together with its
//! reason is sent with less of both.
//!
//! Every line about a record carries its `message_id` and its `correlation_id`, those of [`respond`] included.
//!
//! In a FIFO queue the records of a group are handled one after another; after one that failed the rest of
//! its group comes back untouched. Groups are independent of each other. `MessageGroupId` on a standard queue
//! (fair queues) orders nothing and is ignored.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use aws_lambda_events::event::sqs::SqsMessage;
use time::OffsetDateTime;
use tracing::Span;

use crate::error::{Class, Error};

mod dead_letters;
mod each;
mod respond;

pub use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
pub use dead_letters::DeadLetters;
#[cfg(any(test, feature = "testing"))]
pub use dead_letters::MemoryDeadLetters;
pub use each::each;
pub use respond::respond;

/// How a batch is worked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many records (in a FIFO queue, groups) are worked on at a time; 0 counts as 1.
    pub concurrency: usize,
    /// Once this much or less is left of the invocation, no record is started and those under way are cut off. They
    /// come back. What follows the records (writing, replying) has to fit into it.
    pub reserve: Duration,
    /// The receive count at which a retryable failure is the last. Not above the `maxReceiveCount` of the
    /// queue's redrive policy, or the queue moves the record before the reason is known.
    pub max_receives: u32,
}

impl Options {
    /// Whether [`respond`] sends `record` to the dead letters after `error`, instead of letting it come back. What
    /// else is to be done about a record that is given up is done before.
    pub fn sets_aside(&self, record: &Record, error: &Error) -> bool {
        match error.class() {
            Class::Permanent => true,
            // Out of a FIFO group nothing is taken that did not fail by itself: the order would be lost.
            Class::Environment if record.group.is_some() => false,
            Class::Environment | Class::Retryable => record.receive_count >= self.max_receives,
        }
    }
}

/// One message of a batch.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The id SQS gave the message. Empty if the event named none, in which case the record is never worked
    /// on.
    pub message_id: String,
    /// The message, empty if the event held none.
    pub body: String,
    /// How often the message was received, this time included (`ApproximateReceiveCount`).
    pub receive_count: u32,
    /// When it was sent (`SentTimestamp`).
    pub sent_at: Option<OffsetDateTime>,
    /// The message group, in a FIFO queue only.
    pub group: Option<String>,
    /// The message attributes that are text or numbers.
    pub attributes: BTreeMap<String, String>,
}

impl Record {
    fn new(message: SqsMessage) -> Self {
        let system: HashMap<String, String> = message.attributes;
        let fifo = message.event_source_arn.is_some_and(|arn| arn.ends_with(".fifo"));
        let receives = system.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        let sent_at = system.get("SentTimestamp").and_then(|millis| millis.parse::<i64>().ok());
        Self {
            message_id: message.message_id.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            receive_count: receives.unwrap_or(1),
            sent_at: sent_at.and_then(|millis| {
                OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()
            }),
            group: system.get("MessageGroupId").filter(|_| fifo).cloned(),
            attributes: message
                .message_attributes
                .into_iter()
                .filter_map(|(name, attribute)| Some((name, attribute.string_value?)))
                .collect(),
        }
    }
}

/// Without body and attributes, which are content.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("message_id", &self.message_id)
            .field("receive_count", &self.receive_count)
            .field("sent_at", &self.sent_at)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

/// A record and what came of it.
#[derive(Debug)]
pub struct Processed<T> {
    /// The record.
    pub record: Arc<Record>,
    /// What the work gave, or why it failed or was not begun.
    pub result: Result<T, Error>,
    /// The span that its work ran in, for whatever else is done about it: `span.in_scope(…)`, or `.instrument(span)`.
    pub span: Span,
}
