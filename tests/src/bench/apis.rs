//! AWS, as far as the functions call it: answers at once, always the same, and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use eventide_testing::repository;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Outcome;
use crate::findings::from_event;

const GRAPH: &str = "arn:aws:detective:us-east-1:111122223333:graph:00000000000000000000000000000001";
const LONG_AGO: &str = "2026-11-01T00:00:00Z";

/// All APIs at one endpoint.
#[derive(Debug)]
pub struct Apis {
    /// For `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<std::io::Result<()>>,
}

#[derive(Debug)]
struct Shared {
    calls: AtomicUsize,
    empty_pages: AtomicUsize,
    indicators: Value,
    finding: Value,
}

impl Apis {
    /// Starts them on a free port.
    ///
    /// # Errors
    ///
    /// If no port is free, or the files are gone that the answers are made from.
    pub async fn start() -> Outcome<Self> {
        let scenario = repository().join("infra/local/scenarios/medium.json");
        let scenario = std::fs::read(&scenario).map_err(|error| error.to_string())?;
        let scenario: Value = serde_json::from_slice(&scenario).map_err(|error| error.to_string())?;
        let shared = Arc::new(Shared {
            calls: AtomicUsize::new(0),
            empty_pages: AtomicUsize::new(0),
            indicators: scenario.get("indicators").cloned().ok_or("the scenario has no indicators")?,
            finding: from_event("imported-role-assumed.json")?,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { endpoint: format!("http://{address}"), shared, server })
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// From now on so many empty pages follow an investigation's indicators.
    pub fn set_empty_pages(&self, pages: usize) {
        self.shared.empty_pages.store(pages, Ordering::Relaxed);
    }
}

impl Drop for Apis {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    shared.calls.fetch_add(1, Ordering::Relaxed);
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit_once('.').map_or(uri.path(), |(_, operation)| operation);
    let json = serde_json::from_slice(&body).unwrap_or_default();
    let answer = match (&method, operation) {
        (&Method::POST, "/") => principal(&body),
        (&Method::POST, "/findings") => Some(shared.findings(&json).to_string()),
        (&Method::POST, "/investigations/listIndicators") => Some(shared.indicators(&json).to_string()),
        (&Method::PATCH, "/findings/batchupdate") => {
            Some(json!({ "ProcessedFindings": [], "UnprocessedFindings": [] }).to_string())
        }
        (&Method::POST, operation) => fixed(operation, &json).map(|answer| answer.to_string()),
        _ => None,
    };
    match answer {
        Some(answer) => (StatusCode::OK, answer),
        None => (StatusCode::NOT_FOUND, format!("no answer for `{method} {operation}`")),
    }
}

impl Shared {
    /// `GetFindings`: whole findings, as Security Hub has no other answer.
    fn findings(&self, asked: &Value) -> Value {
        let ids = asked.pointer("/Filters/Id").and_then(Value::as_array).into_iter().flatten();
        let product = asked.pointer("/Filters/ProductArn/0/Value");
        let findings = ids.map(|id| {
            let mut finding = self.finding.clone();
            if let Some(members) = finding.as_object_mut() {
                members.insert("Id".to_owned(), id.get("Value").cloned().unwrap_or_default());
                members.insert("ProductArn".to_owned(), product.cloned().unwrap_or_default());
            }
            finding
        });
        json!({ "Findings": findings.collect::<Vec<_>>() })
    }

    /// `ListIndicators`: all on the first page; a token says how many empty pages are to come.
    fn indicators(&self, asked: &Value) -> Value {
        let token = asked.get("NextToken").and_then(Value::as_str).and_then(|token| token.parse().ok());
        let (left, indicators) = match token {
            Some(left) => (left, json!([])),
            None => (self.empty_pages.load(Ordering::Relaxed), self.indicators.clone()),
        };
        let next = left.checked_sub(1).map(|left| left.to_string());
        json!({ "GraphArn": GRAPH, "Indicators": indicators, "NextToken": next })
    }
}

/// `GetRole` and `GetUser`, of the query protocol.
fn principal(form: &[u8]) -> Option<String> {
    let form = String::from_utf8_lossy(form);
    let field = |name: &str| form.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    let kind = field("Action")?.strip_prefix("Get")?;
    let (name, resource) = (field(&format!("{kind}Name"))?, kind.to_lowercase());
    Some(format!(
        "<Get{kind}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Get{kind}Result><{kind}>\
         <Path>/</Path><{kind}Name>{name}</{kind}Name><{kind}Id>AXXXIOSFODNN7EXAMPLE</{kind}Id>\
         <Arn>arn:aws:iam::111122223333:{resource}/{name}</Arn><CreateDate>{LONG_AGO}</CreateDate>\
         </{kind}></Get{kind}Result></Get{kind}Response>"
    ))
}

fn fixed(operation: &str, asked: &Value) -> Option<Value> {
    Some(match operation {
        "SendMessageBatch" => {
            let entries = asked.get("Entries").and_then(Value::as_array).into_iter().flatten();
            let sent = entries.map(|entry| {
                json!({ "Id": entry.get("Id"), "MessageId": "m", "MD5OfMessageBody": "0".repeat(32) })
            });
            json!({ "Successful": sent.collect::<Vec<_>>(), "Failed": [] })
        }
        "PutItem" => json!({}),
        "UpdateItem" if asked.get("ReturnValues").is_none() => json!({}),
        "UpdateItem" => json!({ "Attributes": item(asked) }),
        "/graphs/list" => json!({ "GraphList": [{ "Arn": GRAPH, "CreatedTime": LONG_AGO }] }),
        "/investigations/listInvestigations" => json!({ "InvestigationDetails": [] }),
        "/investigations/startInvestigation" => json!({ "InvestigationId": "000000000000000000001" }),
        "/investigations/getInvestigation" => json!({
            "GraphArn": GRAPH, "InvestigationId": asked.get("InvestigationId"),
            "EntityArn": "arn:aws:iam::111122223333:role/PaymentsBatch", "EntityType": "IAM_ROLE",
            "CreatedTime": LONG_AGO, "ScopeStartTime": LONG_AGO, "ScopeEndTime": LONG_AGO,
            "Status": "SUCCESSFUL", "Severity": "MEDIUM", "State": "ACTIVE"
        }),
        _ => return None,
    })
}

/// An item that reads as a claim of the ledger and as a link of a chain alike, the caller's own.
fn item(asked: &Value) -> Value {
    let text = |text: &str| json!({ "S": text });
    let number = |number: &str| json!({ "N": number });
    let key = asked.pointer("/Key/pk/S").and_then(Value::as_str).unwrap_or_default();
    let state = if key.starts_with("chain#") { "running" } else { "done" };
    json!({
        "pk": text(key), "state": text(state), "holder": text("h"), "detail": { "M": {} },
        "attempt": number("1"), "claimed_at": number("0"), "claim_deadline": number("0"),
        "run": text("r"), "requested_at": number("0"), "hop": number("0"), "lease_until": number("0"),
        "handed_over": { "BOOL": false }, "released": { "BOOL": false }, "updated_at": number("0")
    })
}
