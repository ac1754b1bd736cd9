//! The function in an execution environment, wired to fakes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventide_clients::email::{Email, FakeEmail, Mail, Quota, Sent};
use eventide_clients::links::FakeLinks;
use eventide_clients::secrets::FakeSecrets;
use eventide_clients::sms::{FakeSms, Sms, TextMessage};
use eventide_kit::clock::ManualClock;
use eventide_kit::idempotency::MemoryStore;
use eventide_kit::ledger::{Claimed, Entry, Ledger, MemoryLedger, Settlement};
use eventide_kit::{Error, Invocation, event};
use link_issue::config::Settings;
use link_issue::{LinkIssue, Ports};
use serde_json::Value;

use crate::tap::{Calls, Line, Tapped};

#[derive(Clone, Debug)]
pub(crate) struct Fakes {
    pub(crate) links: FakeLinks,
    pub(crate) answers: MemoryStore,
    pub(crate) ledger: MemoryLedger,
    pub(crate) secrets: FakeSecrets,
    pub(crate) email: FakeEmail,
    pub(crate) sms: FakeSms,
    /// How long the providers of SMS and email take to answer.
    pub(crate) delays: Arc<Mutex<(Duration, Duration)>>,
    /// The effects that were claimed.
    pub(crate) effects: Arc<Mutex<BTreeSet<String>>>,
    /// What the ledger's next claims and settlements fail with.
    pub(crate) claim_fails: Arc<Mutex<Option<Error>>>,
    pub(crate) settle_fails: Arc<Mutex<Option<Error>>>,
}

/// The fakes, as an execution environment reaches them.
#[derive(Clone, Debug)]
struct Wired {
    links: Tapped<FakeLinks>,
    ledger: Watched,
    secrets: Tapped<FakeSecrets>,
    providers: Tapped<Fakes>,
}

/// The ledger, whose keys are noted, and which can fail.
#[derive(Clone, Debug)]
struct Watched {
    tapped: Tapped<MemoryLedger>,
    fakes: Fakes,
}

impl Ledger for Watched {
    async fn claim(
        &self,
        key: &str,
        holder: &str,
        claim_deadline: time::OffsetDateTime,
        detail: std::collections::BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        let failure = self.fakes.claim_fails.lock().unwrap().take();
        if let Some(error) = failure {
            return Err(error);
        }
        self.fakes.effects.lock().unwrap().insert(key.to_owned());
        self.tapped.claim(key, holder, claim_deadline, detail).await
    }

    async fn claim_again(
        &self,
        previous: &Entry,
        holder: &str,
        claim_deadline: time::OffsetDateTime,
        detail: std::collections::BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        self.tapped.claim_again(previous, holder, claim_deadline, detail).await
    }

    async fn settle(&self, key: &str, attempt: u32, settlement: Settlement) -> Result<Entry, Error> {
        let failure = self.fakes.settle_fails.lock().unwrap().take();
        match failure {
            Some(error) => Err(error),
            None => self.tapped.settle(key, attempt, settlement).await,
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        self.tapped.get(key).await
    }
}

impl Email for Tapped<Fakes> {
    async fn quota(&self) -> Result<Quota, Error> {
        panic!("nobody asks for the quota")
    }

    async fn send(&self, mail: &Mail) -> Result<Sent, Error> {
        let delay = self.fake.delays.lock().unwrap().1;
        self.line
            .call(async {
                let sent = self.fake.email.send(mail).await;
                tokio::time::sleep(delay).await;
                sent
            })
            .await
    }
}

impl Sms for Tapped<Fakes> {
    async fn send(&self, message: &TextMessage) -> Result<Sent, Error> {
        let delay = self.fake.delays.lock().unwrap().0;
        self.line
            .call(async {
                let sent = self.fake.sms.send(message).await;
                tokio::time::sleep(delay).await;
                sent
            })
            .await
    }
}

impl Ports for Wired {
    type Links = Tapped<FakeLinks>;
    type Answers = Tapped<MemoryStore>;
    type Ledger = Watched;
    type Secrets = Tapped<FakeSecrets>;
    type Email = Tapped<Fakes>;
    type Sms = Tapped<Fakes>;

    fn links(&self) -> &Self::Links {
        &self.links
    }

    fn ledger(&self) -> &Self::Ledger {
        &self.ledger
    }

    fn secrets(&self) -> &Self::Secrets {
        &self.secrets
    }

    fn email(&self) -> &Self::Email {
        &self.providers
    }

    fn sms(&self) -> &Self::Sms {
        &self.providers
    }
}

/// An execution environment.
pub(crate) struct Environment {
    function: LinkIssue<Wired>,
    line: Line,
}

impl Environment {
    pub(crate) fn new(fakes: &Fakes, calls: &Calls, settings: Settings, clock: &ManualClock) -> Self {
        let line = Line::new(calls);
        let wired = Wired {
            links: Tapped::new(&fakes.links, &line),
            ledger: Watched { tapped: Tapped::new(&fakes.ledger, &line), fakes: fakes.clone() },
            secrets: Tapped::new(&fakes.secrets, &line),
            providers: Tapped::new(fakes, &line),
        };
        let answers = Tapped::new(&fakes.answers, &line);
        let function = LinkIssue::new(wired, answers, "link-issue", settings, Arc::new(clock.clone()));
        Self { function, line }
    }

    /// What the function answers; `None`: it was killed.
    pub(crate) async fn invoke(
        &self,
        payload: &[u8],
        invocation: &Invocation,
    ) -> Option<Result<Value, Error>> {
        let event = match event::parse(payload) {
            Ok(event) => event,
            Err(error) => return Some(Err(error)),
        };
        let answer = self.line.until_cut(self.function.answer(&event, invocation)).await?;
        Some(answer.map(|answer| serde_json::to_value(answer).unwrap()))
    }

    pub(crate) fn printed(&self) -> String {
        format!("{:?}", self.function)
    }
}
