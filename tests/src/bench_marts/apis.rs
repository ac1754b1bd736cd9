//! AWS, as far as the functions call it: answers at once, with what lies ready.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use eventide_testing::repository;
use eventide_types::mart::definition::Format;
use eventide_types::mart::delivery::{Ready, event};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::events::{FILE, STATEMENT, ledger, usages};
use super::results::Results;
use crate::bench::Outcome;

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
    state: Mutex<Now>,
    usages: String,
    file: Vec<u8>,
}

/// The delivery under way.
#[derive(Debug, Default)]
struct Now {
    results: Option<Arc<Results>>,
    /// Pages given out.
    pages: usize,
    /// Bytes of parts that came.
    uploaded: u64,
    /// What the event said.
    told: Option<Outcome<Ready>>,
    /// Whether a request was recorded as delivered whose rows are in its answer.
    answered: bool,
}

impl Apis {
    /// Starts them on a free port.
    ///
    /// # Errors
    ///
    /// If no port is free, or the mart's file is gone.
    pub async fn start() -> Outcome<Self> {
        let file = repository().join("functions/mart-deploy/marts").join(FILE);
        let file = std::fs::read(&file).map_err(|error| format!("`{}`: {error}", file.display()))?;
        let shared = Arc::new(Shared { state: Mutex::default(), usages: usages().to_string(), file });
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { endpoint: format!("http://{address}"), shared, server })
    }

    /// From now on the statement has this result.
    pub fn set(&self, results: &Arc<Results>) {
        *self.shared.now() = Now { results: Some(Arc::clone(results)), ..Now::default() };
    }

    /// The bytes of the file that was delivered since the last call.
    ///
    /// # Errors
    ///
    /// If there was no delivery, or another one than that of the whole result.
    pub fn delivered(&self) -> Outcome<u64> {
        let mut now = self.shared.now();
        let uploaded = std::mem::take(&mut now.uploaded);
        let ready = now.told.take().ok_or("nothing was told of a delivery")??;
        let expected = now.results.as_ref().map_or(0, |results| results.rows);
        if ready.rows == expected && ready.bytes == uploaded {
            return Ok(uploaded);
        }
        Err(format!(
            "told of {} rows and {} bytes, expected {expected} and {uploaded}",
            ready.rows, ready.bytes
        ))
    }

    /// Sees that the request since the last call was answered with its rows.
    ///
    /// # Errors
    ///
    /// If it was not, as one is that has too many.
    pub fn answered(&self) -> Outcome<()> {
        let answered = std::mem::take(&mut self.shared.now().answered);
        if answered { Ok(()) } else { Err("the rows were not answered with".to_owned()) }
    }
}

impl Drop for Apis {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let answer = match target.and_then(|target| target.rsplit_once('.')) {
        Some((_, operation)) => shared.json(operation, &body).map(|body| body.into_response()),
        None => shared.s3(&parts.method, parts.uri.query().unwrap_or_default(), &body),
    };
    answer.unwrap_or_else(|| {
        let message = format!("no answer for `{} {} {target:?}`", parts.method, parts.uri);
        (StatusCode::NOT_FOUND, message).into_response()
    })
}

impl Shared {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn json(&self, operation: &str, body: &[u8]) -> Option<Body> {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let answer = match operation {
            "GetStatementResult" | "GetStatementResultV2" => {
                return self.page(asked.get("NextToken").is_none()).map(Body::from);
            }
            "Query" => return Some(Body::from(self.usages.clone())),
            "DescribeStatement" => self.described(),
            "ExecuteStatement" | "BatchExecuteStatement" => json!({ "Id": STATEMENT }),
            "GetItem" => {
                let format = self.now().results.as_ref().map_or(Format::Csv, |results| results.format);
                let pk = asked.pointer("/Key/pk/S").and_then(Value::as_str).unwrap_or_default();
                ledger(pk, format).map_or_else(|| json!({}), |item| json!({ "Item": item }))
            }
            "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" => {
                let record = asked.pointer("/Item/record/S").and_then(Value::as_str).unwrap_or_default();
                let record: Value = serde_json::from_str(record).unwrap_or_default();
                let of = |member| record.get(member);
                if of("inline") == Some(&json!(true)) && of("state") == Some(&json!("delivered")) {
                    self.now().answered = true;
                }
                json!({})
            }
            "PutEvents" => {
                self.now().told = Some(told(&asked));
                json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "e" }] })
            }
            "SendMessageBatch" => {
                let entries = asked.get("Entries").and_then(Value::as_array).into_iter().flatten();
                let sent = entries.map(|entry| {
                    json!({ "Id": entry.get("Id"), "MessageId": "m", "MD5OfMessageBody": "0".repeat(32) })
                });
                json!({ "Successful": sent.collect::<Vec<_>>(), "Failed": [] })
            }
            _ => return None,
        };
        Some(Body::from(answer.to_string()))
    }

    fn described(&self) -> Value {
        let rows = self.now().results.as_ref().map_or(0, |results| results.rows);
        json!({
            "Id": STATEMENT, "Status": "FINISHED", "HasResultSet": true, "ResultRows": rows,
            "ResultSize": rows * 49, "Duration": 1_500_000_000, "RedshiftQueryId": 42
        })
    }

    fn page(&self, first: bool) -> Option<Bytes> {
        let mut now = self.now();
        if first {
            now.pages = 0;
        }
        let page = now.results.as_ref()?.page(now.pages);
        now.pages += 1;
        page
    }

    fn s3(&self, method: &Method, query: &str, body: &[u8]) -> Option<Response> {
        let xml = |element: &str, content: &str| {
            let xmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
            format!("<{element} xmlns=\"{xmlns}\">{content}</{element}>").into_response()
        };
        let mut headers = HeaderMap::new();
        headers.insert("etag", "\"e\"".parse().ok()?);
        match *method {
            Method::POST if query.contains("uploads") => {
                Some(xml("InitiateMultipartUploadResult", "<UploadId>u</UploadId>"))
            }
            Method::POST => Some(xml("CompleteMultipartUploadResult", "<ETag>\"e-1\"</ETag>")),
            Method::PUT => {
                if query.contains("partNumber") {
                    self.now().uploaded += body.len() as u64;
                }
                Some(headers.into_response())
            }
            Method::GET => {
                headers.insert("x-amz-version-id", "v".parse().ok()?);
                Some((headers, self.file.clone()).into_response())
            }
            _ => None,
        }
    }
}

/// What the last event says of a delivery.
fn told(asked: &Value) -> Outcome<Ready> {
    let entry = asked.pointer("/Entries/0").ok_or("no event was sent")?;
    let detail = entry.get("Detail").and_then(Value::as_str).unwrap_or_default();
    if entry.get("DetailType").and_then(Value::as_str) != Some(event::READY) {
        return Err(format!("told: {detail}"));
    }
    serde_json::from_str(detail).map_err(|error| format!("the event: {error}"))
}
