//! The world around the function: a campaign with shards and held contents, and people who decide.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use campaign_review::config::Settings;
use campaign_review::{CampaignReview, Ports};
use eventide_clients::campaigns::{Campaigns as _, FakeCampaigns, Shards as _};
use eventide_clients::s3::FakeBucket;
use eventide_clients::secrets::FakeSecrets;
use eventide_clients::sqs::FakeQueue;
use eventide_kit::clock::{Clock as _, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::ledger::{Ledger as _, MemoryLedger, Settlement, State as Effect};
use eventide_kit::sqs::MemoryDeadLetters;
use eventide_kit::tap::{Calls, Line, Tapped};
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::keys::{Work, report};
use eventide_types::campaign::outgoing::Outgoing;
use eventide_types::campaign::record::{Campaign, Shard};
use eventide_types::campaign::{Channel, ContentId};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-27 09:00 UTC);
pub(crate) const CAMPAIGN: &str = "spring";
pub(crate) const UPLOAD: &str = "00112233aabbccdd";
pub(crate) const LAST: u32 = 5;
const SECRET: &str = "entries";

#[derive(Clone, Debug)]
pub(crate) struct Fakes {
    pub(crate) store: FakeCampaigns,
    pub(crate) ledger: MemoryLedger,
    pub(crate) campaigns: FakeBucket,
    pub(crate) work: FakeBucket,
    pub(crate) reports: FakeBucket,
    pub(crate) secrets: FakeSecrets,
    pub(crate) judge_queue: FakeQueue,
    pub(crate) send_queue: FakeQueue,
    pub(crate) dead_letters: MemoryDeadLetters,
}

/// The fakes, as an execution environment reaches them.
#[derive(Clone, Debug)]
struct Wired {
    store: Tapped<FakeCampaigns>,
    ledger: Tapped<MemoryLedger>,
    campaigns: Tapped<FakeBucket>,
    work: Tapped<FakeBucket>,
    reports: Tapped<FakeBucket>,
    secrets: Tapped<FakeSecrets>,
    judge_queue: Tapped<FakeQueue>,
    send_queue: Tapped<FakeQueue>,
    dead_letters: MemoryDeadLetters,
}

impl Ports for Wired {
    type Store = Tapped<FakeCampaigns>;
    type Ledger = Tapped<MemoryLedger>;
    type Bucket = Tapped<FakeBucket>;
    type Secrets = Tapped<FakeSecrets>;
    type Queue = Tapped<FakeQueue>;
    type DeadLetters = MemoryDeadLetters;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn ledger(&self) -> &Self::Ledger {
        &self.ledger
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

    fn judge_queue(&self) -> &Self::Queue {
        &self.judge_queue
    }

    fn send_queue(&self) -> &Self::Queue {
        &self.send_queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) fakes: Fakes,
    pub(crate) calls: Calls,
    made: usize,
}

/// What a world has come to. Messages may be more than these: a repeat sends them again.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) campaigns: Vec<Campaign>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) shards: Vec<Shard>,
    pub(crate) work: BTreeMap<String, Vec<u8>>,
    pub(crate) entries: Vec<(Effect, Option<String>)>,
    pub(crate) to_judge: Vec<Value>,
    pub(crate) to_send: Vec<Value>,
    pub(crate) report_due: Option<OffsetDateTime>,
}

impl World {
    /// Somebody dies after the call of this number; 0: nobody.
    pub(crate) async fn with(last: usize) -> Self {
        let clock = ManualClock::new(NOW);
        let fakes = Fakes {
            store: FakeCampaigns::default(),
            ledger: MemoryLedger::new(Arc::new(clock.clone())),
            campaigns: FakeBucket::new("campaigns"),
            work: FakeBucket::new("work"),
            reports: FakeBucket::new("reports"),
            secrets: FakeSecrets::default(),
            judge_queue: FakeQueue::default(),
            send_queue: FakeQueue::default(),
            dead_letters: MemoryDeadLetters::default(),
        };
        fakes.secrets.set(SECRET, "s3cret");
        let world = Self { clock, fakes, calls: Calls::last(last), made: 0 };
        world.campaign().await;
        world
    }

    pub(crate) async fn new() -> Self {
        Self::with(0).await
    }

    /// A campaign that is being sent: six shards that wait, two contents that are held.
    async fn campaign(&self) {
        let mut campaign: Campaign = serde_json::from_value(json!({
            "id": CAMPAIGN, "upload": UPLOAD, "key": "campaigns/spring.csv", "etag": "e", "sequencer": "1", "bytes": 1,
            "form": "csv", "gzip": false, "state": "sending", "paused": false,
            "settings": {"testRecipients": ["boss@example.com", "audit@example.com", "+15555550199"]},
            "classifier": "c", "counts": {}, "uploadedAt": "2026-11-27T08:00:00Z",
            "updatedAt": "2026-11-27T08:00:00Z", "revision": 0
        }))
        .unwrap();
        assert!(self.fakes.store.put(&mut campaign).await.unwrap());
        for number in 0..6 {
            let channel = if number < 4 { Channel::Email } else { Channel::Sms };
            let key = Work { campaign: CAMPAIGN, upload: UPLOAD }.shard("first", number);
            let messages = (0..3).map(|of| message(channel, number * 3 + of));
            let lines: String = messages.map(|message| json!(message).to_string() + "\n").collect();
            self.fakes.work.add(&key, lines);
            let due_at = NOW + Duration::from_secs(3_600);
            self.fakes.store.create(&[shard(key, channel, due_at)]).await.unwrap();
        }
        self.fakes.store.announce(CAMPAIGN, UPLOAD, "first", 6).await.unwrap();
        self.still_held(&[1, 2]);
    }

    /// campaign-judge lists these as held.
    pub(crate) fn still_held(&self, contents: &[u8]) {
        let line = |content: &u8| json!({"content": held(*content), "verdict": "held"}).to_string() + "\n";
        self.fakes.reports.add(&report::review(CAMPAIGN), contents.iter().map(line).collect::<String>());
    }

    /// campaign-judge has made the shards of a release.
    pub(crate) async fn carried_out(&self, message: &Value) {
        let upload = self.record().await.upload;
        let key = Work { campaign: CAMPAIGN, upload: &upload }.shard(message["release"].as_str().unwrap(), 0);
        self.fakes.store.create(&[shard(key, Channel::Email, NOW)]).await.unwrap();
    }

    pub(crate) async fn record(&self) -> Campaign {
        self.fakes.store.campaign(CAMPAIGN).await.unwrap().unwrap()
    }

    pub(crate) async fn change(&self, change: impl FnOnce(&mut Campaign)) {
        let mut campaign = self.record().await;
        change(&mut campaign);
        assert!(self.fakes.store.put(&mut campaign).await.unwrap());
    }

    /// Entries that nobody knows of, that are claimed, and that are done.
    pub(crate) async fn entries(&self) {
        for (key, settlement) in [
            ("e-0", Some(Settlement::Uncertain { reason: "connection_lost".to_owned() })),
            ("e-1", Some(Settlement::Uncertain { reason: "connection_lost".to_owned() })),
            ("e-2", None),
            ("e-3", Some(Settlement::Done { detail: BTreeMap::new() })),
            ("e-4", Some(Settlement::Refused { reason: "opted_out".to_owned() })),
        ] {
            let detail = BTreeMap::from([("campaign".to_owned(), CAMPAIGN.to_owned())]);
            let until = self.clock.now() + Duration::from_secs(120);
            self.fakes.ledger.claim(key, "h", until, detail).await.unwrap();
            if let Some(settlement) = settlement {
                self.fakes.ledger.settle(key, 1, settlement).await.unwrap();
            }
        }
    }

    pub(crate) async fn state(&self, entry: &str) -> (Effect, Option<String>) {
        let entry = self.fakes.ledger.get(entry).await.unwrap().unwrap();
        (entry.state, entry.reason)
    }

    /// Invokes the function in an environment of its own; `None`: it was killed.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Option<Result<Value, Error>> {
        let line = Line::new(&self.calls);
        let wired = Wired {
            store: Tapped::new(&self.fakes.store, &line),
            ledger: Tapped::new(&self.fakes.ledger, &line),
            campaigns: Tapped::new(&self.fakes.campaigns, &line),
            work: Tapped::new(&self.fakes.work, &line),
            reports: Tapped::new(&self.fakes.reports, &line),
            secrets: Tapped::new(&self.fakes.secrets, &line),
            judge_queue: Tapped::new(&self.fakes.judge_queue, &line),
            send_queue: Tapped::new(&self.fakes.send_queue, &line),
            dead_letters: self.fakes.dead_letters.clone(),
        };
        let settings = Settings { secret: SECRET.to_owned(), max_receives: LAST };
        let function = CampaignReview::new(wired, settings, Arc::new(self.clock.clone()));
        self.made += 1;
        let deadline = Deadline::after(Duration::from_secs(300), Arc::new(self.clock.clone()));
        let invocation = Invocation::for_tests(&format!("invocation-{}", self.made), deadline);
        let event = serde_json::value::to_raw_value(event).unwrap();
        let answer = line.until_cut(function.answer(&event, &invocation)).await?;
        Some(answer.map(|response| serde_json::to_value(response).unwrap()))
    }

    /// Gives a command directly.
    pub(crate) async fn direct(&mut self, command: &Value) -> Result<Value, Error> {
        self.invoke(command).await.unwrap()
    }

    /// Delivers a message; whether it comes back.
    pub(crate) async fn deliver(&mut self, body: &Value, receives: u32) -> bool {
        let answer = self.invoke(&queued(body, receives)).await.unwrap().unwrap();
        answer["batchItemFailures"] != json!([])
    }

    /// Delivers a message that is done with.
    pub(crate) async fn take(&mut self, body: &Value) {
        assert!(!self.deliver(body, 1).await);
        assert_eq!(self.fakes.dead_letters.reasons(), [""; 0]);
    }

    /// Delivers a message that is set aside: as what.
    pub(crate) async fn refused(&mut self, body: &Value) -> String {
        let before = self.fakes.dead_letters.sent().len();
        assert!(!self.deliver(body, 1).await);
        let sent = self.fakes.dead_letters.sent();
        assert_eq!(sent.len(), before + 1, "it was carried out");
        sent[before].1.clone()
    }

    /// Uploads a file of decisions: the event of it.
    pub(crate) fn upload(&self, key: &str, body: &str) -> Value {
        let version = self.fakes.campaigns.add(key, body.to_owned());
        json!({
            "id": "e-9", "detail-type": "Object Created", "source": "aws.s3", "time": "2026-11-27T09:00:00Z",
            "detail": {"bucket": {"name": "campaigns"}, "requester": "111122223333", "object":
                {"key": key, "size": body.len(), "etag": "e", "version-id": version, "sequencer": "00A1"}}
        })
    }

    pub(crate) fn judge(&self) -> Vec<Value> {
        bodies(&self.fakes.judge_queue)
    }

    pub(crate) fn sends(&self) -> Vec<Value> {
        bodies(&self.fakes.send_queue)
    }

    /// The lines of an object in the work bucket.
    pub(crate) fn lines(&self, key: &str) -> Vec<Value> {
        let body = self.fakes.work.body(key).unwrap();
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    pub(crate) async fn outcome(&self) -> Outcome {
        let mut entries = Vec::new();
        for entry in ["e-0", "e-1", "e-2", "e-3", "e-4"] {
            if let Some(entry) = self.fakes.ledger.get(entry).await.unwrap() {
                entries.push((entry.state, entry.reason));
            }
        }
        let unique = |mut messages: Vec<Value>| {
            messages.sort_by_key(Value::to_string);
            messages.dedup();
            messages
        };
        let keys = self.fakes.work.keys().into_iter();
        Outcome {
            campaigns: self.fakes.store.all_campaigns(),
            decisions: self.fakes.store.all_decisions(),
            shards: self.fakes.store.all_shards(),
            work: keys.map(|key| (key.clone(), self.fakes.work.body(&key).unwrap().to_vec())).collect(),
            entries,
            to_judge: unique(self.judge()),
            to_send: unique(self.sends()),
            report_due: self.fakes.store.report_due(CAMPAIGN),
        }
    }
}

fn bodies(queue: &FakeQueue) -> Vec<Value> {
    queue.messages().iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

pub(crate) fn held(number: u8) -> ContentId {
    ContentId([number; 16])
}

fn message(channel: Channel, number: u32) -> Outgoing {
    let is_sms = channel == Channel::Sms;
    Outgoing {
        entry: format!("{number:032x}"),
        id: format!("m-{number}"),
        line: u64::from(number) + 2,
        channel,
        to: if is_sms { format!("+1555555{number:04}") } else { format!("reader-{number}@example.com") },
        // Two contents by email, one by SMS.
        content: ContentId([if is_sms { 9 } else { 7 + u8::from(number.is_multiple_of(2)) }; 16]),
        subject: (!is_sms).then(|| "Spring".to_owned()),
        text: Some(format!("Spring is here, reader {number}")),
        html: None,
    }
}

fn shard(key: String, channel: Channel, due_at: OffsetDateTime) -> Shard {
    Shard {
        key,
        campaign: CAMPAIGN.to_owned(),
        upload: UPLOAD.to_owned(),
        channel,
        zone: None,
        messages: 3,
        test: false,
        next: 0,
        left: 0,
        closed: false,
        due_at,
        revision: 0,
    }
}

/// A command about the campaign.
pub(crate) fn command(action: &str, more: Value) -> Value {
    let mut command = json!({"campaign": CAMPAIGN, "action": action, "by": "ann", "reason": "so it is"});
    for (name, value) in more.as_object().into_iter().flatten() {
        command[name] = value.clone();
    }
    command
}

/// The event of a command, given so many seconds after nine.
pub(crate) fn given(id: &str, seconds: i64, command: &Value) -> Value {
    let time = (NOW + time::Duration::seconds(seconds)).format(&Rfc3339).unwrap();
    json!({"id": id, "detail-type": "Campaign Command", "source": "marketing", "time": time, "detail": command})
}

pub(crate) fn queued(body: &Value, receives: u32) -> Value {
    json!({ "Records": [{
        "messageId": "message", "body": body.to_string(), "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:review",
        "attributes": { "ApproximateReceiveCount": receives.to_string() }, "messageAttributes": {}
    }] })
}
