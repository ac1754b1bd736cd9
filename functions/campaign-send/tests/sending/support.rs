//! The world around the function: fakes, shards on their way, a queue that delivers, and a schedule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use campaign_send::config::{EmailSettings, Settings, SmsSettings};
use eventide_clients::campaigns::{Campaigns as _, FakeCampaigns, Shards as _};
use eventide_clients::email::{FakeEmail, Quota};
use eventide_clients::s3::FakeBucket;
use eventide_clients::sms::{FakeSms, MessageType};
use eventide_clients::sqs::FakeQueue;
use eventide_kit::Invocation;
use eventide_kit::clock::{Clock as _, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::ledger::{Entry, Ledger as _, MemoryLedger, State};
use eventide_kit::sqs::MemoryDeadLetters;
use eventide_kit::tap::Calls;
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::outgoing::{Outgoing, tags};
use eventide_types::campaign::record::{Campaign, Shard};
use eventide_types::campaign::{Channel, ContentId};
use futures_util::future::join_all;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::wired::{Environment, Fakes};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-27 09:00 UTC);
pub(crate) const CAMPAIGN: &str = "spring";
pub(crate) const UPLOAD: &str = "00112233aabbccdd";
pub(crate) const MAX_RECEIVES: u32 = 5;
/// As in the template.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(120);
/// After which a message comes back of which nothing was heard.
const VISIBILITY: Duration = Duration::from_secs(720);
const MINUTE: Duration = Duration::from_secs(60);

/// A message of the function's queue.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) receives: u32,
    pub(crate) visible_at: OffsetDateTime,
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) fakes: Fakes,
    pub(crate) settings: Settings,
    pub(crate) queue: Vec<Queued>,
    pub(crate) calls: Calls,
    /// How often each message is delivered at the same time.
    pub(crate) copies: u32,
    /// Who was killed.
    pub(crate) killed: Option<String>,
    next_sweep: OffsetDateTime,
    made: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Calls::last(0), 0)
    }

    /// One in which somebody dies after a call, or the answer to a sending is lost; 0: never.
    pub(crate) fn with(calls: Calls, lost: usize) -> Self {
        let clock = ManualClock::new(NOW);
        let ledger = MemoryLedger::new(Arc::new(clock.clone()));
        let fakes = Fakes {
            store: FakeCampaigns::default().with_ledger(ledger.clone()),
            ledger,
            bucket: FakeBucket::new("work"),
            email: FakeEmail::default(),
            sms: FakeSms::default(),
            send_queue: FakeQueue::default(),
            report_queue: FakeQueue::default(),
            dead_letters: MemoryDeadLetters::default(),
            sends: Arc::default(),
            lost,
        };
        let settings =
            Settings { max_receives: MAX_RECEIVES, email: Some(email_settings()), sms: Some(sms_settings()) };
        let queue = Vec::new();
        Self {
            clock,
            fakes,
            settings,
            queue,
            calls,
            copies: 1,
            killed: None,
            next_sweep: NOW + MINUTE,
            made: 0,
        }
    }

    /// A campaign that is being sent, unless `change` says otherwise.
    pub(crate) async fn campaign(&self, change: impl FnOnce(&mut Campaign)) -> Campaign {
        let mut campaign: Campaign = serde_json::from_value(json!({
            "id": CAMPAIGN, "upload": UPLOAD, "key": "campaigns/spring.csv", "etag": "e", "sequencer": "1", "bytes": 1,
            "form": "csv", "gzip": false, "state": "sending", "paused": false,
            "settings": {}, "classifier": "c", "counts": {}, "uploadedAt": "2026-11-27T08:00:00Z",
            "updatedAt": "2026-11-27T08:00:00Z", "revision": 0
        }))
        .unwrap();
        change(&mut campaign);
        assert!(self.fakes.store.put(&mut campaign).await.unwrap());
        campaign
    }

    /// Changes the campaign's record.
    pub(crate) async fn change(&self, change: impl FnOnce(&mut Campaign)) {
        let mut campaign = self.fakes.store.campaign(CAMPAIGN).await.unwrap().unwrap();
        change(&mut campaign);
        assert!(self.fakes.store.put(&mut campaign).await.unwrap());
    }

    /// Shards of these messages, one each, announced, and their keys.
    pub(crate) async fn shards(&self, shards: Vec<Vec<Outgoing>>) -> Vec<String> {
        let mut keys = Vec::new();
        for (number, messages) in (0..).zip(&shards) {
            keys.push(self.shard("first", number, messages, |_| {}).await);
        }
        let count = shards.len() as u64;
        self.fakes.store.announce(CAMPAIGN, UPLOAD, "first", count).await.unwrap();
        keys
    }

    pub(crate) async fn shard(
        &self,
        generation: &str,
        number: u32,
        messages: &[Outgoing],
        change: impl FnOnce(&mut Shard),
    ) -> String {
        let key = Work { campaign: CAMPAIGN, upload: UPLOAD }.shard(generation, number);
        let lines: String = messages.iter().map(|message| json!(message).to_string() + "\n").collect();
        self.fakes.bucket.add(&key, lines);
        let mut shard = Shard {
            key: key.clone(),
            campaign: CAMPAIGN.to_owned(),
            upload: UPLOAD.to_owned(),
            channel: messages[0].channel,
            zone: None,
            messages: u32::try_from(messages.len()).unwrap(),
            test: generation.starts_with("test-"),
            next: 0,
            left: 0,
            closed: false,
            due_at: self.clock.now(),
            revision: 0,
        };
        change(&mut shard);
        self.fakes.store.create(&[shard]).await.unwrap();
        key
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment::new(&self.fakes, &self.calls, self.settings.clone(), &self.clock)
    }

    pub(crate) fn invocation(&mut self) -> Invocation {
        self.made += 1;
        let deadline = Deadline::after(TIMEOUT, Arc::new(self.clock.clone()));
        Invocation::for_tests(&format!("invocation-{}", self.made), deadline)
    }

    /// A message for a shard, which can be received.
    pub(crate) fn enqueue(&mut self, key: &str) {
        self.enqueue_body(json!({ "shard": key }).to_string(), Duration::ZERO);
    }

    pub(crate) fn enqueue_body(&mut self, body: String, delay: Duration) {
        self.made += 1;
        let id = format!("message-{}", self.made);
        self.queue.push(Queued { id, body, receives: 0, visible_at: self.clock.now() + delay });
    }

    /// What the function sent itself comes into the queue; how many messages.
    pub(crate) fn collect(&mut self) -> usize {
        let sent = self.fakes.send_queue.take();
        let count = sent.len();
        for message in sent {
            self.enqueue_body(message.body, Duration::from_secs(u64::from(message.delay_seconds)));
        }
        count
    }

    /// Everything that can be received is, all at the same time, each in an environment of its own.
    pub(crate) async fn deliver(&mut self) {
        self.collect();
        let now = self.clock.now();
        let queue = std::mem::take(&mut self.queue);
        let (visible, hidden): (Vec<_>, Vec<_>) =
            queue.into_iter().partition(|message| message.visible_at <= now);
        self.queue = hidden;
        let mut deliveries = Vec::new();
        for message in &visible {
            for _ in 0..self.copies {
                let event = event(&message.id, &message.body, message.receives + 1);
                deliveries.push((self.environment(), event, self.invocation()));
            }
        }
        let answers = deliveries.iter().map(|(environment, event, invocation)| async move {
            (environment.invoke(event, invocation).await, invocation.request_id.clone())
        });
        let mut answers = join_all(answers).await.into_iter();
        for mut message in visible {
            let mut is_done = false;
            for _ in 0..self.copies {
                match answers.next().unwrap() {
                    (None, request_id) => self.killed = Some(request_id),
                    (Some(answer), _) => {
                        is_done |= answer.unwrap()["batchItemFailures"] == json!([]);
                    }
                }
            }
            if !is_done {
                message.receives += 1;
                message.visible_at = now + VISIBILITY;
                assert!(message.receives < MAX_RECEIVES, "it would be lost to the failed queue");
                self.queue.push(message);
            }
        }
    }

    /// Delivers a message once, by itself; whether it comes back.
    pub(crate) async fn deliver_one(&mut self, body: &Value, receives: u32) -> bool {
        let (environment, invocation) = (self.environment(), self.invocation());
        let event = event("message", &body.to_string(), receives);
        let answer = environment.invoke(&event, &invocation).await.unwrap().unwrap();
        answer["batchItemFailures"] != json!([])
    }

    /// The same, by a function that may be killed.
    pub(crate) async fn deliver_one_or_die(&mut self, body: &Value) {
        let (environment, invocation) = (self.environment(), self.invocation());
        let event = event("message", &body.to_string(), 1);
        let _answer = environment.invoke(&event, &invocation).await;
    }

    /// The schedule; how many shards were due.
    pub(crate) async fn sweep(&mut self) -> u64 {
        let (environment, invocation) = (self.environment(), self.invocation());
        match environment.invoke(&json!({ "sweep": true }), &invocation).await {
            Some(answer) => answer.unwrap()["due"].as_u64().unwrap(),
            None => {
                self.killed = Some(invocation.request_id);
                0
            }
        }
    }

    /// Lets time pass, the queue deliver and the schedule sweep, until nothing is left to do. `look` is called in between.
    pub(crate) async fn run(&mut self, mut look: impl AsyncFnMut(&World)) {
        for _ in 0..10_000 {
            self.collect();
            if self.queue.is_empty() && self.all_closed() {
                return;
            }
            let next = self.queue.iter().map(|message| message.visible_at).min();
            let next = next.map_or(self.next_sweep, |next| next.min(self.next_sweep));
            self.clock.set(next.max(self.clock.now()));
            if self.next_sweep <= self.clock.now() {
                self.sweep().await;
                self.next_sweep = self.clock.now() + MINUTE;
            }
            self.deliver().await;
            look(self).await;
        }
        panic!("it does not come to an end");
    }

    /// The same, where nothing is to be looked at.
    pub(crate) async fn settle(&mut self) {
        self.run(async |_| {}).await;
        assert_eq!(self.fakes.dead_letters.reasons(), [""; 0]);
    }

    pub(crate) fn all_closed(&self) -> bool {
        self.fakes.store.all_shards().iter().all(|shard| shard.closed)
    }

    pub(crate) async fn stored(&self, key: &str) -> Shard {
        self.fakes.store.shard(key).await.unwrap().unwrap()
    }

    pub(crate) async fn entry(&self, message: &Outgoing) -> Option<Entry> {
        self.fakes.ledger.get(&message.entry).await.unwrap()
    }

    /// The messages whose entries are in this state.
    pub(crate) async fn in_state(&self, messages: &[Outgoing], state: State) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for message in messages {
            if self.entry(message).await.is_some_and(|entry| entry.state == state) {
                found.insert(message.entry.clone());
            }
        }
        found
    }

    /// How often each message was accepted, by the providers' own record.
    pub(crate) fn accepted(&self) -> BTreeMap<String, u32> {
        let mails = self.fakes.email.accepted();
        let texts = self.fakes.sms.accepted();
        let mails = mails.iter().map(|accepted| &accepted.mail.tags);
        let mut counts = BTreeMap::new();
        for tags in mails.chain(texts.iter().map(|accepted| &accepted.message.context)) {
            assert!(tags.contains(&(tags::CAMPAIGN.to_owned(), CAMPAIGN.to_owned())));
            let (_, entry) = tags.iter().find(|(name, _)| name == tags::ENTRY).unwrap();
            *counts.entry(entry.clone()).or_default() += 1;
        }
        counts
    }

    /// Each of these was accepted exactly once, and nothing else was.
    pub(crate) fn assert_each_once(&self, messages: &[Outgoing]) {
        let expected: BTreeMap<String, u32> =
            messages.iter().map(|message| (message.entry.clone(), 1)).collect();
        assert_eq!(self.accepted(), expected);
    }

    /// Whether the report was asked for.
    pub(crate) fn report_is_due(&self) -> bool {
        self.fakes.store.report_due(CAMPAIGN).is_some()
    }
}

pub(crate) fn event(id: &str, body: &str, receives: u32) -> Value {
    json!({ "Records": [{
        "messageId": id, "body": body, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:send",
        "attributes": { "ApproximateReceiveCount": receives.to_string() }, "messageAttributes": {}
    }] })
}

pub(crate) fn email_settings() -> EmailSettings {
    EmailSettings {
        from: "News <news@example.com>".to_owned(),
        reply_to: Some("office@example.com".to_owned()),
        configuration_set: Some("screening".to_owned()),
        contact_list: Some("readers".to_owned()),
        topic: Some("news".to_owned()),
        per_second: None,
    }
}

pub(crate) fn sms_settings() -> SmsSettings {
    SmsSettings {
        origination: "pool-1".to_owned(),
        configuration_set: Some("texts".to_owned()),
        message_type: MessageType::Promotional,
        max_price: Some("0.05".to_owned()),
        time_to_live_seconds: 86_400,
        per_second: 20.0,
        protect_configuration: None,
    }
}

pub(crate) fn quota(max_per_second: f64, max_24_hours: f64, sent_24_hours: f64) -> Quota {
    Quota { max_per_second, max_24_hours, sent_24_hours, sending_enabled: true }
}

/// Messages of these numbers.
pub(crate) fn messages(channel: Channel, numbers: std::ops::Range<u32>) -> Vec<Outgoing> {
    let message = |number: u32| Outgoing {
        entry: format!("{number:032x}"),
        id: format!("m-{number}"),
        line: u64::from(number) + 2,
        channel,
        to: match channel {
            Channel::Email => format!("reader-{number}@example.com"),
            Channel::Sms => format!("+1555555{number:04}"),
        },
        content: ContentId([7; 16]),
        subject: (channel == Channel::Email).then(|| "Spring".to_owned()),
        text: Some(format!("Spring is here, reader {number}")),
        html: None,
    };
    numbers.map(message).collect()
}

pub(crate) fn emails(numbers: std::ops::Range<u32>) -> Vec<Outgoing> {
    messages(Channel::Email, numbers)
}

pub(crate) fn texts(numbers: std::ops::Range<u32>) -> Vec<Outgoing> {
    messages(Channel::Sms, numbers)
}
