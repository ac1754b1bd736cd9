//! Fakes on a line that remembers the calls, and that can be cut after any of them: that is what a kill leaves behind.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use eventide_clients::connect::{Chat, Connect, FakeConnect, NewCall, NewChat, Standing};
use eventide_clients::links::{Call, Claim, Claimed, FakeLinks, Limit, Limits, Links, Opened, Redeemed};
use eventide_clients::secrets::{FakeSecrets, Secret, Secrets};
use eventide_kit::Error;
use eventide_types::{Link, LinkHash};
use time::OffsetDateTime;
use tokio::sync::Notify;

/// Calls of all lines, and which of them is somebody's last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    made: AtomicUsize,
    last: AtomicUsize,
    names: Mutex<Vec<&'static str>>,
    held: Mutex<Option<(&'static str, Arc<Notify>)>>,
}

impl Calls {
    /// The call of this number, from 1, is the last of whoever makes it.
    pub(crate) fn last(number: usize) -> Self {
        let calls = Self::default();
        calls.0.last.store(number, Ordering::SeqCst);
        calls
    }

    /// The next call of this name is carried out, and answered when the test says so.
    pub(crate) fn hold_next(&self, name: &'static str) -> Arc<Notify> {
        let answer = Arc::new(Notify::new());
        *self.0.held.lock().unwrap() = Some((name, answer.clone()));
        answer
    }

    /// The names of the calls since this was asked last.
    pub(crate) fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.names.lock().unwrap())
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
    async fn call<F: Future>(&self, name: &'static str, call: F) -> F::Output {
        // Others get their turn, so that the calls of several invocations mix.
        tokio::task::yield_now().await;
        if self.is_cut.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        let counts = &self.calls.0;
        counts.names.lock().unwrap().push(name);
        let output = call.await;
        let held = counts.held.lock().unwrap().take_if(|(held, _)| *held == name);
        if let Some((_, answer)) = held {
            answer.notified().await;
        }
        let number = counts.made.fetch_add(1, Ordering::SeqCst) + 1;
        if number == counts.last.load(Ordering::SeqCst) {
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
    fake: T,
    line: Line,
}

impl<T: Clone> Tapped<T> {
    pub(crate) fn new(fake: &T, line: &Line) -> Self {
        Self { fake: fake.clone(), line: line.clone() }
    }
}

impl Secrets for Tapped<FakeSecrets> {
    async fn get(&self, id: &str) -> Result<Secret, Error> {
        self.line.call("secret", self.fake.get(id)).await
    }
}

impl Limits for Tapped<FakeLinks> {
    async fn take(&self, limit: &Limit, taker: Option<&str>, now: OffsetDateTime) -> Result<bool, Error> {
        self.line.call("take", self.fake.take(limit, taker, now)).await
    }
}

impl Links for Tapped<FakeLinks> {
    async fn open(&self, fresh: &Link, nonce: &str) -> Result<Opened, Error> {
        self.line.call("open", self.fake.open(fresh, nonce)).await
    }

    async fn extend(&self, link: &Link) -> Result<bool, Error> {
        self.line.call("extend", self.fake.extend(link)).await
    }

    async fn claim(&self, hash: &LinkHash, claim: &Claim) -> Result<Claimed, Error> {
        self.line.call("claim", self.fake.claim(hash, claim)).await
    }

    async fn release(&self, hash: &LinkHash, claimant: &str) -> Result<(), Error> {
        self.line.call("release", self.fake.release(hash, claimant)).await
    }

    async fn complete(&self, link: &Link, claimant: &str, redeemed: &Redeemed) -> Result<(), Error> {
        self.line.call("complete", self.fake.complete(link, claimant, redeemed)).await
    }

    async fn revoke(&self, contact_id: &str) -> Result<bool, Error> {
        self.line.call("revoke", self.fake.revoke(contact_id)).await
    }

    async fn voice_of(&self, chat_contact_id: &str) -> Result<Option<String>, Error> {
        self.line.call("voice_of", self.fake.voice_of(chat_contact_id)).await
    }

    async fn claim_call(&self, hash: &LinkHash, now: OffsetDateTime) -> Result<Call, Error> {
        self.line.call("claim_call", self.fake.claim_call(hash, now)).await
    }

    async fn called(&self, hash: &LinkHash) -> Result<(), Error> {
        self.line.call("called", self.fake.called(hash)).await
    }
}

impl Connect for Tapped<FakeConnect> {
    async fn start_chat(&self, chat: &NewChat) -> Result<Chat, Error> {
        self.line.call("start_chat", self.fake.start_chat(chat)).await
    }

    async fn start_call(&self, call: &NewCall) -> Result<String, Error> {
        self.line.call("start_call", self.fake.start_call(call)).await
    }

    async fn standing(&self, contact_id: &str) -> Result<Standing, Error> {
        self.line.call("standing", self.fake.standing(contact_id)).await
    }

    async fn stop(&self, contact_id: &str) -> Result<(), Error> {
        self.line.call("stop", self.fake.stop(contact_id)).await
    }
}
