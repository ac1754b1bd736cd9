//! The world around the function: fakes, and uploads of which S3 tells.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use campaign_screen::config::Settings;
use campaign_screen::{CampaignScreen, Ports};
use eventide_clients::campaigns::{Campaigns as _, FakeCampaigns};
use eventide_clients::event_bus::{Event, FakeEventBus};
use eventide_clients::s3::FakeBucket;
use eventide_clients::sqs::{FakeQueue, Outgoing};
use eventide_kit::Invocation;
use eventide_kit::clock::ManualClock;
use eventide_kit::deadline::Deadline;
use eventide_kit::sqs::{MemoryDeadLetters, SqsEvent};
use eventide_kit::tap::{Calls, Line, Tapped};
use eventide_types::campaign::message::Content;
use eventide_types::campaign::verdict::{Mode, Score, Scored, Scores as Part};
use eventide_types::campaign::{Campaign, ContentId};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-27 09:00 UTC);
pub(crate) const KEY: &str = "campaigns/spring.csv";
pub(crate) const CLASSIFIER: &str = "classifier-v1";
pub(crate) const LAST: u32 = 5;

pub(crate) const TABLE: &str = "Come and see our new oak table with four chairs at the shop by the river";
pub(crate) const LAMP: &str =
    "The lamps of this autumn are in the shop, and every one of them is made by hand";

/// Three rows of two contents.
pub(crate) fn three_rows() -> String {
    format!(
        "id,channel,to,subject,text\r\n1,email,a@example.com,News,\"{TABLE}\"\r\n2,sms,+4915112345678,,\"{LAMP}\"\r\n\
         3,email,b@example.com,News,\"{TABLE}\"\r\n"
    )
}

#[derive(Clone, Debug)]
pub(crate) struct Fakes {
    pub(crate) store: FakeCampaigns,
    pub(crate) campaigns: FakeBucket,
    pub(crate) work: FakeBucket,
    pub(crate) event_bus: FakeEventBus,
    pub(crate) classify_queue: FakeQueue,
    pub(crate) judge_queue: FakeQueue,
    pub(crate) dead_letters: MemoryDeadLetters,
}

/// The fakes, as an execution environment reaches them.
#[derive(Clone, Debug)]
struct Wired {
    store: Tapped<FakeCampaigns>,
    campaigns: Tapped<FakeBucket>,
    work: Tapped<FakeBucket>,
    event_bus: Tapped<FakeEventBus>,
    classify_queue: Tapped<FakeQueue>,
    judge_queue: Tapped<FakeQueue>,
    dead_letters: MemoryDeadLetters,
}

impl Ports for Wired {
    type Store = Tapped<FakeCampaigns>;
    type Bucket = Tapped<FakeBucket>;
    type EventBus = Tapped<FakeEventBus>;
    type Queue = Tapped<FakeQueue>;
    type DeadLetters = MemoryDeadLetters;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn campaigns(&self) -> &Self::Bucket {
        &self.campaigns
    }

    fn work(&self) -> &Self::Bucket {
        &self.work
    }

    fn event_bus(&self) -> &Self::EventBus {
        &self.event_bus
    }

    fn classify_queue(&self) -> &Self::Queue {
        &self.classify_queue
    }

    fn judge_queue(&self) -> &Self::Queue {
        &self.judge_queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) fakes: Fakes,
    pub(crate) calls: Calls,
    uploads: u32,
}

/// What a world has come to.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) campaign: Campaign,
    pub(crate) work: BTreeMap<String, Bytes>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(0)
    }

    /// One in which somebody dies after the call of this number; 0: nobody.
    pub(crate) fn with(last: usize) -> Self {
        let fakes = Fakes {
            store: FakeCampaigns::default(),
            campaigns: FakeBucket::new("campaigns"),
            work: FakeBucket::new("work"),
            event_bus: FakeEventBus::default(),
            classify_queue: FakeQueue::default(),
            judge_queue: FakeQueue::default(),
            dead_letters: MemoryDeadLetters::default(),
        };
        Self { clock: ManualClock::new(NOW), fakes, calls: Calls::last(last), uploads: 0 }
    }

    /// Uploads a file; what EventBridge tells of it.
    pub(crate) fn upload(&mut self, key: &str, body: impl Into<Bytes>) -> Value {
        self.uploads += 1;
        let body: Bytes = body.into();
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let (size, etag) = (body.len(), format!("{:016x}", hasher.finish()));
        let version = self.fakes.campaigns.add(key, body);
        json!({
            "source": "aws.s3", "detail-type": "Object Created",
            "detail": {"bucket": {"name": "campaigns"}, "object": {
                "key": key, "size": size, "etag": etag, "version-id": version,
                "sequencer": format!("0055AED6DCD9{:04X}", self.uploads),
            }},
        })
    }

    /// Delivers a message once; whether it comes back. `None`: the function was killed.
    pub(crate) async fn deliver(&self, body: &Value, receives: u32) -> Option<bool> {
        self.deliver_as("message", body, receives).await
    }

    /// The same, where it matters which message it is.
    pub(crate) async fn deliver_as(&self, id: &str, body: &Value, receives: u32) -> Option<bool> {
        let line = Line::new(&self.calls);
        let wired = Wired {
            store: Tapped::new(&self.fakes.store, &line),
            campaigns: Tapped::new(&self.fakes.campaigns, &line),
            work: Tapped::new(&self.fakes.work, &line),
            event_bus: Tapped::new(&self.fakes.event_bus, &line),
            classify_queue: Tapped::new(&self.fakes.classify_queue, &line),
            judge_queue: Tapped::new(&self.fakes.judge_queue, &line),
            dead_letters: self.fakes.dead_letters.clone(),
        };
        let settings = Settings { classifier: CLASSIFIER.to_owned(), language: "eng", max_receives: LAST };
        let function = CampaignScreen::new(wired, settings, Arc::new(self.clock.clone()));
        let deadline = Deadline::after(Duration::from_secs(900), Arc::new(self.clock.clone()));
        let invocation = Invocation::for_tests("invocation", deadline);
        let batch = json!({ "Records": [{
            "messageId": id, "body": body.to_string(), "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:screen",
            "attributes": { "ApproximateReceiveCount": receives.to_string() }, "messageAttributes": {}
        }] });
        let batch: SqsEvent = serde_json::from_value(batch).unwrap();
        let answer = line.until_cut(function.answer(batch, &invocation)).await?.unwrap();
        Some(serde_json::to_value(answer).unwrap()["batchItemFailures"] != json!([]))
    }

    /// Delivers a message that is done with.
    pub(crate) async fn settle(&self, body: &Value) {
        assert_eq!(self.deliver(body, 1).await, Some(false));
    }

    /// The same, and nothing went wrong with it.
    pub(crate) async fn take(&self, body: &Value) {
        self.settle(body).await;
        assert_eq!(self.fakes.dead_letters.reasons(), [""; 0]);
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

    /// A file of the current upload in the work bucket.
    pub(crate) async fn work(&self, name: &str) -> String {
        let key = format!("work/spring/{}/{name}", self.record().await.upload);
        String::from_utf8(self.fakes.work.body(&key).unwrap().to_vec()).unwrap()
    }

    pub(crate) async fn contents(&self) -> Vec<Content> {
        self.work("contents.jsonl").await.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) async fn documents(&self) -> Vec<String> {
        self.work("documents/input.txt").await.lines().map(str::to_owned).collect()
    }

    /// What went to campaign-classify and to campaign-judge.
    pub(crate) fn sent(&self) -> (Vec<Value>, Vec<Value>) {
        let bodies = |messages: Vec<Outgoing>| {
            messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
        };
        (bodies(self.fakes.classify_queue.messages()), bodies(self.fakes.judge_queue.messages()))
    }

    /// The failures that were told: their class and reason.
    pub(crate) fn failures(&self) -> Vec<(String, String)> {
        let told = |event: Event| {
            assert_eq!(
                (event.source.as_str(), event.detail_type.as_str()),
                ("eventide.compliance-screening", "Campaign Failed")
            );
            let text = |name: &str| event.detail[name].as_str().unwrap().to_owned();
            (text("errorClass"), text("reason"))
        };
        self.fakes.event_bus.events().into_iter().map(told).collect()
    }

    pub(crate) async fn outcome(&self) -> Outcome {
        let campaign = Campaign { revision: 0, ..self.record().await };
        let work = &self.fakes.work;
        let body = |key: String| {
            let body = work.body(&key).unwrap();
            (key, body)
        };
        Outcome { campaign, work: work.keys().into_iter().map(body).collect() }
    }
}

/// Scores that an earlier campaign left.
pub(crate) fn scored(content: ContentId) -> Scored {
    let labels = vec![Score { name: "compliant".to_owned(), score: 0.9 }];
    Scored { content, parts: vec![Part { mode: Mode::MultiClass, labels }] }
}
