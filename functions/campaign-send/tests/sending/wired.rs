//! The function in an execution environment, wired to fakes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use campaign_send::config::Settings;
use campaign_send::{CampaignSend, Ports};
use eventide_clients::campaigns::FakeCampaigns;
use eventide_clients::email::{Email, FakeEmail, Mail, Quota, Sent};
use eventide_clients::s3::FakeBucket;
use eventide_clients::sms::{FakeSms, Sms, TextMessage};
use eventide_clients::sqs::FakeQueue;
use eventide_kit::clock::ManualClock;
use eventide_kit::ledger::MemoryLedger;
use eventide_kit::sqs::MemoryDeadLetters;
use eventide_kit::tap::{Calls, Line, Tapped};
use eventide_kit::{Error, Invocation};
use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) struct Fakes {
    pub(crate) store: FakeCampaigns,
    pub(crate) ledger: MemoryLedger,
    pub(crate) bucket: FakeBucket,
    pub(crate) email: FakeEmail,
    pub(crate) sms: FakeSms,
    pub(crate) send_queue: FakeQueue,
    pub(crate) report_queue: FakeQueue,
    pub(crate) dead_letters: MemoryDeadLetters,
    /// Messages that were handed to a provider, and of which of them the answer is lost.
    pub(crate) sends: Arc<AtomicUsize>,
    pub(crate) lost: usize,
}

impl Fakes {
    /// Whether the answer to this sending is lost.
    fn is_lost(&self) -> bool {
        self.sends.fetch_add(1, Ordering::SeqCst) + 1 == self.lost
    }
}

/// The fakes, as an execution environment reaches them.
#[derive(Clone, Debug)]
struct Wired {
    store: Tapped<FakeCampaigns>,
    ledger: Tapped<MemoryLedger>,
    bucket: Tapped<FakeBucket>,
    providers: Tapped<Fakes>,
    send_queue: Tapped<FakeQueue>,
    report_queue: Tapped<FakeQueue>,
}

impl Email for Fakes {
    async fn quota(&self) -> Result<Quota, Error> {
        self.email.quota().await
    }

    async fn send(&self, mail: &Mail) -> Result<Sent, Error> {
        if self.is_lost() {
            self.email.lose_next_answer();
        }
        self.email.send(mail).await
    }
}

impl Sms for Fakes {
    async fn send(&self, message: &TextMessage) -> Result<Sent, Error> {
        if self.is_lost() {
            self.sms.lose_next_answer();
        }
        self.sms.send(message).await
    }
}

impl Ports for Wired {
    type Store = Tapped<FakeCampaigns>;
    type Ledger = Tapped<MemoryLedger>;
    type Bucket = Tapped<FakeBucket>;
    type Email = Tapped<Fakes>;
    type Sms = Tapped<Fakes>;
    type Queue = Tapped<FakeQueue>;
    type DeadLetters = MemoryDeadLetters;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn ledger(&self) -> &Self::Ledger {
        &self.ledger
    }

    fn bucket(&self) -> &Self::Bucket {
        &self.bucket
    }

    fn email(&self) -> &Self::Email {
        &self.providers
    }

    fn sms(&self) -> &Self::Sms {
        &self.providers
    }

    fn send_queue(&self) -> &Self::Queue {
        &self.send_queue
    }

    fn report_queue(&self) -> &Self::Queue {
        &self.report_queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.providers.fake.dead_letters
    }
}

/// An execution environment.
pub(crate) struct Environment {
    function: CampaignSend<Wired>,
    line: Line,
}

impl Environment {
    pub(crate) fn new(fakes: &Fakes, calls: &Calls, settings: Settings, clock: &ManualClock) -> Self {
        let line = Line::new(calls);
        let wired = Wired {
            store: Tapped::new(&fakes.store, &line),
            ledger: Tapped::new(&fakes.ledger, &line),
            bucket: Tapped::new(&fakes.bucket, &line),
            providers: Tapped::new(fakes, &line),
            send_queue: Tapped::new(&fakes.send_queue, &line),
            report_queue: Tapped::new(&fakes.report_queue, &line),
        };
        Self { function: CampaignSend::new(wired, settings, Arc::new(clock.clone())), line }
    }

    /// What the function answers; `None`: it was killed.
    pub(crate) async fn invoke(
        &self,
        event: &Value,
        invocation: &Invocation,
    ) -> Option<Result<Value, Error>> {
        let event = serde_json::value::to_raw_value(event).unwrap();
        let answer = self.line.until_cut(self.function.answer(&event, invocation)).await?;
        Some(answer.map(|response| serde_json::to_value(response).unwrap()))
    }
}
