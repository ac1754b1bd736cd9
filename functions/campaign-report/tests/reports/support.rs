//! The world around the function: fakes, a campaign that was judged, and what became of its messages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use campaign_report::config::Settings;
use campaign_report::{CampaignReport, Ports};
use eventide_clients::campaigns::{Campaigns as _, Decisions as _, FakeCampaigns, Outcomes, Shards as _};
use eventide_clients::event_bus::{Event, FakeEventBus};
use eventide_clients::s3::FakeBucket;
use eventide_kit::clock::{Clock as _, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::ledger::{Claimed, Ledger as _, MemoryLedger, Settlement};
use eventide_kit::sqs::MemoryDeadLetters;
use eventide_kit::tap::{Calls, Line, Tapped};
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::message::Content;
use eventide_types::campaign::outgoing::Outgoing;
use eventide_types::campaign::provider::{News, Outcome};
use eventide_types::campaign::record::Shard;
use eventide_types::campaign::{Campaign, Channel, ContentId};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-27 09:00 UTC);
pub(crate) const UPLOAD: &str = "00112233aabbccdd";
pub(crate) const WORK: Work<'static> = Work { campaign: "spring", upload: UPLOAD };
pub(crate) const LAST: u32 = 5;

#[derive(Clone, Debug)]
pub(crate) struct Fakes {
    pub(crate) store: FakeCampaigns,
    pub(crate) ledger: MemoryLedger,
    pub(crate) work: FakeBucket,
    pub(crate) reports: FakeBucket,
    pub(crate) event_bus: FakeEventBus,
    pub(crate) dead_letters: MemoryDeadLetters,
}

/// The fakes, as an execution environment reaches them.
#[derive(Clone, Debug)]
struct Wired {
    store: Tapped<FakeCampaigns>,
    work: Tapped<FakeBucket>,
    reports: Tapped<FakeBucket>,
    event_bus: Tapped<FakeEventBus>,
    dead_letters: MemoryDeadLetters,
}

impl Ports for Wired {
    type Store = Tapped<FakeCampaigns>;
    type Bucket = Tapped<FakeBucket>;
    type EventBus = Tapped<FakeEventBus>;
    type DeadLetters = MemoryDeadLetters;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn work(&self) -> &Self::Bucket {
        &self.work
    }

    fn reports(&self) -> &Self::Bucket {
        &self.reports
    }

    fn event_bus(&self) -> &Self::EventBus {
        &self.event_bus
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) fakes: Fakes,
    pub(crate) calls: Calls,
}

impl World {
    /// A campaign that is being sent, of which nothing is there yet.
    pub(crate) async fn new() -> Self {
        Self::with(0).await
    }

    /// One in which somebody dies after the call of this number; 0: nobody.
    pub(crate) async fn with(last: usize) -> Self {
        let clock = ManualClock::new(NOW);
        let ledger = MemoryLedger::new(Arc::new(clock.clone()));
        let fakes = Fakes {
            store: FakeCampaigns::default().with_ledger(ledger.clone()),
            ledger,
            work: FakeBucket::new("work"),
            reports: FakeBucket::new("reports"),
            event_bus: FakeEventBus::default(),
            dead_letters: MemoryDeadLetters::default(),
        };
        let world = Self { clock, fakes, calls: Calls::last(last) };
        world.contents(&[]);
        let mut campaign: Campaign = serde_json::from_value(json!({
            "id": "spring", "upload": UPLOAD, "key": "campaigns/spring.csv", "etag": "e", "sequencer": "1", "bytes": 1,
            "form": "csv", "gzip": false, "state": "sending", "paused": false, "settings": {},
            "classifier": "classifier-v1", "counts": {}, "uploadedAt": "2026-11-27T08:00:00Z",
            "screenedAt": "2026-11-27T08:30:00Z", "updatedAt": "2026-11-27T08:30:00Z", "revision": 0
        }))
        .unwrap();
        assert!(world.fakes.store.put(&mut campaign).await.unwrap());
        world
    }

    /// The contents of the upload, numbered, with their texts.
    pub(crate) fn contents(&self, contents: &[(u8, &str)]) {
        let line = |(number, text): &(u8, &str)| {
            let content = Content {
                content: id(*number),
                channel: Channel::Email,
                text: (*text).to_owned(),
                parts: 1,
                judged: None,
            };
            serde_json::to_string(&content).unwrap() + "\n"
        };
        self.fakes.work.add(&WORK.contents(), contents.iter().map(line).collect::<String>());
    }

    /// The verdicts of campaign-judge: content, channel, verdict, reason, category.
    pub(crate) fn verdicts(&self, verdicts: &[(u8, Channel, &str, &str, Option<&str>)]) {
        let line = |(number, (content, channel, verdict, reason, category)): (
            usize,
            &(u8, Channel, &str, &str, Option<&str>),
        )| {
            json!({"id": number.to_string(), "line": number + 2, "channel": channel, "content": id(*content), "verdict": verdict,
                "reason": reason, "category": category, "score": category.map(|_| 0.75)})
            .to_string()
                + "\n"
        };
        self.fakes
            .reports
            .add("spring/verdicts.jsonl", verdicts.iter().enumerate().map(line).collect::<String>());
    }

    /// A shard of these messages, announced as a generation of its own.
    pub(crate) async fn shard(&self, generation: &str, messages: &[Outgoing]) -> Shard {
        let key = WORK.shard(generation, 0);
        let lines: String = messages.iter().map(|message| json!(message).to_string() + "\n").collect();
        self.fakes.work.add(&key, lines);
        let shard = Shard {
            key,
            campaign: "spring".to_owned(),
            upload: UPLOAD.to_owned(),
            channel: messages[0].channel,
            zone: None,
            messages: u32::try_from(messages.len()).unwrap(),
            test: generation.starts_with("test-"),
            next: 0,
            left: 0,
            closed: false,
            due_at: NOW,
            revision: 0,
        };
        if !shard.test {
            self.fakes.store.announce("spring", UPLOAD, generation, 1).await.unwrap();
        }
        self.fakes.store.create(std::slice::from_ref(&shard)).await.unwrap();
        shard
    }

    /// campaign-send's claim of a message, which it settles so unless it died.
    pub(crate) async fn claimed(&self, message: &Outgoing, settlement: Option<Settlement>) {
        let detail = BTreeMap::from([
            ("upload".to_owned(), UPLOAD.to_owned()),
            ("line".to_owned(), message.line.to_string()),
        ]);
        let deadline = self.clock.now() + time::Duration::minutes(2);
        let claimed = self.fakes.ledger.claim(&message.entry, "holder", deadline, detail).await.unwrap();
        let Claimed::Won(entry) = claimed else { return assert!(settlement.is_none(), "claimed before") };
        if let Some(settlement) = settlement {
            self.fakes.ledger.settle(&message.entry, entry.attempt, settlement).await.unwrap();
        }
    }

    /// News of a provider.
    pub(crate) async fn news(&self, message: &Outgoing, outcome: Outcome) {
        let news = News {
            entry: message.entry.clone(),
            campaign: "spring".to_owned(),
            outcome,
            message_id: "m".to_owned(),
            detail: None,
            at: NOW,
        };
        assert!(self.fakes.store.record(&news).await.unwrap());
    }

    /// A person decided.
    pub(crate) async fn decided(&self, content: u8, approved: bool, label: Option<&str>) {
        let decision = Decision {
            campaign: "spring".to_owned(),
            content: id(content),
            approved,
            by: "ann".to_owned(),
            reason: None,
            label: label.map(str::to_owned),
            at: NOW,
            source: "test".to_owned(),
        };
        self.fakes.store.decide(&decision).await.unwrap();
    }

    /// What the function answers; `None`: it was killed.
    pub(crate) async fn invoke(&self, event: &Value) -> Option<Result<Value, Error>> {
        let line = Line::new(&self.calls);
        let wired = Wired {
            store: Tapped::new(&self.fakes.store, &line),
            work: Tapped::new(&self.fakes.work, &line),
            reports: Tapped::new(&self.fakes.reports, &line),
            event_bus: Tapped::new(&self.fakes.event_bus, &line),
            dead_letters: self.fakes.dead_letters.clone(),
        };
        let settings = Settings {
            compliant_labels: vec!["compliant".to_owned(), "fine".to_owned()],
            max_receives: LAST,
        };
        let function = CampaignReport::new(wired, settings, Arc::new(self.clock.clone()));
        let deadline = Deadline::after(Duration::from_secs(900), Arc::new(self.clock.clone()));
        let invocation = Invocation::for_tests("invocation", deadline);
        let event = serde_json::value::to_raw_value(event).unwrap();
        let answer = line.until_cut(function.answer(&event, &invocation)).await?;
        Some(answer.map(|response| serde_json::to_value(response).unwrap()))
    }

    /// Delivers a message; whether it comes back. `None`: the function was killed.
    pub(crate) async fn deliver(&self, body: &Value, receives: u32) -> Option<bool> {
        let answer = self.invoke(&batch(body, receives)).await?.unwrap();
        Some(answer["batchItemFailures"] != json!([]))
    }

    /// Has the report written: the figures.
    pub(crate) async fn report(&self) -> Value {
        assert_eq!(self.deliver(&json!({"campaign": "spring"}), 1).await, Some(false));
        assert_eq!(self.fakes.dead_letters.reasons(), [""; 0]);
        self.figures()
    }

    pub(crate) fn figures(&self) -> Value {
        serde_json::from_slice(&self.body("report.json").unwrap()).unwrap()
    }

    pub(crate) fn body(&self, name: &str) -> Option<Bytes> {
        self.fakes.reports.body(&format!("spring/{name}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.body(name).unwrap().to_vec()).unwrap()
    }

    /// What is told of each message: its id with its status.
    pub(crate) fn deliveries(&self) -> Vec<(String, String)> {
        let of = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["id"].as_str().unwrap().to_owned(), line["status"].as_str().unwrap().to_owned())
        };
        self.text("deliveries.jsonl").lines().map(of).collect()
    }

    pub(crate) async fn record(&self) -> Campaign {
        self.fakes.store.campaign("spring").await.unwrap().unwrap()
    }

    /// Changes the campaign's record.
    pub(crate) async fn change(&self, change: impl FnOnce(&mut Campaign)) {
        let mut campaign = self.record().await;
        change(&mut campaign);
        assert!(self.fakes.store.put(&mut campaign).await.unwrap());
    }

    /// What was told: the events `Campaign Sent`.
    pub(crate) fn sent(&self) -> Vec<Value> {
        let told = |event: Event| {
            assert_eq!(
                (event.source.as_str(), event.detail_type.as_str()),
                ("eventide.compliance-screening", "Campaign Sent")
            );
            event.detail
        };
        self.fakes.event_bus.events().into_iter().map(told).collect()
    }
}

fn batch(body: &Value, receives: u32) -> Value {
    json!({ "Records": [{
        "messageId": "message", "body": body.to_string(), "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:report",
        "attributes": { "ApproximateReceiveCount": receives.to_string() }, "messageAttributes": {}
    }] })
}

pub(crate) fn id(number: u8) -> ContentId {
    ContentId([number; 16])
}

/// Messages of these numbers.
pub(crate) fn messages(channel: Channel, numbers: std::ops::Range<u32>) -> Vec<Outgoing> {
    let message = |number: u32| Outgoing {
        entry: format!("{number:032x}"),
        id: format!("m-{number}"),
        line: u64::from(number) + 2,
        channel,
        to: format!("reader-{number}@example.com"),
        content: id(7),
        subject: None,
        text: Some(format!("Spring is here, reader {number}")),
        html: None,
    };
    numbers.map(message).collect()
}

/// A release has contents of its own.
pub(crate) fn of_content(number: u8, messages: Vec<Outgoing>) -> Vec<Outgoing> {
    messages.into_iter().map(|message| Outgoing { content: id(number), ..message }).collect()
}

pub(crate) fn done() -> Option<Settlement> {
    Some(Settlement::Done { detail: BTreeMap::from([("message_id".to_owned(), "id-of-ses".to_owned())]) })
}

pub(crate) fn refused(reason: &str) -> Option<Settlement> {
    Some(Settlement::Refused { reason: reason.to_owned() })
}

pub(crate) fn uncertain() -> Option<Settlement> {
    Some(Settlement::Uncertain { reason: "no answer".to_owned() })
}
