//! Taking up shards whose time has come, or whose message was lost.

use std::time::Duration;

use eventide_clients::campaigns::Shards as _;
use eventide_clients::sqs::{Outgoing, Queue as _};
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::Channel;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use crate::event::Carry;
use crate::send::{CampaignSend, GRACE, Ports};

/// Shards that one sweep takes up. The next one is a minute away.
const MOST: usize = 250;
/// Shards that are taken up at a time.
const CONCURRENCY: usize = 8;
/// Shards that are looked through for one that may begin where another ended.
const LOOKED_THROUGH: usize = 8;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Shards that were due, and are taken up.
    pub due: u64,
}

impl<P: Ports> CampaignSend<P> {
    /// Sends a message for each shard that is due, and for none of them another within [`GRACE`].
    pub(crate) async fn sweep(&self, invocation: &Invocation) -> Result<Swept, Error> {
        let due = self.ports.store().due_shards(self.clock.now(), MOST).await?;
        let taken = stream::iter(due).map(|key| async move { self.take_up(&key, None).await });
        let taken: Vec<_> = taken.buffered(CONCURRENCY).collect().await;
        let (mut messages, mut first) = (Vec::new(), None);
        for taken in taken {
            match taken {
                Ok(message) => messages.extend(message),
                // The others are on their way all the same.
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        let swept = Swept { due: messages.len() as u64 };
        self.ports.send_queue().send_all(messages).await?;
        if swept.due > 0 {
            tracing::info!(due = swept.due, "swept");
        }
        invocation.metrics.count("ShardsDue", swept.due, &[]);
        first.map_or(Ok(swept), Err)
    }

    /// Where one shard has ended, another of its channel may begin, if one is due.
    pub(crate) async fn bring_on(&self, channel: Channel) -> Result<(), Error> {
        for key in self.ports.store().due_shards(self.clock.now(), LOOKED_THROUGH).await? {
            if let Some(next) = self.take_up(&key, Some(channel)).await? {
                return self.ports.send_queue().send_all(vec![next]).await;
            }
        }
        Ok(())
    }

    /// The message of a shard that is due, which for a while nobody else takes up.
    async fn take_up(&self, key: &str, channel: Option<Channel>) -> Result<Option<Outgoing>, Error> {
        let now = self.clock.now();
        let shard = self.ports.store().shard(key).await?;
        // The index says what was.
        let due = shard.filter(|shard| !shard.closed && shard.due_at <= now);
        let wanted = due.filter(|shard| channel.is_none_or(|channel| channel == shard.channel));
        let Some(mut shard) = wanted else { return Ok(None) };
        shard.due_at = now + GRACE;
        if !self.ports.store().move_on(&mut shard).await? {
            return Ok(None);
        }
        Carry::on(&shard, Duration::ZERO).map(Some)
    }
}
