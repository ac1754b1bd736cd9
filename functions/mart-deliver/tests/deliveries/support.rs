//! The world around the function: fakes, requests on their way, and a queue that delivers.

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::event_bus::FakeEventBus;
use eventide_clients::marts::{FakeMarts, FakeUsages, Requests as _};
use eventide_clients::redshift_data::{
    Column, Ending, FakeRedshiftData, Field, RedshiftData as _, ResultFormat, ResultSet, Statement,
};
use eventide_clients::s3::FakeBucket;
use eventide_clients::sqs::FakeQueue;
use eventide_kit::clock::{Clock as _, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::sqs::MemoryDeadLetters;
use eventide_kit::{Error, Invocation};
use eventide_types::mart::request::{Record, State};
use mart_deliver::config::Settings;
use mart_deliver::{MartDeliver, Ports};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);
/// The mart that the files in `events/` are about.
pub(crate) const MART: &str = "rate_changes_by_department_year";
pub(crate) const LAST: u32 = 3;
const SETTINGS: Settings = Settings { overdue: time::Duration::minutes(15), max_receives: LAST };

#[derive(Clone, Debug)]
pub(crate) struct Fakes {
    pub(crate) requests: FakeMarts,
    pub(crate) usages: FakeUsages,
    pub(crate) redshift: FakeRedshiftData,
    pub(crate) bucket: FakeBucket,
    pub(crate) event_bus: FakeEventBus,
    pub(crate) deliver_queue: FakeQueue,
    pub(crate) query_queue: FakeQueue,
    pub(crate) dead_letters: MemoryDeadLetters,
}

impl Ports for Fakes {
    type Requests = FakeMarts;
    type Usages = FakeUsages;
    type Redshift = FakeRedshiftData;
    type Bucket = FakeBucket;
    type EventBus = FakeEventBus;
    type Queue = FakeQueue;
    type DeadLetters = MemoryDeadLetters;

    fn requests(&self) -> &FakeMarts {
        &self.requests
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
        &self.event_bus
    }

    fn deliver_queue(&self) -> &FakeQueue {
        &self.deliver_queue
    }

    fn query_queue(&self) -> &FakeQueue {
        &self.query_queue
    }

    fn dead_letters(&self) -> &MemoryDeadLetters {
        &self.dead_letters
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) fakes: Fakes,
    pub(crate) function: MartDeliver<Fakes>,
    pub(crate) invocation: Invocation,
    pub(crate) time: Duration,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new(NOW);
        let fakes = Fakes {
            requests: FakeMarts::default(),
            usages: FakeUsages::default(),
            redshift: FakeRedshiftData::default(),
            bucket: FakeBucket::new("results"),
            event_bus: FakeEventBus::default(),
            deliver_queue: FakeQueue::default(),
            query_queue: FakeQueue::default(),
            dead_letters: MemoryDeadLetters::default(),
        };
        let time = Duration::from_secs(900);
        let deadline = Deadline::after(time, Arc::new(clock.clone()));
        let function = MartDeliver::new(fakes.clone(), SETTINGS, Arc::new(clock.clone()));
        Self { clock, fakes, function, invocation: Invocation::for_tests("invocation", deadline), time }
    }

    /// Another execution environment of the function.
    pub(crate) fn beside(&self) -> Self {
        let (clock, fakes, time) = (self.clock.clone(), self.fakes.clone(), self.time);
        let function = MartDeliver::new(fakes.clone(), SETTINGS, Arc::new(clock.clone()));
        let deadline = Deadline::after(time, Arc::new(clock.clone()));
        Self { clock, fakes, function, invocation: Invocation::for_tests("beside", deadline), time }
    }

    /// A request that was submitted; what is not to be as usual, `change` says.
    pub(crate) async fn submitted(&self, token: &str, change: impl FnOnce(&mut Value)) -> Record {
        let mut record = self.described(token);
        change(&mut record);
        let mut record: Record = serde_json::from_value(record).unwrap();
        let statement = Statement {
            warehouse: record.warehouse.clone(),
            database: record.database.clone(),
            sql: vec![record.sql.clone()],
            parameters: Vec::new(),
            name: format!("eventide/query/{MART}/{token}"),
            client_token: token.to_owned(),
            result_format: if record.format.extension() == "csv" {
                ResultFormat::Csv
            } else {
                ResultFormat::Json
            },
            transaction: true,
            wait_seconds: 0,
        };
        record.statement_id = Some(self.fakes.redshift.submit(&statement).await.unwrap().id);
        assert!(self.fakes.requests.accept(&record).await.unwrap().is_none());
        record
    }

    /// The same, and its statement has ended.
    pub(crate) async fn ended(&self, ending: Ending, change: impl FnOnce(&mut Value)) -> Record {
        let record = self.submitted("4f1c", change).await;
        self.fakes.redshift.end(&id(&record), ending);
        record
    }

    fn described(&self, token: &str) -> Value {
        let now = self.clock.now().format(&time::format_description::well_known::Rfc3339).unwrap();
        json!({
            "token": token, "request": {"mart": MART, "parameters": {"department": "Sales"}, "requestId": "r-1"},
            "caller": "invoke", "owner": "humanresources", "version_id": "v1",
            "warehouse": {"workgroup": "eventide"}, "database": "dev", "format": "csv", "unload": false,
            "sql": "SELECT 1", "parameters": [], "inline": false,
            "key": format!("humanresources/rates/{MART}/2026/11/23/{token}"), "row_cap": 1000,
            "state": "submitted", "accepted_at": now, "updated_at": now
        })
    }

    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Value, Error> {
        self.invocation.deadline = Deadline::after(self.time, Arc::new(self.clock.clone()));
        let event = serde_json::value::to_raw_value(event).unwrap();
        let response = self.function.answer(&event, &self.invocation).await?;
        Ok(serde_json::to_value(response).unwrap())
    }

    /// Delivers a message; whether it comes back.
    pub(crate) async fn deliver(&mut self, body: &Value, receives: u32) -> bool {
        let event = json!({ "Records": [{
            "messageId": "message", "body": body.to_string(), "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:deliver",
            "attributes": { "ApproximateReceiveCount": receives.to_string() }, "messageAttributes": {}
        }] });
        let answer = self.invoke(&event).await.unwrap();
        !answer["batchItemFailures"].as_array().unwrap().is_empty()
    }

    /// Delivers the event of a statement's end, which is done with.
    pub(crate) async fn end_of(&mut self, record: &Record) {
        assert!(!self.deliver(&end_of(record), 1).await, "{:?}", self.fakes.dead_letters.reasons());
        assert_eq!(self.fakes.dead_letters.reasons(), [""; 0]);
    }

    pub(crate) async fn record(&self, token: &str) -> Record {
        self.fakes.requests.request(token).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self) -> State {
        self.record("4f1c").await.state
    }

    /// The events so far: their kinds and what they say.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let events = self.fakes.event_bus.events();
        assert!(events.iter().all(|event| event.source == "eventide.data-marts"));
        events.into_iter().map(|event| (event.detail_type, event.detail)).collect()
    }

    /// The kinds of the events so far, and of failures their class.
    pub(crate) fn told(&self) -> Vec<String> {
        let events = self.events().into_iter();
        let class = |detail: Value| detail["errorClass"].as_str().map(str::to_owned);
        events.map(|(kind, detail)| class(detail).unwrap_or(kind)).collect()
    }

    pub(crate) fn body(&self, record: &Record, extension: &str) -> Option<Vec<u8>> {
        self.fakes.bucket.body(&format!("{}.{extension}", record.key)).map(|body| body.to_vec())
    }

    pub(crate) fn manifest(&self, record: &Record) -> Value {
        serde_json::from_slice(&self.body(record, "manifest.json").unwrap()).unwrap()
    }
}

/// The event of the end of a request's statement.
pub(crate) fn end_of(record: &Record) -> Value {
    let mut event = event("ended-finished");
    let body = event["Records"][0]["body"].take();
    let mut end: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    end["detail"]["statementName"] = json!(format!("eventide/query/{MART}/{}", record.token));
    end["detail"]["statementId"] = json!(id(record));
    end
}

pub(crate) fn id(record: &Record) -> String {
    record.statement_id.clone().unwrap()
}

/// An event of `events/mart-deliver`.
pub(crate) fn event(name: &str) -> Value {
    eventide_testing::fixture_json(&format!("mart-deliver/{name}.json")).unwrap()
}

pub(crate) fn column(name: &str, type_name: &str, precision: i32, scale: i32) -> Column {
    Column { name: name.into(), type_name: type_name.into(), nullable: true, precision, scale }
}

pub(crate) fn text(text: &str) -> Field {
    Field::Text(text.to_owned())
}

/// Departments and how many changes there were.
pub(crate) fn few() -> ResultSet {
    ResultSet {
        columns: vec![column("department", "varchar", 50, 0), column("changes", "int8", 19, 0)],
        rows: vec![
            vec![text("Sales"), Field::Long(7)],
            vec![Field::Null, Field::Long(-1)],
            vec![text("R\"D, new"), Field::Null],
        ],
        page_rows: 2,
        ..ResultSet::default()
    }
}

pub(crate) const FEW: &[u8] = b"department,changes\r\nSales,7\r\n,-1\r\n\"R\"\"D, new\",\r\n";

pub(crate) fn finished() -> Ending {
    Ending::Finished(Some(few()))
}

/// Changes nothing.
pub(crate) fn usual(_: &mut Value) {}
