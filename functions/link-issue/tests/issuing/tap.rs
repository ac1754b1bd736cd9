//! Fakes on a line that can be cut: before or after any call, which is what a kill leaves behind.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use eventide_clients::links::{
    Call, Claim, Claimed as LinkClaimed, FakeLinks, Limit, Limits, Links, Opened, Redeemed,
};
use eventide_clients::secrets::{FakeSecrets, Secret, Secrets};
use eventide_kit::Error;
use eventide_kit::idempotency::{Begun, MemoryStore, Record, Store};
use eventide_kit::ledger::{Claimed, Entry, Ledger, MemoryLedger, Settlement};
use eventide_types::{Link, LinkHash};
use time::OffsetDateTime;
use tokio::sync::Notify;

/// Calls of all lines, and which of them is somebody's last.
#[derive(Clone, Debug)]
pub(crate) struct Calls(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    made: AtomicUsize,
    last: AtomicUsize,
    /// Whether the last call is still carried out.
    has_effect: bool,
}

impl Calls {
    /// Nobody is killed.
    pub(crate) fn all() -> Self {
        Self::last(0, true)
    }

    /// The call of this number, from 1, is the last of whoever makes it, carried out or not.
    pub(crate) fn last(number: usize, has_effect: bool) -> Self {
        Self(Arc::new(Counts { made: AtomicUsize::new(0), last: AtomicUsize::new(number), has_effect }))
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

    /// A call: it has its effect, and its answer comes back unless the line is cut.
    pub(crate) async fn call<F: Future>(&self, call: F) -> F::Output {
        // Others get their turn, so that calls of one invocation overlap.
        tokio::task::yield_now().await;
        if self.is_cut.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        let number = self.calls.0.made.fetch_add(1, Ordering::SeqCst) + 1;
        let is_last = number == self.calls.0.last.load(Ordering::SeqCst);
        if is_last && !self.calls.0.has_effect {
            self.cut().await;
        }
        let output = call.await;
        if is_last {
            self.cut().await;
        }
        output
    }

    async fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.cut.notify_one();
        pending::<()>().await;
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

impl Links for Tapped<FakeLinks> {
    async fn open(&self, fresh: &Link, nonce: &str) -> Result<Opened, Error> {
        self.line.call(self.fake.open(fresh, nonce)).await
    }

    async fn extend(&self, link: &Link) -> Result<bool, Error> {
        self.line.call(self.fake.extend(link)).await
    }

    async fn claim(&self, hash: &LinkHash, claim: &Claim) -> Result<LinkClaimed, Error> {
        self.line.call(self.fake.claim(hash, claim)).await
    }

    async fn release(&self, hash: &LinkHash, claimant: &str) -> Result<(), Error> {
        self.line.call(self.fake.release(hash, claimant)).await
    }

    async fn complete(&self, link: &Link, claimant: &str, redeemed: &Redeemed) -> Result<(), Error> {
        self.line.call(self.fake.complete(link, claimant, redeemed)).await
    }

    async fn revoke(&self, contact_id: &str) -> Result<bool, Error> {
        self.line.call(self.fake.revoke(contact_id)).await
    }

    async fn voice_of(&self, chat_contact_id: &str) -> Result<Option<String>, Error> {
        self.line.call(self.fake.voice_of(chat_contact_id)).await
    }

    async fn claim_call(&self, hash: &LinkHash, now: OffsetDateTime) -> Result<Call, Error> {
        self.line.call(self.fake.claim_call(hash, now)).await
    }

    async fn called(&self, hash: &LinkHash) -> Result<(), Error> {
        self.line.call(self.fake.called(hash)).await
    }
}

impl Limits for Tapped<FakeLinks> {
    async fn take(&self, limit: &Limit, taker: Option<&str>, now: OffsetDateTime) -> Result<bool, Error> {
        self.line.call(self.fake.take(limit, taker, now)).await
    }
}

impl Store for Tapped<MemoryStore> {
    async fn begin(&self, record: &Record, now: OffsetDateTime) -> Result<Begun, Error> {
        self.line.call(self.fake.begin(record, now)).await
    }

    async fn complete(&self, record: &Record) -> Result<bool, Error> {
        self.line.call(self.fake.complete(record)).await
    }

    async fn remove(&self, record: &Record) -> Result<(), Error> {
        self.line.call(self.fake.remove(record)).await
    }
}

impl Ledger for Tapped<MemoryLedger> {
    async fn claim(
        &self,
        key: &str,
        holder: &str,
        claim_deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        self.line.call(self.fake.claim(key, holder, claim_deadline, detail)).await
    }

    async fn claim_again(
        &self,
        previous: &Entry,
        holder: &str,
        claim_deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        self.line.call(self.fake.claim_again(previous, holder, claim_deadline, detail)).await
    }

    async fn settle(&self, key: &str, attempt: u32, settlement: Settlement) -> Result<Entry, Error> {
        self.line.call(self.fake.settle(key, attempt, settlement)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        self.line.call(self.fake.get(key)).await
    }
}

impl Secrets for Tapped<FakeSecrets> {
    async fn get(&self, id: &str) -> Result<Secret, Error> {
        self.line.call(self.fake.get(id)).await
    }
}
