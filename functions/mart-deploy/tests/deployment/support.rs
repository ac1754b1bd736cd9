//! The world around the function.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::event_bus::FakeEventBus;
use eventide_clients::marts::{Catalogue as _, Deployment, FakeMarts, FakeUsages};
use eventide_clients::redshift_data::{Column, Ending, FakeRedshiftData, ResultSet, Statement};
use eventide_clients::s3::FakeBucket;
use eventide_clients::sqs::{FakeQueue, Outgoing};
use eventide_kit::Invocation;
use eventide_kit::clock::{Clock, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::sqs::{MemoryDeadLetters, SqsEvent};
use eventide_types::mart::Mart;
use mart_deploy::config::Settings;
use mart_deploy::event::OVERDUE;
use mart_deploy::{MartDeploy, Ports};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);
pub(crate) const KEY: &str = "team/rates.sql";

/// A file of this kind, with more lines of its header.
pub(crate) fn file(kind: &str, more: &str, body: &str) -> String {
    let schema = if matches!(kind, "query" | "datashare") { "" } else { "schema = \"marts\"\n" };
    format!(
        "/*---\nname = \"rates\"\ndescription = \"Rates.\"\nowner = \"team\"\nwarehouse = {{ workgroup = \"eventide\" }}\n\
         database = \"dev\"\nkind = \"{kind}\"\n{schema}{more}---*/\n{body}"
    )
}

pub(crate) fn view(body: &str) -> String {
    file("late-binding-view", "", body)
}

#[derive(Debug)]
pub(crate) struct Fakes {
    marts: FakeMarts,
    usages: FakeUsages,
    redshift: FakeRedshiftData,
    bucket: FakeBucket,
    bus: FakeEventBus,
    queue: FakeQueue,
    dead_letters: MemoryDeadLetters,
}

impl Ports for Fakes {
    type Catalogue = FakeMarts;
    type Usages = FakeUsages;
    type Redshift = FakeRedshiftData;
    type Bucket = FakeBucket;
    type EventBus = FakeEventBus;
    type Queue = FakeQueue;
    type DeadLetters = MemoryDeadLetters;

    fn catalogue(&self) -> &FakeMarts {
        &self.marts
    }

    fn usages(&self) -> &FakeUsages {
        &self.usages
    }

    fn redshift(&self) -> &FakeRedshiftData {
        &self.redshift
    }

    fn bucket(&self) -> &FakeBucket {
        &self.bucket
    }

    fn event_bus(&self) -> &FakeEventBus {
        &self.bus
    }

    fn queue(&self) -> &FakeQueue {
        &self.queue
    }

    fn dead_letters(&self) -> &MemoryDeadLetters {
        &self.dead_letters
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) marts: FakeMarts,
    pub(crate) usages: FakeUsages,
    pub(crate) redshift: FakeRedshiftData,
    pub(crate) bucket: FakeBucket,
    pub(crate) bus: FakeEventBus,
    pub(crate) queue: FakeQueue,
    pub(crate) dead_letters: MemoryDeadLetters,
    pub(crate) invocation: Invocation,
    function: MartDeploy<Fakes>,
    uploads: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new(NOW);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let (marts, usages, redshift) =
            (FakeMarts::default(), FakeUsages::default(), FakeRedshiftData::default());
        let (bucket, bus, queue) = (FakeBucket::new("marts"), FakeEventBus::default(), FakeQueue::default());
        let dead_letters = MemoryDeadLetters::default();
        let fakes = Fakes {
            marts: marts.clone(),
            usages: usages.clone(),
            redshift: redshift.clone(),
            bucket: bucket.clone(),
            bus: bus.clone(),
            queue: queue.clone(),
            dead_letters: dead_letters.clone(),
        };
        let settings = Settings {
            create_schemas: false,
            query_role_name: None,
            busy_seconds: 60,
            overdue_seconds: 900,
            max_receives: 3,
        };
        let deadline = Deadline::after(Duration::from_secs(300 * 24 * 3600), Arc::clone(&shared));
        Self {
            clock,
            marts,
            usages,
            redshift,
            bucket,
            bus,
            queue,
            dead_letters,
            invocation: Invocation::for_tests("request-1", deadline),
            function: MartDeploy::new(fakes, settings, shared),
            uploads: 0,
        }
    }

    fn s3(&mut self, kind: &str, key: &str, more: Value) -> String {
        self.uploads += 1;
        let sequencer = format!("0055AED6DCD9{:04X}", self.uploads);
        let mut object = json!({ "key": key, "etag": "e", "sequencer": sequencer });
        let mut detail =
            json!({ "version": "0", "bucket": { "name": "marts" }, "requester": "111122223333" });
        for (name, value) in more.as_object().unwrap() {
            let holder = if name == "version-id" { &mut object } else { &mut detail };
            holder[name] = value.clone();
        }
        detail["object"] = object;
        self.event("aws.s3", kind, detail)
    }

    fn event(&self, source: &str, detail_type: &str, detail: Value) -> String {
        let time = self.clock.now().format(&Rfc3339).unwrap();
        json!({ "version": "0", "id": "event", "source": source, "detail-type": detail_type, "time": time, "detail": detail })
            .to_string()
    }

    /// Uploads a file and gives its event, which is not delivered yet.
    pub(crate) fn put(&mut self, key: &str, text: &str) -> String {
        let version = self.bucket.add(key, text.to_owned());
        self.s3("Object Created", key, json!({ "version-id": version, "reason": "PutObject" }))
    }

    /// Deletes a file and gives its event.
    pub(crate) fn delete(&mut self, key: &str) -> String {
        self.bucket.delete(key);
        self.s3(
            "Object Deleted",
            key,
            json!({ "version-id": "marker", "deletion-type": "Delete Marker Created" }),
        )
    }

    /// The event of a version that was deleted for good.
    pub(crate) fn purged(&mut self, key: &str) -> String {
        self.s3("Object Deleted", key, json!({ "version-id": "old", "deletion-type": "Permanently Deleted" }))
    }

    /// Delivers messages in one batch; the numbers of those that come back.
    pub(crate) async fn deliver(&self, bodies: &[String]) -> Vec<usize> {
        self.receive(bodies, 1).await
    }

    pub(crate) async fn receive(&self, bodies: &[String], count: u32) -> Vec<usize> {
        let records = bodies.iter().enumerate().map(|(number, body)| {
            json!({ "messageId": number.to_string(), "body": body, "attributes": { "ApproximateReceiveCount": count.to_string() } })
        });
        let event: SqsEvent =
            serde_json::from_value(json!({ "Records": records.collect::<Vec<_>>() })).unwrap();
        let answer = self.function.deploy(event, &self.invocation).await.unwrap();
        answer.batch_item_failures.iter().map(|failure| failure.item_identifier.parse().unwrap()).collect()
    }

    /// Delivers one message, which is dealt with.
    pub(crate) async fn dealt(&self, body: &str) {
        assert_eq!(self.deliver(&[body.to_owned()]).await, [0_usize; 0], "comes back");
        assert!(self.dead_letters.sent().is_empty(), "{:?}", self.dead_letters.sent());
    }

    /// The newest statement.
    pub(crate) fn last(&self) -> (String, Statement) {
        self.redshift.submitted().pop().unwrap_or_else(|| panic!("nothing was submitted"))
    }

    /// The steps submitted so far, in order.
    pub(crate) fn steps(&self) -> Vec<String> {
        let step =
            |(_, statement): &(String, Statement)| statement.name.split('/').nth(3).unwrap().to_owned();
        self.redshift.submitted().iter().map(step).collect()
    }

    /// Ends a statement and gives its event.
    pub(crate) fn end(&self, (id, statement): &(String, Statement), ending: Ending) -> String {
        let state = match &ending {
            Ending::Finished(_) => "FINISHED",
            Ending::Failed(_) => "FAILED",
            Ending::Aborted => "ABORTED",
        };
        self.redshift.end(id, ending);
        let detail = json!({ "statementId": id, "statementName": statement.name, "state": state, "rows": 0 });
        self.event("aws.redshift-data", "Redshift Data Statement Status Change", detail)
    }

    /// Ends the newest statement and delivers its event.
    pub(crate) async fn last_ends(&self, ending: Ending) {
        let event = self.end(&self.last(), ending);
        self.dealt(&event).await;
    }

    /// Lets all statements succeed until there is none that has not ended.
    pub(crate) async fn settle(&self) {
        for done in 0.. {
            let submitted = self.redshift.submitted();
            let Some(statement) = submitted.get(done) else { break };
            let event = self.end(statement, good());
            self.dealt(&event).await;
        }
    }

    pub(crate) async fn mart(&self) -> Option<Mart> {
        self.marts.mart("rates").await.unwrap()
    }

    pub(crate) fn deployment(&self) -> Deployment {
        self.marts.deployments().into_iter().find(|deployment| deployment.key == KEY).unwrap()
    }

    pub(crate) fn state(&self) -> String {
        self.deployment().state
    }

    /// What was told, by its kind.
    pub(crate) fn told(&self) -> Vec<String> {
        self.bus.take().into_iter().map(|event| event.detail_type).collect()
    }

    /// The messages that ask after statements.
    pub(crate) fn questions(&self) -> Vec<Outgoing> {
        self.queue.messages().into_iter().filter(|message| message.body.contains(OVERDUE)).collect()
    }

    /// The messages that were sent to be tried later.
    pub(crate) fn postponed(&self) -> Vec<Outgoing> {
        self.queue.messages().into_iter().filter(|message| !message.body.contains(OVERDUE)).collect()
    }
}

/// A success, with the columns of a relation for whoever asks.
pub(crate) fn good() -> Ending {
    let column = |name: &str| Column {
        name: name.to_owned(),
        type_name: "varchar".to_owned(),
        nullable: true,
        precision: 10,
        scale: 0,
    };
    Ending::Finished(Some(ResultSet { columns: vec![column("a b"), column("c")], ..ResultSet::default() }))
}
