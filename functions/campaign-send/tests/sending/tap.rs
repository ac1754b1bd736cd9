//! Fakes on a line that can be cut: after any call, that is, which is what a kill leaves behind.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use eventide_clients::campaigns::{
    Campaigns, Decisions, FakeCampaigns, Origins, Pace, Progress, Reports, Room, Shards,
};
use eventide_clients::s3::{Bucket, FakeBucket, Object, Opened, Part, Upload};
use eventide_clients::sqs::{FakeQueue, Outgoing as Message, Queue};
use eventide_kit::Error;
use eventide_kit::ledger::{Claimed, Entry, Ledger, MemoryLedger, Settlement};
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::provider::Origin;
use eventide_types::campaign::record::Shard;
use eventide_types::campaign::{Campaign, ContentId};
use time::OffsetDateTime;
use tokio::sync::Notify;

/// Calls of all lines, and which of them is somebody's last.
#[derive(Clone, Debug)]
pub(crate) struct Calls(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    made: AtomicUsize,
    last: AtomicUsize,
}

impl Calls {
    /// The call of this number, from 1, is the last of whoever makes it. 0: none is.
    pub(crate) fn last(number: usize) -> Self {
        Self(Arc::new(Counts { made: AtomicUsize::new(0), last: AtomicUsize::new(number) }))
    }

    pub(crate) fn made(&self) -> usize {
        self.0.made.load(Ordering::SeqCst)
    }
}

/// The line of one execution environment.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    calls: Calls,
    is_cut: Arc<AtomicBool>,
    cut: Arc<Notify>,
}

impl Line {
    pub(crate) fn new(calls: &Calls) -> Self {
        Self { calls: calls.clone(), is_cut: Arc::default(), cut: Arc::default() }
    }

    /// A call: it has its effect, and its answer comes back unless the line was cut meanwhile.
    pub(crate) async fn call<F: Future>(&self, call: F) -> F::Output {
        // Others get their turn, so that calls of one invocation overlap.
        tokio::task::yield_now().await;
        if self.is_cut.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        let output = call.await;
        let number = self.calls.0.made.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.calls.0.last.load(Ordering::SeqCst) {
            self.is_cut.store(true, Ordering::SeqCst);
            self.cut.notify_one();
            pending::<()>().await;
        }
        output
    }

    /// Works until the line is cut; then nothing of the work goes on.
    pub(crate) async fn until_cut<F: Future>(&self, work: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.cut.notified() => None,
            output = work => Some(output),
        }
    }
}

/// A fake on a line.
#[derive(Clone, Debug)]
pub(crate) struct Tapped<T> {
    pub(crate) fake: T,
    pub(crate) line: Line,
}

impl<T: Clone> Tapped<T> {
    pub(crate) fn new(fake: &T, line: &Line) -> Self {
        Self { fake: fake.clone(), line: line.clone() }
    }
}

impl Campaigns for Tapped<FakeCampaigns> {
    async fn campaign(&self, id: &str) -> Result<Option<Campaign>, Error> {
        self.line.call(self.fake.campaign(id)).await
    }

    async fn put(&self, campaign: &mut Campaign) -> Result<bool, Error> {
        self.line.call(self.fake.put(campaign)).await
    }

    async fn due(&self, by: OffsetDateTime, most: usize) -> Result<Vec<String>, Error> {
        self.line.call(self.fake.due(by, most)).await
    }
}

impl Decisions for Tapped<FakeCampaigns> {
    async fn decide(&self, decision: &Decision) -> Result<Decision, Error> {
        self.line.call(self.fake.decide(decision)).await
    }

    async fn decisions(
        &self,
        campaign: &str,
        contents: &[ContentId],
    ) -> Result<Vec<Option<Decision>>, Error> {
        self.line.call(self.fake.decisions(campaign, contents)).await
    }
}

impl Shards for Tapped<FakeCampaigns> {
    async fn create(&self, shards: &[Shard]) -> Result<(), Error> {
        self.line.call(self.fake.create(shards)).await
    }

    async fn announce(&self, campaign: &str, upload: &str, of: &str, shards: u64) -> Result<Progress, Error> {
        self.line.call(self.fake.announce(campaign, upload, of, shards)).await
    }

    async fn shard(&self, key: &str) -> Result<Option<Shard>, Error> {
        self.line.call(self.fake.shard(key)).await
    }

    async fn move_on(&self, shard: &mut Shard) -> Result<bool, Error> {
        self.line.call(self.fake.move_on(shard)).await
    }

    async fn close(&self, shard: &Shard) -> Result<Progress, Error> {
        self.line.call(self.fake.close(shard)).await
    }

    async fn progress(&self, campaign: &str, upload: &str) -> Result<Progress, Error> {
        self.line.call(self.fake.progress(campaign, upload)).await
    }

    async fn due_shards(&self, by: OffsetDateTime, most: usize) -> Result<Vec<String>, Error> {
        self.line.call(self.fake.due_shards(by, most)).await
    }
}

impl Origins for Tapped<FakeCampaigns> {
    async fn remember(&self, message_id: &str, origin: &Origin, now: OffsetDateTime) -> Result<(), Error> {
        self.line.call(self.fake.remember(message_id, origin, now)).await
    }

    async fn origin(&self, message_id: &str) -> Result<Option<Origin>, Error> {
        self.line.call(self.fake.origin(message_id)).await
    }
}

impl Pace for Tapped<FakeCampaigns> {
    async fn take(&self, name: &str, per_second: f64, want: u32, now: OffsetDateTime) -> Result<Room, Error> {
        self.line.call(self.fake.take(name, per_second, want, now)).await
    }
}

impl Reports for Tapped<FakeCampaigns> {
    async fn request(&self, campaign: &str, at: OffsetDateTime) -> Result<(), Error> {
        self.line.call(self.fake.request(campaign, at)).await
    }

    async fn due_reports(
        &self,
        by: OffsetDateTime,
        most: usize,
    ) -> Result<Vec<(String, OffsetDateTime)>, Error> {
        self.line.call(self.fake.due_reports(by, most)).await
    }

    async fn written(&self, campaign: &str, due_at: OffsetDateTime) -> Result<(), Error> {
        self.line.call(self.fake.written(campaign, due_at)).await
    }
}

impl Ledger for Tapped<MemoryLedger> {
    async fn claim(
        &self,
        key: &str,
        holder: &str,
        deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        self.line.call(self.fake.claim(key, holder, deadline, detail)).await
    }

    async fn claim_again(
        &self,
        previous: &Entry,
        holder: &str,
        deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        self.line.call(self.fake.claim_again(previous, holder, deadline, detail)).await
    }

    async fn settle(&self, key: &str, attempt: u32, settlement: Settlement) -> Result<Entry, Error> {
        self.line.call(self.fake.settle(key, attempt, settlement)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        self.line.call(self.fake.get(key)).await
    }
}

impl Bucket for Tapped<FakeBucket> {
    fn name(&self) -> &str {
        self.fake.name()
    }

    async fn get(&self, key: &str, version: Option<&str>, most: u64) -> Result<Option<Object>, Error> {
        self.line.call(self.fake.get(key, version, most)).await
    }

    async fn open(&self, key: &str, version: Option<&str>) -> Result<Option<Opened>, Error> {
        self.line.call(self.fake.open(key, version)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, most: usize) -> Result<Vec<String>, Error> {
        self.line.call(self.fake.list(prefix, after, most)).await
    }

    async fn put(&self, key: &str, content_type: &str, body: Bytes) -> Result<(), Error> {
        self.line.call(self.fake.put(key, content_type, body)).await
    }

    async fn begin(&self, key: &str, content_type: &str) -> Result<Upload, Error> {
        self.line.call(self.fake.begin(key, content_type)).await
    }

    async fn part(&self, upload: &Upload, number: i32, body: Bytes) -> Result<Part, Error> {
        self.line.call(self.fake.part(upload, number, body)).await
    }

    async fn complete(&self, upload: &Upload, parts: &[Part]) -> Result<(), Error> {
        self.line.call(self.fake.complete(upload, parts)).await
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Error> {
        self.line.call(self.fake.abort(upload)).await
    }

    async fn size(&self, key: &str) -> Result<Option<u64>, Error> {
        self.line.call(self.fake.size(key)).await
    }

    async fn presigned(&self, key: &str, valid_for: Duration) -> Result<String, Error> {
        self.line.call(self.fake.presigned(key, valid_for)).await
    }
}

impl Queue for Tapped<FakeQueue> {
    async fn send(&self, messages: Vec<Message>) -> Result<Vec<Result<String, Error>>, Error> {
        self.line.call(self.fake.send(messages)).await
    }
}
