//! The world around the function: fakes, and a campaign whose contents are gathered and scored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use campaign_judge::config::Settings;
use campaign_judge::{CampaignJudge, Ports};
use eventide_campaigns::{Messages, entry};
use eventide_clients::campaigns::{Campaigns as _, Decisions as _, FakeCampaigns};
use eventide_clients::event_bus::FakeEventBus;
use eventide_clients::s3::FakeBucket;
use eventide_clients::secrets::FakeSecrets;
use eventide_clients::sqs::{FakeQueue, Outgoing as Message};
use eventide_kit::Invocation;
use eventide_kit::clock::{Clock as _, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::sqs::{MemoryDeadLetters, SqsEvent};
use eventide_kit::tap::{Calls, Line, Tapped};
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::message::Content;
use eventide_types::campaign::outgoing::Outgoing;
use eventide_types::campaign::record::Shard;
use eventide_types::campaign::settings::Start;
use eventide_types::campaign::verdict::{Judged, Mode, Policy, Reason, Score, Scored, Scores, Verdict};
use eventide_types::campaign::{Campaign, ContentId, Settings as Conditions};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-27 09:00 UTC);
pub(crate) const UPLOAD: &str = "00112233aabbccdd";
pub(crate) const WORK: Work<'static> = Work { campaign: "spring", upload: UPLOAD };
pub(crate) const KEY: &str = "campaigns/spring.csv";
pub(crate) const LAST: u32 = 5;
const SECRET: &str = "entries";
pub(crate) const HEADER: &str = "id,channel,to,time_zone,subject,text\n";

/// Messages of every verdict, and a row that does not parse.
pub(crate) fn every_verdict() -> String {
    HEADER.to_owned()
        + "1,email,a@example.com,,News,An approved table\n\
           2,email,b@example.com,,News,A rejected casino\n\
           3,sms,+4915112345678,,,A held offer\n\
           4,sms,0151,,,An approved table\n\
           5,sms,+4915112345679,,,A silent one\n\
           6,sms,+4915112345670,,,Ein fremder Text\n\
           7,email,c@example.com,,News,An approved table\n\
           8,sms,+4915112345671,,,A held offer\n\
           9,sms,+4915112345672,,,An approved text\n"
}

#[derive(Clone, Debug)]
pub(crate) struct Fakes {
    pub(crate) store: FakeCampaigns,
    pub(crate) campaigns: FakeBucket,
    pub(crate) work: FakeBucket,
    pub(crate) reports: FakeBucket,
    pub(crate) secrets: FakeSecrets,
    pub(crate) event_bus: FakeEventBus,
    pub(crate) send_queue: FakeQueue,
    pub(crate) report_queue: FakeQueue,
    pub(crate) dead_letters: MemoryDeadLetters,
}

/// The fakes, as an execution environment reaches them.
#[derive(Clone, Debug)]
struct Wired {
    store: Tapped<FakeCampaigns>,
    campaigns: Tapped<FakeBucket>,
    work: Tapped<FakeBucket>,
    reports: Tapped<FakeBucket>,
    secrets: Tapped<FakeSecrets>,
    event_bus: Tapped<FakeEventBus>,
    send_queue: Tapped<FakeQueue>,
    report_queue: Tapped<FakeQueue>,
    dead_letters: MemoryDeadLetters,
}

impl Ports for Wired {
    type Store = Tapped<FakeCampaigns>;
    type Bucket = Tapped<FakeBucket>;
    type Secrets = Tapped<FakeSecrets>;
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

    fn reports(&self) -> &Self::Bucket {
        &self.reports
    }

    fn secrets(&self) -> &Self::Secrets {
        &self.secrets
    }

    fn event_bus(&self) -> &Self::EventBus {
        &self.event_bus
    }

    fn send_queue(&self) -> &Self::Queue {
        &self.send_queue
    }

    fn report_queue(&self) -> &Self::Queue {
        &self.report_queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) fakes: Fakes,
    pub(crate) calls: Calls,
    /// The contents of the file by their texts.
    pub(crate) contents: BTreeMap<String, ContentId>,
}

/// What a world has come to, but for what was told how often.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) campaign: Campaign,
    pub(crate) shards: Vec<Shard>,
    pub(crate) work: BTreeMap<String, Bytes>,
    pub(crate) reports: BTreeMap<String, Bytes>,
}

impl World {
    /// A campaign of this file, under these conditions.
    pub(crate) async fn new(file: &str, conditions: Value) -> Self {
        Self::with(file, conditions, 0).await
    }

    /// One in which somebody dies after the call of this number; 0: nobody.
    pub(crate) async fn with(file: &str, conditions: Value, last: usize) -> Self {
        let fakes = Fakes {
            store: FakeCampaigns::default(),
            campaigns: FakeBucket::new("campaigns"),
            work: FakeBucket::new("work"),
            reports: FakeBucket::new("reports"),
            secrets: FakeSecrets::default(),
            event_bus: FakeEventBus::default(),
            send_queue: FakeQueue::default(),
            report_queue: FakeQueue::default(),
            dead_letters: MemoryDeadLetters::default(),
        };
        fakes.secrets.set(SECRET, "shh");
        let version = fakes.campaigns.add(KEY, file.to_owned());
        let settings: Conditions = serde_json::from_value(conditions).unwrap();
        let contents = gathered(file, &settings);
        let mut known: Vec<String> = Vec::new();
        let mut scores: Vec<String> = Vec::new();
        for content in &contents {
            known.push(serde_json::to_string(content).unwrap() + "\n");
            scores.extend(scored(content).map(|scored| serde_json::to_string(&scored).unwrap() + "\n"));
        }
        fakes.work.add(&WORK.contents(), known.concat());
        // As if an earlier campaign had had the first content.
        let (earlier, new) = scores.split_at(scores.len().min(1));
        fakes.work.add(&WORK.known_scores(), earlier.concat());
        fakes.work.add(&WORK.new_scores(), new.concat());
        let mut campaign: Campaign = serde_json::from_value(json!({
            "id": "spring", "upload": UPLOAD, "key": KEY, "versionId": version, "etag": "e", "sequencer": "1",
            "bytes": file.len(), "form": "csv", "gzip": false, "state": "judging",
            "paused": settings.start == Start::Paused, "settings": settings, "classifier": "classifier-v1",
            "counts": {"rows": file.lines().count() - 1, "contents": contents.len(), "documents": contents.len()},
            "uploadedAt": "2026-11-27T08:00:00Z", "updatedAt": "2026-11-27T08:30:00Z",
            "dueAt": "2026-11-27T09:10:00Z", "revision": 0
        }))
        .unwrap();
        assert!(fakes.store.put(&mut campaign).await.unwrap());
        let contents = contents.into_iter().map(|content| (content.text, content.content)).collect();
        Self { clock: ManualClock::new(NOW), fakes, calls: Calls::last(last), contents }
    }

    /// Delivers a message; whether it comes back. `None`: the function was killed.
    pub(crate) async fn deliver(&self, body: &Value, receives: u32) -> Option<bool> {
        let line = Line::new(&self.calls);
        let wired = Wired {
            store: Tapped::new(&self.fakes.store, &line),
            campaigns: Tapped::new(&self.fakes.campaigns, &line),
            work: Tapped::new(&self.fakes.work, &line),
            reports: Tapped::new(&self.fakes.reports, &line),
            secrets: Tapped::new(&self.fakes.secrets, &line),
            event_bus: Tapped::new(&self.fakes.event_bus, &line),
            send_queue: Tapped::new(&self.fakes.send_queue, &line),
            report_queue: Tapped::new(&self.fakes.report_queue, &line),
            dead_letters: self.fakes.dead_letters.clone(),
        };
        let settings = Settings { secret: SECRET.to_owned(), policy: policy(), max_receives: LAST };
        let function = CampaignJudge::new(wired, settings, Arc::new(self.clock.clone()));
        let deadline = Deadline::after(Duration::from_secs(900), Arc::new(self.clock.clone()));
        let invocation = Invocation::for_tests("invocation", deadline);
        let batch = json!({ "Records": [{
            "messageId": "message", "body": body.to_string(), "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:judge",
            "attributes": { "ApproximateReceiveCount": receives.to_string() }, "messageAttributes": {}
        }] });
        let batch: SqsEvent = serde_json::from_value(batch).unwrap();
        let answer = line.until_cut(function.answer(batch, &invocation)).await?.unwrap();
        Some(serde_json::to_value(answer).unwrap()["batchItemFailures"] != json!([]))
    }

    /// Delivers a message with which nothing goes wrong.
    pub(crate) async fn take(&self, body: &Value) {
        assert_eq!(self.deliver(body, 1).await, Some(false));
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

    /// A person decides on the content of this text.
    pub(crate) async fn decide(&self, text: &str, approved: bool) -> Decision {
        let decision = Decision {
            campaign: "spring".to_owned(),
            content: self.contents[text],
            approved,
            by: "ann".to_owned(),
            reason: None,
            label: None,
            at: self.clock.now(),
            source: "test".to_owned(),
        };
        self.fakes.store.decide(&decision).await.unwrap()
    }

    /// Decisions that are to take effect together.
    pub(crate) fn release(&self, name: &str, decisions: &[Decision]) -> Value {
        let lines: String =
            decisions.iter().map(|decision| serde_json::to_string(decision).unwrap() + "\n").collect();
        self.fakes.work.add(&WORK.release(name), lines);
        json!({"campaign": "spring", "upload": UPLOAD, "release": name})
    }

    /// A file in the report bucket, line by line.
    pub(crate) fn told(&self, name: &str) -> Vec<Value> {
        let body = self.fakes.reports.body(&format!("spring/{name}")).unwrap();
        std::str::from_utf8(&body).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Each message's id with its verdict and reason.
    pub(crate) fn verdicts(&self) -> Vec<(String, String, String)> {
        let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
        let lines = self.told("verdicts.jsonl");
        lines.iter().map(|line| (text(line, "id"), text(line, "verdict"), text(line, "reason"))).collect()
    }

    /// The messages of all shards of a generation, as campaign-send will read them.
    pub(crate) fn outgoing(&self, generation: &str) -> Vec<Outgoing> {
        let mut all = Vec::new();
        for shard in self.fakes.store.all_shards() {
            if !shard.key.contains(&format!("/shards/{generation}/")) {
                continue;
            }
            let body = self.fakes.work.body(&shard.key).unwrap();
            let messages: Vec<Outgoing> = std::str::from_utf8(&body)
                .unwrap()
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            assert_eq!(messages.len(), usize::try_from(shard.messages).unwrap());
            assert!(messages.iter().all(|message| message.channel == shard.channel));
            assert!(messages.iter().all(|message| message.entry == entry_of(&message.id)));
            all.extend(messages);
        }
        all
    }

    /// The ids of these.
    pub(crate) fn sent(&self, generation: &str) -> BTreeSet<String> {
        let messages = self.outgoing(generation);
        let ids: BTreeSet<String> = messages.iter().map(|message| message.id.clone()).collect();
        assert_eq!(ids.len(), messages.len(), "each once");
        ids
    }

    /// The shards that campaign-send was told of, once each.
    pub(crate) fn to_send(&self) -> Vec<String> {
        bodies(&self.fakes.send_queue.messages())
            .iter()
            .map(|body| body["shard"].as_str().unwrap().to_owned())
            .collect()
    }

    /// How often a report was asked for.
    pub(crate) fn to_report(&self) -> usize {
        let bodies = bodies(&self.fakes.report_queue.messages());
        assert!(bodies.iter().all(|body| *body == json!({"campaign": "spring"})));
        bodies.len()
    }

    /// The events so far: their kinds and what they say.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let events = self.fakes.event_bus.events();
        assert!(events.iter().all(|event| event.source == "eventide.compliance-screening"));
        events.into_iter().map(|event| (event.detail_type, event.detail)).collect()
    }

    pub(crate) async fn outcome(&self) -> Outcome {
        let all = |bucket: &FakeBucket| {
            bucket.keys().into_iter().map(|key| (key.clone(), bucket.body(&key).unwrap())).collect()
        };
        Outcome {
            campaign: Campaign { revision: 0, ..self.record().await },
            shards: self.fakes.store.all_shards(),
            work: all(&self.fakes.work),
            reports: all(&self.fakes.reports),
        }
    }
}

fn bodies(messages: &[Message]) -> Vec<Value> {
    messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

/// campaign-classify's message.
pub(crate) fn asked() -> Value {
    json!({"campaign": "spring", "upload": UPLOAD})
}

pub(crate) fn entry_of(id: &str) -> String {
    entry(b"shh", &["campaign", "spring", id])
}

pub(crate) fn policy() -> Policy {
    Policy {
        compliant: vec!["compliant".to_owned()],
        restricted: vec!["gambling".to_owned()],
        approve_at: 0.8,
        reject_at: 0.6,
        reject_at_label: BTreeMap::new(),
        hold_at: 0.2,
    }
}

/// The contents of a file as campaign-screen gathers them. A text that says so is in another language.
fn gathered(file: &str, settings: &Conditions) -> Vec<Content> {
    let mut messages = Messages::new(eventide_types::campaign::keys::Form::Csv, false, settings.clone());
    messages.feed(file.to_owned());
    messages.finish();
    let mut contents = Vec::new();
    while messages.next_item().unwrap().is_some() {
        if let Some(new) = messages.take_new() {
            let judged =
                new.text.contains("fremd").then_some(Judged::because(Verdict::Held, Reason::WrongLanguage));
            contents.push(Content {
                content: new.id,
                channel: new.channel,
                text: new.text,
                parts: 1,
                judged,
            });
        }
    }
    contents
}

/// What the classifier says of a content, if it says anything.
fn scored(content: &Content) -> Option<Scored> {
    let (label, score) = match content.text.as_str() {
        text if text.contains("approved") => ("compliant", 0.95),
        text if text.contains("rejected") => ("gambling", 0.9),
        text if text.contains("held") => ("compliant", 0.5),
        _ => return None,
    };
    let labels = vec![Score { name: label.to_owned(), score }];
    Some(Scored { content: content.content, parts: vec![Scores { mode: Mode::MultiClass, labels }] })
}
