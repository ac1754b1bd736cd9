//! Approved messages, gathered into shards.

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

/// Messages that gather: of one channel and one group of time zones.
#[derive(Debug)]
struct Gathering {
    channel: Channel,
    zone: Option<String>,
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
    /// In the order of channels and zones.
    gathering: Vec<Gathering>,
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
        let (gathering, under_way) = (Vec::new(), FuturesUnordered::new());
        Self { bucket, campaign, generation, now, gathering, bytes: 0, under_way, done: Vec::new() }
    }

    /// Where a message belongs, until another is asked for; `None`: it can be sent at no hour.
    pub(crate) fn place(&mut self, message: &Message<'_>) -> Option<usize> {
        let channel = message.channel();
        let zone = group(channel, message.to(), message.zone());
        let wanted = (channel, zone.as_deref());
        let found = self
            .gathering
            .binary_search_by(|gathering| (gathering.channel, gathering.zone.as_deref()).cmp(&wanted));
        let at = found.unwrap_or_else(|at| {
            let window = self.campaign.settings.window;
            // The same whenever the join is done again: shards are numbered as they come.
            let now = self.campaign.uploaded_at;
            let opening = window.map(|window| next_open(&window, zone.as_deref(), now));
            let gathering = Gathering {
                channel,
                zone: zone.as_deref().map(str::to_owned),
                buffer: Vec::new(),
                messages: 0,
                is_never: opening == Some(Opening::Never),
            };
            self.gathering.insert(at, gathering);
            at
        });
        self.gathering.get(at).is_some_and(|gathering| !gathering.is_never).then_some(at)
    }

    /// Adds a message at its place, under this entry in the ledger. What is full then is to be [`put`](Self::put).
    pub(crate) fn add(&mut self, place: usize, message: &Message<'_>, entry: &str) -> Option<usize> {
        let gathering = self.gathering.get_mut(place)?;
        let before = gathering.buffer.len();
        message.write_outgoing(entry, &mut gathering.buffer);
        gathering.buffer.push(b'\n');
        gathering.messages += 1;
        self.bytes += gathering.buffer.len() - before;
        if gathering.messages >= MESSAGES || gathering.buffer.len() >= BYTES {
            return Some(place);
        }
        if self.bytes < ALL_BYTES {
            return None;
        }
        let by_size = self.gathering.iter().enumerate().max_by_key(|(_, gathering)| gathering.buffer.len());
        by_size.map(|(largest, _)| largest)
    }

    /// Puts all of them into the bucket, and says which there are.
    pub(crate) async fn finish(mut self) -> Result<Vec<Shard>, Error> {
        for place in 0..self.gathering.len() {
            self.put(place).await?;
        }
        while let Some(put) = self.under_way.next().await {
            put?;
        }
        Ok(self.done)
    }

    /// Puts what has gathered at a place into the bucket.
    pub(crate) async fn put(&mut self, place: usize) -> Result<(), Error> {
        let Some(gathering) = self.gathering.get_mut(place).filter(|gathering| gathering.messages > 0) else {
            return Ok(());
        };
        let body = std::mem::take(&mut gathering.buffer);
        let messages = std::mem::take(&mut gathering.messages);
        self.bytes -= body.len();
        let work = Work { campaign: &self.campaign.id, upload: &self.campaign.upload };
        let number = u32::try_from(self.done.len()).unwrap_or(u32::MAX);
        let key = work.shard(self.generation, number);
        let (channel, zone) = (gathering.channel, gathering.zone.clone());
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
