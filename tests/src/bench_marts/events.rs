//! The functions' environment, the events they are measured with, and what the tables hold.

use std::collections::BTreeMap;

use eventide_testing::fixture_json;
use eventide_types::mart::definition::{Format, Warehouse};
use eventide_types::mart::request::{Record, Request, State};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::bench::Outcome;

/// The statement of every request.
pub const STATEMENT: &str = "dd2e1ec9-2ee3-49a0-819f-905fa7d75a40";
/// The mart that is asked for.
const MART: &str = "rates";
/// Who calls the function URL.
const CALLER: &str = "arn:aws:iam::111122223333:role/HumanResourcesAnalyst";
/// The file that is deployed.
pub const FILE: &str = "humanresources/pay_history.sql";

/// What is measured, and how it is invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A hello-world on the same runtime, which all are held against.
    Hello,
    /// A request, submitted.
    Query,
    /// A result of few rows, delivered.
    Deliver,
    /// A file, compiled and begun.
    Deploy,
    /// The marts that are due.
    Refresh,
    /// The report of a month.
    Chargeback,
}

/// All of them.
pub const SUBJECTS: [Subject; 6] = [
    Subject::Hello,
    Subject::Query,
    Subject::Deliver,
    Subject::Deploy,
    Subject::Refresh,
    Subject::Chargeback,
];

impl Subject {
    /// The function's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Query => "mart-query",
            Self::Deliver => "mart-deliver",
            Self::Deploy => "mart-deploy",
            Self::Refresh => "mart-refresh",
            Self::Chargeback => "mart-chargeback",
        }
    }

    /// Its event of this number.
    ///
    /// # Errors
    ///
    /// If the file that it is made from is gone.
    pub fn event(self, number: usize) -> Outcome<Value> {
        Ok(match self {
            Self::Hello | Self::Refresh => json!({}),
            Self::Query => json!({ "mart": MART, "requestId": format!("bench-{number}") }),
            Self::Deliver => fixture_json("mart-deliver/handed-over.json")?,
            Self::Deploy => batch(&json!({
                "version": "0", "id": "18e7079c-dd49-dd64-caf9-e5a31640dab0", "detail-type": "Object Created",
                "source": "aws.s3", "account": "111122223333", "time": "2026-11-23T12:00:00Z",
                "region": "us-east-1", "resources": ["arn:aws:s3:::marts"],
                "detail": {
                    "version": "0", "bucket": { "name": "marts" },
                    "object": {
                        "key": FILE, "size": 1000, "etag": "e", "version-id": "v", "sequencer": "00"
                    },
                    "request-id": "R", "requester": "111122223333", "reason": "PutObject"
                }
            })),
            Self::Chargeback => json!({ "month": "2026-10" }),
        })
    }
}

/// A request whose rows are waited for: by direct invocation, or through the function URL.
///
/// # Errors
///
/// If the file that it is made from is gone.
pub fn waiting(through_url: bool, number: usize) -> Outcome<Value> {
    let request = json!({ "mart": MART, "wait": true, "requestId": format!("bench-{number}") });
    if !through_url {
        return Ok(request);
    }
    let mut call = fixture_json("mart-query/http-request.json")?;
    if let Some(members) = call.as_object_mut() {
        members.insert("body".to_owned(), json!(request.to_string()));
    }
    Ok(call)
}

fn batch(body: &Value) -> Value {
    json!({ "Records": [{
        "messageId": "8b29b307-ad94-4302-adc7-33eb2d476540", "receiptHandle": "r", "body": body.to_string(),
        "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795176000214" },
        "messageAttributes": {}, "md5OfBody": "0".repeat(32), "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:deploy", "awsRegion": "us-east-1"
    }] })
}

/// The environment that the template gives the functions, all in one, with `endpoint` as AWS.
#[must_use]
pub fn environment(endpoint: &str) -> BTreeMap<String, String> {
    let queue = |name: &str| format!("{endpoint}/111122223333/{name}");
    BTreeMap::from(
        [
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
            ("AWS_SESSION_TOKEN", "bench".to_owned()),
            ("AWS_SDK_UA_APP_ID", "data-marts".to_owned()),
            ("LEDGER_TABLE", "ledger".to_owned()),
            ("USAGE_TABLE", "usage".to_owned()),
            ("MART_BUCKET", "marts".to_owned()),
            ("RESULT_BUCKET", "results".to_owned()),
            ("EVENT_BUS_NAME", "default".to_owned()),
            ("DELIVER_QUEUE_URL", queue("deliver")),
            ("QUERY_QUEUE_URL", queue("query")),
            ("DEPLOY_QUEUE_URL", queue("deploy")),
            ("FAILED_QUEUE_URL", queue("failed")),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

/// The item of a key of the ledger table, if there is one: every request was submitted.
#[must_use]
pub fn ledger(pk: &str, format: Format) -> Option<Value> {
    if let Some(token) = pk.strip_prefix("request#") {
        let record = serde_json::to_string(&record(token, format)).ok()?;
        return Some(json!({ "pk": { "S": pk }, "state": { "S": "submitted" }, "record": { "S": record } }));
    }
    match pk.strip_prefix("mart#") {
        Some(MART) => Some(json!({ "pk": { "S": pk }, "mart": { "S": mart().to_string() } })),
        Some(_) => None,
        None => (pk == "marts").then(|| json!({ "pk": { "S": pk }, "names": { "SS": [MART] } })),
    }
}

fn record(token: &str, format: Format) -> Record {
    let accepted_at = datetime!(2026-11-23 12:00 UTC);
    let request = Request {
        mart: MART.to_owned(),
        parameters: BTreeMap::new(),
        request_id: Some("bench".to_owned()),
        wait: false,
        format: None,
        unload: None,
    };
    Record {
        token: token.to_owned(),
        request,
        caller: "invoke".to_owned(),
        owner: "humanresources".to_owned(),
        version_id: "v".to_owned(),
        warehouse: Warehouse {
            cluster: None,
            workgroup: Some("eventide".to_owned()),
            secret: None,
            user: None,
        },
        database: "dev".to_owned(),
        format,
        unload: false,
        sql: "SELECT * FROM humanresources_marts.rates".to_owned(),
        parameters: Vec::new(),
        inline: false,
        key: format!("humanresources/{MART}/2026/11/23/{token}"),
        row_cap: 10_000_000,
        state: State::Submitted,
        statement_id: Some(STATEMENT.to_owned()),
        reason: None,
        accepted_at,
        updated_at: accepted_at,
    }
}

fn mart() -> Value {
    json!({
        "definition": {
            "name": MART, "description": "Rates.", "owner": "humanresources", "callers": ["invoke", CALLER],
            "warehouse": { "workgroup": "eventide" }, "database": "dev", "schema": "humanresources_marts",
            "kind": "materialized-view", "refresh": "rate(1 hour)",
            "delivery": { "format": "csv", "row_cap": 10_000_000, "unload": false }
        },
        "key": "humanresources/rates.sql", "version_id": "v", "sequencer": "00", "digest": "d",
        "relation": "rates__3f9a2b1c",
        "query": [{ "sql": "SELECT * FROM humanresources_marts.rates" }]
    })
}

/// What a month's statements have cost: a page of the usage table.
#[must_use]
pub fn usages() -> Value {
    let text = |text: String| json!({ "S": text });
    let number = |number: u64| json!({ "N": number.to_string() });
    let usage = |index: u64| {
        json!({
            "month": text("2026-10".to_owned()), "statement": text(format!("s-{index}")),
            "owner": text(format!("team-{}", index % 7)), "mart": text(format!("mart_{}", index % 31)),
            "purpose": text("query".to_owned()), "warehouse": text("eventide".to_owned()),
            "outcome": text("finished".to_owned()), "milliseconds": number(1500 + index), "rows": number(index),
            "bytes": number(index * 49)
        })
    };
    let items: Vec<Value> = (0..1000).map(usage).collect();
    json!({ "Items": items, "Count": items.len(), "ScannedCount": items.len() })
}
