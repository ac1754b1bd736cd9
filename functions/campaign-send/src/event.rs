//! What a message of the queue says.

use std::time::Duration;

use eventide_clients::sqs::Outgoing;
use eventide_kit::Error;
use eventide_types::campaign::record::Shard;
use serde::{Deserialize, Serialize};

/// A message of the queue: [`message::Send`](eventide_types::campaign::message::Send), to which the function adds what tells
/// whether another message has carried the shard on since.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Carry {
    /// The shard's key.
    pub(crate) shard: String,
    /// The shard's revision when the message was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<u64>,
}

impl Carry {
    /// A message for a shard as it stands, after a delay of up to 900 seconds.
    ///
    /// # Errors
    ///
    /// `Permanent.Unwritable` if it cannot be written.
    pub(crate) fn on(shard: &Shard, after: Duration) -> Result<Outgoing, Error> {
        let seconds = u16::try_from(after.as_millis().div_ceil(1_000)).unwrap_or(u16::MAX);
        Outgoing::json(&Self { shard: shard.key.clone(), revision: Some(shard.revision) }, seconds)
    }
}
