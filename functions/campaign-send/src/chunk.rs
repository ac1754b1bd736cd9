//! Some messages of a shard, at once.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use eventide_clients::email::{Email as _, Quota};
use eventide_clients::s3::Bucket as _;
use eventide_kit::event::parse;
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::Campaign;
use eventide_types::campaign::outgoing::Outgoing;
use eventide_types::campaign::record::Shard;
use futures_util::{StreamExt as _, stream};

use crate::one::Step;
use crate::send::{CampaignSend, Ports, RESERVE};

/// Messages that are on their way to the provider at a time.
const CONCURRENCY: usize = 16;
/// The longest shard, with room.
const MAX_SHARD: u64 = 16 * 1024 * 1024;
/// For how long a quota is taken for current.
const QUOTA_LIFE: time::Duration = time::Duration::seconds(60);

/// How far a chunk came.
pub(crate) struct Came {
    /// The first message that was not looked at.
    pub(crate) to: u32,
    /// Of those looked at, the ones that are to be looked at again.
    pub(crate) left: u32,
    /// A quota of a day, a month or the like is used up.
    pub(crate) used_up: bool,
    /// What every other message would meet, too.
    pub(crate) error: Option<Error>,
}

impl<P: Ports> CampaignSend<P> {
    /// Sends up to `room` messages from `shard.next` on.
    pub(crate) async fn chunk(
        &self,
        shard: &Shard,
        campaign: &Campaign,
        room: u32,
        invocation: &Invocation,
    ) -> Result<Came, Error> {
        let Some(object) = self.ports.bucket().get(&shard.key, None, MAX_SHARD).await? else {
            let message = format!("shard `{}` has no messages any more: its work has expired", shard.key);
            return Err(Error::permanent("ShardExpired", message));
        };
        let lines = object.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let chunk = lines.skip(shard.next as usize).take(room as usize);
        let messages = chunk.map(parse::<Outgoing>).collect::<Result<Vec<_>, _>>()?;
        let end = shard.next.saturating_add(u32::try_from(messages.len()).unwrap_or(u32::MAX));
        // What one meets that is no fault of its own, the others would meet too.
        let stopped = &AtomicBool::new(false);
        let begun = messages.iter().zip(shard.next..).map(|(message, position)| async move {
            if stopped.load(Ordering::Relaxed) || invocation.deadline.is_near(RESERVE) {
                return (position, Ok(Step::NotBegun));
            }
            let step = self.one(message, campaign, shard.test, invocation).await;
            if matches!(step, Ok(Step::UsedUp) | Err(_)) {
                stopped.store(true, Ordering::Relaxed);
            }
            (position, step)
        });
        let begun: Vec<_> = begun.collect();
        let steps: Vec<_> = stream::iter(begun).buffered(CONCURRENCY).collect().await;
        // An object that was cut short would otherwise be read for ever.
        let end = if messages.is_empty() { shard.messages } else { end };
        let mut came = Came { to: end, left: 0, used_up: false, error: None };
        for (position, step) in steps {
            match step {
                Ok(Step::Settled) => {}
                Ok(Step::Left) => came.left += 1,
                Ok(Step::NotBegun) => came.to = came.to.min(position),
                Ok(Step::UsedUp) => {
                    came.used_up = true;
                    came.to = came.to.min(position);
                }
                Err(error) => {
                    came.to = came.to.min(position);
                    came.error.get_or_insert(error);
                }
            }
        }
        Ok(came)
    }

    /// What the account may send by email.
    pub(crate) async fn quota(&self) -> Result<Quota, Error> {
        let now = self.clock.now();
        let known = *self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, quota)) = known.filter(|(at, _)| (now - *at).abs() < QUOTA_LIFE) {
            return Ok(quota);
        }
        let quota = self.ports.email().quota().await?;
        if !quota.sending_enabled {
            let message = "Amazon SES has disabled sending for this account and Region";
            return Err(Error::environment("SendingDisabled", message));
        }
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, quota));
        Ok(quota)
    }

    /// Counts what is about to be sent, of which SES tells when it is asked the next time.
    pub(crate) fn spend(&self, messages: u32) {
        if let Some((_, quota)) = &mut *self.quota.lock().unwrap_or_else(PoisonError::into_inner) {
            quota.sent_24_hours += f64::from(messages);
        }
    }
}
