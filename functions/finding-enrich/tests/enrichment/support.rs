//! The world around the function: fakes, and a queue that delivers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chains;

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::detective::FakeDetective;
use eventide_clients::iam::FakeIam;
use eventide_clients::security_hub::{Current, FakeSecurityHub, FindingId, OcsfId};
use eventide_clients::sqs::FakeQueue;
use eventide_kit::Invocation;
use eventide_kit::clock::{Clock, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::ledger::MemoryLedger;
use eventide_kit::sqs::{MemoryDeadLetters, SqsEvent};
use eventide_types::finding::{Reference, Scope};
use eventide_types::investigation::Window;
use eventide_types::principal::{Kind, Subject};
use eventide_types::work::{Trigger, Version, Work};
use finding_enrich::config::Settings;
use finding_enrich::{FindingEnrich, Ports};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) use chains::Chains;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/team/Admin";

#[derive(Debug)]
pub(crate) struct Fakes {
    pub(crate) detective: FakeDetective,
    pub(crate) hub: FakeSecurityHub,
    pub(crate) iam: FakeIam,
    pub(crate) queue: FakeQueue,
    pub(crate) dead_letters: MemoryDeadLetters,
    pub(crate) ledger: MemoryLedger,
    pub(crate) chains: Chains,
}

impl Ports for Fakes {
    type Detective = FakeDetective;
    type Hub = FakeSecurityHub;
    type Iam = FakeIam;
    type Queue = FakeQueue;
    type DeadLetters = MemoryDeadLetters;
    type Ledger = MemoryLedger;
    type Chains = Chains;

    fn detective(&self) -> &FakeDetective {
        &self.detective
    }

    fn hub(&self) -> &FakeSecurityHub {
        &self.hub
    }

    fn iam(&self) -> &FakeIam {
        &self.iam
    }

    fn queue(&self) -> &FakeQueue {
        &self.queue
    }

    fn dead_letters(&self) -> &MemoryDeadLetters {
        &self.dead_letters
    }

    fn ledger(&self) -> &MemoryLedger {
        &self.ledger
    }

    fn chains(&self) -> &Chains {
        &self.chains
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) detective: FakeDetective,
    pub(crate) hub: FakeSecurityHub,
    pub(crate) iam: FakeIam,
    pub(crate) queue: FakeQueue,
    pub(crate) dead_letters: MemoryDeadLetters,
    pub(crate) chains: Chains,
    pub(crate) invocation: Invocation,
    pub(crate) function: FindingEnrich<Fakes>,
    /// What an invocation has left when it begins.
    pub(crate) time: Duration,
    messages: usize,
}

pub(crate) fn settings() -> Settings {
    Settings {
        poll_delay_seconds: 60,
        max_age: time::Duration::hours(2),
        reuse: time::Duration::hours(1),
        reinvestigate: false,
        dry_run: false,
        max_receives: 3,
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::of(settings, MemoryDeadLetters::default())
    }

    pub(crate) fn of(settings: Settings, dead_letters: MemoryDeadLetters) -> Self {
        let clock = ManualClock::new(NOW);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let detective = FakeDetective::new(Arc::clone(&shared));
        detective.add_graph("us-east-1");
        let (hub, iam, queue) = (FakeSecurityHub::default(), FakeIam::default(), FakeQueue::default());
        iam.add(ROLE);
        let chains = Chains::new(Arc::clone(&shared));
        let fakes = Fakes {
            detective: detective.clone(),
            hub: hub.clone(),
            iam: iam.clone(),
            queue: queue.clone(),
            dead_letters: dead_letters.clone(),
            ledger: MemoryLedger::new(Arc::clone(&shared)),
            chains: chains.clone(),
        };
        let time = Duration::from_secs(60);
        let deadline = Deadline::after(time, Arc::clone(&shared));
        Self {
            clock,
            detective,
            hub,
            iam,
            queue,
            dead_letters,
            chains,
            invocation: Invocation::for_tests("request", deadline),
            function: FindingEnrich::new(fakes, settings, shared),
            time,
            messages: 0,
        }
    }

    /// Delivers bodies as one batch of new messages; the ids of those that failed.
    pub(crate) async fn deliver(&mut self, bodies: &[String]) -> Vec<String> {
        let first = self.messages;
        self.messages += bodies.len();
        let ids: Vec<_> = (first..self.messages).map(|number| format!("message-{number}")).collect();
        self.deliver_as(bodies, &ids, 1).await
    }

    /// Delivers bodies under these message ids, received this often.
    pub(crate) async fn deliver_as(
        &mut self,
        bodies: &[String],
        ids: &[String],
        receives: u32,
    ) -> Vec<String> {
        let records: Vec<_> = bodies
            .iter()
            .zip(ids)
            .map(|(body, id)| {
                json!({
                    "messageId": id, "body": body, "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:work",
                    "attributes": { "ApproximateReceiveCount": receives.to_string() }, "messageAttributes": {}
                })
            })
            .collect();
        let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
        let deadline = Deadline::after(self.time, Arc::new(self.clock.clone()));
        self.invocation.deadline = deadline;
        let response = self.function.enrich(event, &self.invocation).await.unwrap();
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    /// Delivers `work` and then whatever the function sends itself, each after its delay, until nothing is left.
    pub(crate) async fn follow(&mut self, work: &Work) {
        let mut bodies = vec![body(work)];
        while !bodies.is_empty() {
            assert_eq!(self.deliver(&bodies).await, Vec::<String>::new());
            bodies = self.wait();
        }
    }

    /// Lets the longest delay pass and takes what then arrives.
    pub(crate) fn wait(&mut self) -> Vec<String> {
        let sent = self.queue.take();
        let delay = sent.iter().map(|message| message.delay_seconds).max().unwrap_or(0);
        self.clock.advance(Duration::from_secs(delay.into()));
        sent.into_iter().map(|message| message.body).collect()
    }

    pub(crate) fn finding(&self, id: &str) -> Current {
        self.hub.finding(&finding_id(id)).unwrap()
    }

    pub(crate) fn field(&self, id: &str, name: &str) -> Option<String> {
        self.finding(id).user_defined_fields.get(name).cloned()
    }
}

pub(crate) fn finding_id(id: &str) -> FindingId {
    FindingId {
        id: id.to_owned(),
        product_arn: "arn:aws:securityhub:us-east-1::product/aws/guardduty".to_owned(),
    }
}

pub(crate) fn ocsf_id(id: &str) -> OcsfId {
    OcsfId {
        metadata_uid: Some(format!("uid-{id}")),
        account: "111122223333".to_owned(),
        finding_uid: id.to_owned(),
        product_uid: "arn:aws:securityhub:us-east-1::productv2/aws/guardduty".to_owned(),
    }
}

/// A finding about the role Admin, asked for by a rule. The finding is in Security Hub.
pub(crate) fn work(world: &World, id: &str) -> Work {
    let finding = finding_id(id);
    if world.hub.finding(&finding).is_none() {
        world.hub.add_new(&finding);
    }
    let now = world.clock.now();
    Work {
        version: Version::V1,
        run: format!("event-of-{id}"),
        requested_at: now,
        begun_at: None,
        trigger: Trigger::Automatic,
        hop: 0,
        finding: Reference::Asff { id: finding.id, product_arn: finding.product_arn },
        region: "us-east-1".to_owned(),
        scope: Some(Scope {
            window: Window { start: datetime!(2026-11-18 12:00 UTC), end: now },
            clamped: false,
        }),
        last_observed: Some(datetime!(2026-11-20 11:00 UTC)),
        found_at: Some(now - Duration::from_secs(15)),
        subjects: vec![Subject::named(Kind::Role, "aws", "111122223333", "Admin")],
        investigations: Vec::new(),
        marked_running: false,
        commented: false,
    }
}

/// The same finding as the new Security Hub sends it.
pub(crate) fn ocsf_work(world: &World, id: &str) -> Work {
    let ocsf = ocsf_id(id);
    if world.hub.comment(&ocsf).is_none() {
        world.hub.add_ocsf(&ocsf);
    }
    let finding = Reference::Ocsf {
        metadata_uid: ocsf.metadata_uid,
        account: ocsf.account,
        finding_uid: ocsf.finding_uid,
        product_uid: ocsf.product_uid,
    };
    Work { finding, run: format!("event-v2-of-{id}"), ..work(world, id) }
}

pub(crate) fn body(work: &Work) -> String {
    serde_json::to_string(work).unwrap()
}
