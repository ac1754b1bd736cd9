//! The world around the function: fakes, a mart, and a queue that delivers.

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::event_bus::FakeEventBus;
use eventide_clients::marts::{Catalogue as _, FakeMarts, Requests as _};
use eventide_clients::redshift_data::{
    Column, Ending, FakeRedshiftData, Field, ResultSet, Script, Statement,
};
use eventide_clients::s3::FakeBucket;
use eventide_clients::sqs::FakeQueue;
use eventide_kit::clock::{Clock as _, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::sqs::MemoryDeadLetters;
use eventide_kit::{Error, Invocation};
use eventide_types::mart::Mart;
use eventide_types::mart::request::Record;
use mart_query::config::Settings;
use mart_query::{MartQuery, Ports};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);
/// The mart that the files in `events/` ask for.
pub(crate) const MART: &str = "rate_changes_by_department_year";

#[derive(Clone, Debug)]
pub(crate) struct Fakes {
    pub(crate) marts: FakeMarts,
    pub(crate) redshift: FakeRedshiftData,
    pub(crate) query_queue: FakeQueue,
    pub(crate) deliver_queue: FakeQueue,
    pub(crate) dead_letters: MemoryDeadLetters,
    pub(crate) bucket: FakeBucket,
    pub(crate) event_bus: FakeEventBus,
}

impl Ports for Fakes {
    type Marts = FakeMarts;
    type Redshift = FakeRedshiftData;
    type Queue = FakeQueue;
    type DeadLetters = MemoryDeadLetters;
    type Bucket = FakeBucket;
    type EventBus = FakeEventBus;

    fn marts(&self) -> &FakeMarts {
        &self.marts
    }

    fn redshift(&self) -> &FakeRedshiftData {
        &self.redshift
    }

    fn query_queue(&self) -> &FakeQueue {
        &self.query_queue
    }

    fn deliver_queue(&self) -> &FakeQueue {
        &self.deliver_queue
    }

    fn dead_letters(&self) -> &MemoryDeadLetters {
        &self.dead_letters
    }

    fn bucket(&self) -> &FakeBucket {
        &self.bucket
    }

    fn event_bus(&self) -> &FakeEventBus {
        &self.event_bus
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) fakes: Fakes,
    pub(crate) function: MartQuery<Fakes>,
    pub(crate) invocation: Invocation,
    /// What an invocation has left when it begins.
    pub(crate) time: Duration,
}

fn settings() -> Settings {
    Settings {
        result_bucket: "results".to_owned(),
        unload_role: "arn:aws:iam::111122223333:role/Unload".to_owned(),
        link_life: Duration::from_secs(3600),
        max_receives: 3,
    }
}

impl World {
    /// With the mart in force.
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::new(NOW);
        let fakes = Fakes {
            marts: FakeMarts::default(),
            redshift: FakeRedshiftData::default(),
            query_queue: FakeQueue::default(),
            deliver_queue: FakeQueue::default(),
            dead_letters: MemoryDeadLetters::default(),
            bucket: FakeBucket::new("results"),
            event_bus: FakeEventBus::default(),
        };
        fakes.redshift.wait_on(&clock);
        let time = Duration::from_secs(60);
        let deadline = Deadline::after(time, Arc::new(clock.clone()));
        let function = MartQuery::new(fakes.clone(), settings(), Arc::new(clock.clone()));
        let world =
            Self { clock, fakes, function, invocation: Invocation::for_tests("invocation", deadline), time };
        world.put_in_force(&mart()).await;
        world
    }

    /// From here on nothing can be set aside.
    pub(crate) fn refuse_letters(&mut self) {
        let fakes = Fakes { dead_letters: MemoryDeadLetters::refusing(), ..self.fakes.clone() };
        let shared = Arc::new(self.clock.clone());
        self.function = MartQuery::new(fakes, settings(), shared);
    }

    pub(crate) async fn put_in_force(&self, mart: &Mart) {
        assert!(self.fakes.marts.put_in_force(mart).await.unwrap());
    }

    /// Invokes the function, with all its time before it.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Value, Error> {
        self.invocation.deadline = Deadline::after(self.time, Arc::new(self.clock.clone()));
        let event = serde_json::value::to_raw_value(event).unwrap();
        let response = self.function.answer(&event, &self.invocation).await?;
        Ok(serde_json::from_str(response.into_json().unwrap().get()).unwrap())
    }

    /// Asks by direct invocation.
    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        self.invoke(&request).await.unwrap()
    }

    /// Delivers messages to the function as one batch; the ids of those that come back.
    pub(crate) async fn deliver(&mut self, bodies: &[String], receives: u32) -> Vec<String> {
        let records: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(index, body)| {
                json!({
                    "messageId": format!("message-{index}"), "body": body, "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:query",
                    "attributes": { "ApproximateReceiveCount": receives.to_string() }, "messageAttributes": {}
                })
            })
            .collect();
        let answer = self.invoke(&json!({ "Records": records })).await.unwrap();
        let failures = answer["batchItemFailures"].as_array().unwrap();
        failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    /// Takes what the function has sent itself and lets its longest delay pass: the delays and the bodies.
    pub(crate) fn wait(&self) -> (Vec<u16>, Vec<String>) {
        let sent = self.fakes.query_queue.take();
        let delays: Vec<u16> = sent.iter().map(|message| message.delay_seconds).collect();
        self.clock.advance(Duration::from_secs(delays.iter().max().copied().unwrap_or(0).into()));
        (delays, sent.into_iter().map(|message| message.body).collect())
    }

    pub(crate) fn statements(&self) -> Vec<Statement> {
        self.fakes.redshift.submitted().into_iter().map(|(_, statement)| statement).collect()
    }

    /// The only request.
    pub(crate) fn record(&self) -> Record {
        let records = self.fakes.marts.records();
        assert_eq!(records.len(), 1, "{records:?}");
        records.into_iter().next().unwrap()
    }

    pub(crate) fn handed_over(&self) -> Vec<Value> {
        let messages = self.fakes.deliver_queue.messages();
        messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    /// The requests that a sweep would find now, if it waited for no time.
    pub(crate) async fn overdue(&self) -> Vec<String> {
        self.fakes.marts.stale(self.clock.now(), 10).await.unwrap()
    }

    /// The next statement ends at once, and with these rows.
    pub(crate) fn next_ends_with(&self, result: ResultSet) {
        self.script(0, Ending::Finished(Some(result)));
    }

    /// The next statement ends so, after so many calls have seen it running.
    pub(crate) fn script(&self, running: u32, ending: Ending) {
        self.fakes.redshift.script_next(Script { running, ending: Some(ending) });
    }
}

pub(crate) fn rows(rows: Vec<Vec<Field>>) -> ResultSet {
    let column = |name: &str, type_name: &str| Column {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        nullable: true,
        precision: 0,
        scale: 0,
    };
    let columns = vec![column("Department Name", "varchar"), column("Rate Changes", "int8")];
    ResultSet { columns, rows, ..ResultSet::default() }
}

pub(crate) fn busy() -> Error {
    let message = "`redshift-data:ExecuteStatement` was refused with `ActiveStatementsExceededException`";
    Error::retryable("WarehouseBusy", message)
}

/// An event of `events/mart-query`.
pub(crate) fn event(name: &str) -> Value {
    eventide_testing::fixture_json(&format!("mart-query/{name}.json")).unwrap()
}

pub(crate) fn mart() -> Mart {
    changed(|_| ())
}

/// The mart, changed.
pub(crate) fn changed(change: impl FnOnce(&mut Value)) -> Mart {
    let mut mart = json!({
        "definition": {
            "name": MART, "description": "How many pay rates changed.", "owner": "humanresources",
            "callers": [
                "invoke", "schedule", "events:humanresources.reports",
                "arn:aws:iam::111122223333:role/HumanResourcesAnalyst", "arn:aws:iam::111122223333:user/reports/*"
            ],
            "warehouse": { "workgroup": "eventide" }, "database": "dev", "schema": "humanresources_marts",
            "kind": "late-binding-view",
            "parameters": {
                "department": { "type": "text", "column": "Department Name", "null": "any" },
                "since": { "type": "integer", "column": "Rate Change Year", "comparison": ">=", "null": "any" },
                "shift": { "type": "text", "column": "Shift", "null": "any", "allowed": ["Day", "Night"] }
            },
            "delivery": { "format": "csv", "prefix": "rates", "row_cap": 1000 }
        },
        "key": "humanresources/rates.sql", "version_id": "v1", "sequencer": "0055AED6DCD90281E5",
        "digest": "3f9a2b1c", "relation": format!("{MART}__3f9a2b1c"),
        "query": [
            { "sql": "SELECT * FROM \"humanresources_marts\".\"rate_changes_by_department_year\" WHERE TRUE" },
            { "condition": { "column": "\"Department Name\"", "parameter": "department" } },
            { "condition": { "column": "\"Rate Change Year\"", "parameter": "since" } },
            { "condition": { "column": "\"Shift\"", "parameter": "shift" } }
        ]
    });
    change(&mut mart);
    serde_json::from_value(mart).unwrap()
}
