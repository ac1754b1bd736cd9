//! Approved messages, gathered into shards.

use std::collections::BTreeMap;

use bytes::Bytes;
use eventide_campaigns::Message;
use eventide_campaigns::hours::{Opening, group, next_open};
use eventide_clients::s3::Bucket;
use eventide_kit::Error;
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::record::Shard;
use eventide_types::campaign::{Campaign, Channel};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use time::OffsetDateTime;

/// Messages of a shard at most.
const MESSAGES: u32 = 500;
/// Bytes of a shard, from which on nothing more is put into it.
const BYTES: usize = 2 * 1024 * 1024;
/// Bytes of all open shards together.
const ALL_BYTES: usize = 12 * 1024 * 1024;
/// Shards that are on their way to S3 at a time.
const UNDER_WAY: usize = 4;

/// What messages of a shard have in common.
type Group = (Channel, Option<String>);

/// Messages that gather.
#[derive(Debug)]
struct Gathering {
    buffer: Vec<u8>,
    messages: u32,
    /// Its recipients' zones have no hour of the window in common.
    is_never: bool,
}

/// A shard on its way.
type Put<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// The shards of one generation. They depend on nothing but the messages and their order.
pub(crate) struct Shards<'a, B> {
    bucket: &'a B,
    campaign: &'a Campaign,
    generation: &'a str,
    now: OffsetDateTime,
    gathering: BTreeMap<Group, Gathering>,
    bytes: usize,
    under_way: FuturesUnordered<Put<'a>>,
    done: Vec<Shard>,
}

impl<'a, B: Bucket> Shards<'a, B> {
    pub(crate) fn new(
        bucket: &'a B,
        campaign: &'a Campaign,
        generation: &'a str,
        now: OffsetDateTime,
    ) -> Self {
        let (gathering, under_way) = (BTreeMap::new(), FuturesUnordered::new());
        Self { bucket, campaign, generation, now, gathering, bytes: 0, under_way, done: Vec::new() }
    }

    /// Whether a message can be sent at some hour.
    pub(crate) fn has_an_hour(&mut self, message: &Message<'_>) -> bool {
        !self.gathering(message).is_never
    }

    /// Adds a message, under this entry in the ledger.
    pub(crate) async fn add(&mut self, message: &Message<'_>, entry: &str) -> Result<(), Error> {
        let gathering = self.gathering(message);
        let before = gathering.buffer.len();
        message.write_outgoing(entry, false, &mut gathering.buffer);
        gathering.buffer.push(b'\n');
        gathering.messages += 1;
        let (added, is_full) = (
            gathering.buffer.len() - before,
            gathering.messages >= MESSAGES || gathering.buffer.len() >= BYTES,
        );
        self.bytes += added;
        if is_full {
            let group = key(message);
            return self.put(&group).await;
        }
        if self.bytes >= ALL_BYTES {
            let largest = self.gathering.iter().max_by_key(|(_, gathering)| gathering.buffer.len());
            if let Some(group) = largest.map(|(group, _)| group.clone()) {
                return self.put(&group).await;
            }
        }
        Ok(())
    }

    /// Puts all of them into the bucket, and says which there are.
    pub(crate) async fn finish(mut self) -> Result<Vec<Shard>, Error> {
        let groups: Vec<Group> = self.gathering.keys().cloned().collect();
        for group in groups {
            self.put(&group).await?;
        }
        while let Some(put) = self.under_way.next().await {
            put?;
        }
        Ok(self.done)
    }

    fn gathering(&mut self, message: &Message<'_>) -> &mut Gathering {
        let window = self.campaign.settings.window;
        // The same whenever the join is done again: shards are numbered as they come.
        let now = self.campaign.uploaded_at;
        self.gathering.entry(key(message)).or_insert_with_key(|(_, zone)| {
            let opening = window.map(|window| next_open(&window, zone.as_deref(), now));
            Gathering { buffer: Vec::new(), messages: 0, is_never: opening == Some(Opening::Never) }
        })
    }

    async fn put(&mut self, group: &Group) -> Result<(), Error> {
        let Some(gathering) = self.gathering.get_mut(group).filter(|gathering| gathering.messages > 0) else {
            return Ok(());
        };
        let body = std::mem::take(&mut gathering.buffer);
        let messages = std::mem::take(&mut gathering.messages);
        self.bytes -= body.len();
        let work = Work { campaign: &self.campaign.id, upload: &self.campaign.upload };
        let number = u32::try_from(self.done.len()).unwrap_or(u32::MAX);
        let key = work.shard(self.generation, number);
        let (channel, zone) = group.clone();
        self.done.push(Shard {
            key: key.clone(),
            campaign: self.campaign.id.clone(),
            upload: self.campaign.upload.clone(),
            channel,
            zone,
            messages,
            test: false,
            next: 0,
            left: 0,
            closed: false,
            due_at: self.now,
            revision: 0,
        });
        let bucket = self.bucket;
        let put = async move { bucket.put(&key, "application/x-ndjson", Bytes::from(body)).await };
        self.under_way.push(Box::pin(put));
        while self.under_way.len() >= UNDER_WAY {
            if let Some(put) = self.under_way.next().await {
                put?;
            }
        }
        Ok(())
    }
}

fn key(message: &Message<'_>) -> Group {
    let channel = message.channel();
    (channel, group(channel, message.to(), message.zone()).map(std::borrow::Cow::into_owned))
}
