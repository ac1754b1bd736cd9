//! What a whole campaign's resumption or end means for its shards.

use eventide_clients::campaigns::{Reports as _, Shards as _};
use eventide_clients::s3::Bucket as _;
use eventide_clients::sqs::{Outgoing, Queue as _};
use eventide_kit::Error;
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::{Campaign, message};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::review::{CampaignReview, Ports};

/// Keys of one listing.
const LISTED: usize = 1_000;
/// Shards that are looked at at a time.
const CONCURRENCY: usize = 8;
/// Shards that are put on their way at once. Each that ends brings on the next, and campaign-send's sweep does what is left.
const AT_ONCE: usize = 4;

impl<P: Ports> CampaignReview<P> {
    /// Makes the shards of a campaign that was resumed due at once.
    pub(crate) async fn take_up(&self, campaign: &Campaign) -> Result<(), Error> {
        let now = self.clock.now();
        let due_at = campaign.settings.send_at.map_or(now, |at| at.max(now));
        let keys = self.shards(campaign).await?;
        let open: Vec<String> = stream::iter(keys)
            .map(|key| async move {
                let Some(mut shard) = self.ports.store().shard(&key).await?.filter(|shard| !shard.closed)
                else {
                    return Ok::<_, Error>(None);
                };
                if shard.due_at > due_at {
                    shard.due_at = due_at;
                    // One that another is writing is on its way.
                    self.ports.store().move_on(&mut shard).await?;
                }
                Ok(Some(key))
            })
            .buffered(CONCURRENCY)
            .try_filter_map(|open| async move { Ok(open) })
            .try_collect()
            .await?;
        if due_at > now {
            return Ok(());
        }
        let next = open.into_iter().take(AT_ONCE).map(|shard| Outgoing::json(&message::Send { shard }, 0));
        self.ports.send_queue().send_all(next.collect::<Result<_, _>>()?).await
    }

    /// Closes the shards of a campaign that was cancelled.
    pub(crate) async fn close_all(&self, campaign: &Campaign) -> Result<(), Error> {
        let keys = self.shards(campaign).await?;
        stream::iter(keys)
            .map(|key| async move {
                if let Some(shard) = self.ports.store().shard(&key).await? {
                    self.ports.store().close(&shard).await?;
                }
                Ok::<_, Error>(())
            })
            .buffered(CONCURRENCY)
            .try_collect::<()>()
            .await?;
        self.ports.store().request(&campaign.id, self.clock.now()).await
    }

    /// The keys of a campaign's shards.
    pub(crate) async fn shards(&self, campaign: &Campaign) -> Result<Vec<String>, Error> {
        let prefix = Work { campaign: &campaign.id, upload: &campaign.upload }.shards();
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().map(String::as_str);
            let page = self.ports.work().list(&prefix, after, LISTED).await?;
            if page.is_empty() {
                return Ok(keys);
            }
            keys.extend(page);
        }
    }
}
