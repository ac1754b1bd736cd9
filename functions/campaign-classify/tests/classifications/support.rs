//! The world around the function: fakes, an upload whose contents are gathered, and a classifier.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use campaign_classify::config::Settings;
use campaign_classify::{CampaignClassify, Ports};
use eventide_clients::campaigns::{Campaigns as _, FakeCampaigns};
use eventide_clients::comprehend::FakeClassifier;
use eventide_clients::event_bus::{Event, FakeEventBus};
use eventide_clients::s3::FakeBucket;
use eventide_clients::sqs::FakeQueue;
use eventide_kit::clock::ManualClock;
use eventide_kit::deadline::Deadline;
use eventide_kit::sqs::MemoryDeadLetters;
use eventide_kit::tap::{Calls, Line, Tapped};
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::verdict::{Mode, Score, Scored, Scores as Part};
use eventide_types::campaign::{Campaign, ContentId};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-27 09:00 UTC);
pub(crate) const UPLOAD: &str = "00112233aabbccdd";
pub(crate) const WORK: Work<'static> = Work { campaign: "spring", upload: UPLOAD };
pub(crate) const CLASSIFIER: &str =
    "arn:aws:comprehend:us-east-1:111122223333:document-classifier/marketing/version/v1";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/comprehend";
pub(crate) const ENDPOINT: &str =
    "arn:aws:comprehend:us-east-1:111122223333:document-classifier-endpoint/marketing";
pub(crate) const LAST: u32 = 5;

#[derive(Clone, Debug)]
pub(crate) struct Fakes {
    pub(crate) store: FakeCampaigns,
    pub(crate) work: FakeBucket,
    pub(crate) classifier: FakeClassifier,
    pub(crate) event_bus: FakeEventBus,
    pub(crate) classify_queue: FakeQueue,
    pub(crate) judge_queue: FakeQueue,
    pub(crate) dead_letters: MemoryDeadLetters,
}

/// The fakes, as an execution environment reaches them.
#[derive(Clone, Debug)]
struct Wired {
    store: Tapped<FakeCampaigns>,
    work: Tapped<FakeBucket>,
    classifier: Tapped<FakeClassifier>,
    event_bus: Tapped<FakeEventBus>,
    classify_queue: Tapped<FakeQueue>,
    judge_queue: Tapped<FakeQueue>,
    dead_letters: MemoryDeadLetters,
}

impl Ports for Wired {
    type Store = Tapped<FakeCampaigns>;
    type Bucket = Tapped<FakeBucket>;
    type Classifier = Tapped<FakeClassifier>;
    type EventBus = Tapped<FakeEventBus>;
    type Queue = Tapped<FakeQueue>;
    type DeadLetters = MemoryDeadLetters;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn work(&self) -> &Self::Bucket {
        &self.work
    }

    fn classifier(&self) -> &Self::Classifier {
        &self.classifier
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
    pub(crate) settings: Settings,
    pub(crate) calls: Calls,
}

/// What a world has come to, but for what was told how often.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) campaign: Campaign,
    pub(crate) scores: Vec<(String, Scored)>,
    pub(crate) new_scores: Option<Bytes>,
}

impl World {
    /// An upload whose contents are these, each with its documents.
    pub(crate) async fn new(contents: &[(ContentId, Vec<String>)]) -> Self {
        Self::with(contents, 0).await
    }

    /// One in which somebody dies after the call of this number; 0: nobody.
    pub(crate) async fn with(contents: &[(ContentId, Vec<String>)], last: usize) -> Self {
        let fakes = Fakes {
            store: FakeCampaigns::default(),
            work: FakeBucket::new("work"),
            classifier: FakeClassifier::new(model),
            event_bus: FakeEventBus::default(),
            classify_queue: FakeQueue::default(),
            judge_queue: FakeQueue::default(),
            dead_letters: MemoryDeadLetters::default(),
        };
        let settings =
            Settings { role: ROLE.to_owned(), endpoint: None, sync_documents: 200, max_receives: LAST };
        let world = Self { clock: ManualClock::new(NOW), fakes, settings, calls: Calls::last(last) };
        let (mut documents, mut ids, mut count) = (String::new(), String::new(), 0);
        for (id, texts) in contents {
            for text in texts {
                documents.push_str(&format!("{text}\n"));
                ids.push_str(&format!("{id}\n"));
                count += 1;
            }
        }
        world.fakes.work.add(&WORK.documents(), documents);
        world.fakes.work.add(&WORK.document_ids(), ids);
        let mut campaign: Campaign = serde_json::from_value(json!({
            "id": "spring", "upload": UPLOAD, "key": "campaigns/spring.csv", "etag": "e", "sequencer": "1", "bytes": 1,
            "form": "csv", "gzip": false, "state": "classifying", "paused": false, "settings": {},
            "classifier": CLASSIFIER, "counts": {"documents": count}, "uploadedAt": "2026-11-27T08:59:00Z",
            "updatedAt": "2026-11-27T09:00:00Z", "dueAt": "2026-11-27T09:15:00Z", "revision": 0
        }))
        .unwrap();
        assert!(world.fakes.store.put(&mut campaign).await.unwrap());
        world
    }

    /// What the function answers; `None`: it was killed.
    async fn invoke(&self, event: &Value) -> Option<Result<Value, Error>> {
        let line = Line::new(&self.calls);
        let wired = Wired {
            store: Tapped::new(&self.fakes.store, &line),
            work: Tapped::new(&self.fakes.work, &line),
            classifier: Tapped::new(&self.fakes.classifier, &line),
            event_bus: Tapped::new(&self.fakes.event_bus, &line),
            classify_queue: Tapped::new(&self.fakes.classify_queue, &line),
            judge_queue: Tapped::new(&self.fakes.judge_queue, &line),
            dead_letters: self.fakes.dead_letters.clone(),
        };
        let function = CampaignClassify::new(wired, self.settings.clone(), Arc::new(self.clock.clone()));
        let deadline = Deadline::after(Duration::from_secs(900), Arc::new(self.clock.clone()));
        let invocation = Invocation::for_tests("invocation", deadline);
        let event = serde_json::value::to_raw_value(event).unwrap();
        let answer = line.until_cut(function.answer(&event, &invocation)).await?;
        Some(answer.map(|response| serde_json::to_value(response).unwrap()))
    }

    /// Delivers a message; whether it comes back. `None`: the function was killed.
    pub(crate) async fn deliver(&self, body: &Value, receives: u32) -> Option<bool> {
        let batch = json!({ "Records": [{
            "messageId": "message", "body": body.to_string(), "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:classify",
            "attributes": { "ApproximateReceiveCount": receives.to_string() }, "messageAttributes": {}
        }] });
        let answer = self.invoke(&batch).await?.unwrap();
        Some(answer["batchItemFailures"] != json!([]))
    }

    /// Delivers a message with which nothing goes wrong.
    pub(crate) async fn take(&self, body: &Value) {
        assert_eq!(self.deliver(body, 1).await, Some(false));
        assert_eq!(self.fakes.dead_letters.reasons(), [""; 0]);
    }

    /// The schedule.
    pub(crate) async fn sweep(&self) -> Value {
        self.invoke(&json!({"sweep": true})).await.unwrap().unwrap()
    }

    /// The schedule, which somebody may not survive; false: it was killed.
    pub(crate) async fn sweep_if_alive(&self) -> bool {
        match self.invoke(&json!({"sweep": true})).await {
            Some(answer) => answer.is_ok(),
            None => false,
        }
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

    /// Starts the upload's job, and says which it is.
    pub(crate) async fn started(&self) -> String {
        self.take(&asked(0)).await;
        self.record().await.job_id.unwrap()
    }

    /// The archive of a job's answers is there; what EventBridge tells of it.
    pub(crate) fn answered(&self, job: &str, archive: Vec<u8>) -> Value {
        let key = format!("{}111122223333-CLN-{job}/output/output.tar.gz", WORK.output());
        self.fakes.work.add(&key, archive);
        json!({"source": "aws.s3", "detail-type": "Object Created", "detail": {
            "bucket": {"name": "work"}, "object": {"key": key, "size": 1, "etag": "e", "sequencer": "00"}}})
    }

    /// The scores that campaign-judge will find, by content.
    pub(crate) fn scores(&self) -> BTreeMap<ContentId, Vec<Part>> {
        let Some(body) = self.fakes.work.body(&WORK.new_scores()) else { return BTreeMap::new() };
        let scored = std::str::from_utf8(&body).unwrap().lines().map(|line| {
            let Scored { content, parts } = serde_json::from_str(line).unwrap();
            (content, parts)
        });
        let all: Vec<_> = scored.collect();
        let count = all.len();
        let by_content: BTreeMap<_, _> = all.into_iter().collect();
        assert_eq!(by_content.len(), count, "each content once");
        by_content
    }

    /// How often campaign-judge was asked to go on.
    pub(crate) fn to_judge(&self) -> usize {
        let messages = self.fakes.judge_queue.messages();
        let expected = json!({"campaign": "spring", "upload": UPLOAD});
        assert!(
            messages.iter().all(|message| serde_json::from_str::<Value>(&message.body).unwrap() == expected)
        );
        messages.len()
    }

    /// The failures that were told: their class and reason.
    pub(crate) fn failures(&self) -> Vec<(String, String)> {
        let told = |event: Event| {
            assert_eq!(event.detail_type, "Campaign Failed");
            let text = |name: &str| event.detail[name].as_str().unwrap().to_owned();
            (text("errorClass"), text("reason"))
        };
        self.fakes.event_bus.events().into_iter().map(told).collect()
    }

    pub(crate) async fn outcome(&self) -> Outcome {
        let campaign = Campaign { revision: 0, due_at: None, updated_at: NOW, ..self.record().await };
        let scores = self.fakes.store.all_scores();
        Outcome { campaign, scores, new_scores: self.fakes.work.body(&WORK.new_scores()) }
    }
}

/// What the classifier says of a text.
pub(crate) fn model(text: &str) -> Part {
    let scores = if text.contains("casino") {
        [("gambling", 0.9), ("compliant", 0.1)]
    } else {
        [("compliant", 0.95), ("gambling", 0.05)]
    };
    part(Mode::MultiClass, &scores)
}

pub(crate) fn part(mode: Mode, labels: &[(&str, f32)]) -> Part {
    let label = |(name, score): &(&str, f32)| Score { name: (*name).to_owned(), score: *score };
    Part { mode, labels: labels.iter().map(label).collect() }
}

/// campaign-screen's message, or this function's own.
pub(crate) fn asked(done: u64) -> Value {
    json!({"campaign": "spring", "upload": UPLOAD, "done": done})
}

pub(crate) fn id(number: u8) -> ContentId {
    ContentId([number; 16])
}

/// Contents of one document each.
pub(crate) fn contents(texts: &[&str]) -> Vec<(ContentId, Vec<String>)> {
    (1..).zip(texts).map(|(number, text)| (id(number), vec![(*text).to_owned()])).collect()
}

/// An archive as Comprehend writes it: these lines in one file.
pub(crate) fn archive(lines: &[String]) -> Vec<u8> {
    let content = lines.concat();
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, "predictions.jsonl", content.as_bytes()).unwrap();
    builder.into_inner().unwrap().finish().unwrap()
}

/// The answer about a document.
pub(crate) fn answer(line: usize, part: &Part) -> String {
    let labels: Vec<Value> =
        part.labels.iter().map(|label| json!({"Name": label.name, "Score": label.score})).collect();
    let kind = if part.mode == Mode::MultiClass { "Classes" } else { "Labels" };
    json!({"File": "input.txt", "Line": line.to_string(), kind: labels}).to_string() + "\n"
}
