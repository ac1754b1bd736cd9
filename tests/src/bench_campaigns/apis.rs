//! AWS, as far as the functions call it: answers at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::events::{CAMPAIGN, DECISIONS, KEY};
use super::file::{File, settings};
use super::objects::Objects;
use super::table::Table;
use crate::bench::Outcome;

/// All APIs at one endpoint.
#[derive(Debug)]
pub struct Apis {
    /// For `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    shared: Arc<Mutex<World>>,
    server: JoinHandle<std::io::Result<()>>,
}

/// What is there at a time: it can be put by, and restored.
#[derive(Clone, Debug, Default)]
pub struct World {
    table: Table,
    objects: Objects,
    /// Messages that Amazon SES and AWS End User Messaging took.
    sent: u64,
    /// Classification jobs that were started.
    jobs: u64,
}

impl World {
    /// A campaign that was uploaded, of which nothing is known yet. Of a large one, what is written is not kept.
    #[must_use]
    pub fn uploaded(file: &File, forgets: bool) -> Self {
        let mut objects = Objects::default();
        objects.forgets = forgets;
        objects.add(&format!("/campaigns/{KEY}"), file.bytes.clone());
        objects.add(&format!("/campaigns/campaigns/{CAMPAIGN}.campaign.json"), settings().to_string());
        Self { objects, ..Self::default() }
    }

    /// Sees that campaign-screen gathered all rows and contents, each of which is one document.
    ///
    /// # Errors
    ///
    /// If it did not.
    pub fn gathered(&self, file: &File) -> Outcome<()> {
        let (rows, contents) = (file.rows, file.contents);
        let record = self.table.campaign(CAMPAIGN).unwrap_or_default();
        let documents = self.work(&record, "documents/input.txt").unwrap_or_default();
        let documents = documents.iter().filter(|byte| **byte == b'\n').count() as u64;
        let count = |name: &str| record.pointer(&format!("/counts/{name}")).and_then(Value::as_u64);
        let is_whole = record.get("state") == Some(&json!("classifying"))
            && (count("rows"), count("unparsed")) == (Some(rows), Some(0))
            && (count("contents"), count("documents"), documents)
                == (Some(contents), Some(contents), contents);
        if is_whole { Ok(()) } else { Err(format!("{documents} documents, expected {contents}; {record}")) }
    }

    /// The same, when every content was found compliant with this score.
    ///
    /// # Errors
    ///
    /// If the contents were not gathered.
    pub fn classified(mut self, score: f64) -> Outcome<Self> {
        let record = self.table.campaign(CAMPAIGN).ok_or("there is no campaign")?;
        let contents = self.work(&record, "contents.jsonl").ok_or("there are no contents")?;
        let mut scores = String::new();
        for line in contents.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let content: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            let labels = json!([{ "name": "compliant", "score": score }]);
            let scored = json!({ "content": content.get("content"), "parts": [{ "mode": "multi-class", "labels": labels }] });
            scores.push_str(&format!("{scored}\n"));
        }
        let path = path(&record, "scores-new.jsonl");
        self.objects.add(&path, scores);
        self.table.change(CAMPAIGN, &json!({ "state": "judging" }));
        Ok(self)
    }

    /// Sees that campaign-judge had this verdict (`approved`, `held`) on all messages.
    ///
    /// # Errors
    ///
    /// If it had not.
    pub fn judged(&self, rows: u64, verdict: &str) -> Outcome<()> {
        let record = self.table.campaign(CAMPAIGN).unwrap_or_default();
        let judged = record.pointer(&format!("/counts/{verdict}")).and_then(Value::as_u64);
        let is_whole = record.get("state") == Some(&json!("sending")) && judged == Some(rows);
        if is_whole { Ok(()) } else { Err(format!("expected {rows} messages {verdict}: {record}")) }
    }

    /// The same, when a person has uploaded a file that approves so many of the contents that are held.
    ///
    /// # Errors
    ///
    /// If so many are not held.
    pub fn approved(mut self, contents: usize) -> Outcome<Self> {
        let review = self.objects.body(&format!("/reports/{CAMPAIGN}/review.jsonl"));
        let review = review.ok_or("no contents are held")?;
        let mut csv = "content,decision,by,reason\n".to_owned();
        for line in review.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(contents) {
            let held: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            let content = held.get("content").and_then(Value::as_str).unwrap_or_default();
            csv.push_str(&format!("{content},approve,ann,it is about tables and chairs only\n"));
        }
        if csv.lines().count() <= contents {
            return Err(format!("fewer than {contents} contents are held"));
        }
        self.objects.add(&format!("/campaigns/{DECISIONS}"), csv);
        Ok(self)
    }

    /// How many decisions of people were kept.
    #[must_use]
    pub fn decisions(&self) -> usize {
        self.table.decisions()
    }

    /// The upload of the campaign.
    #[must_use]
    pub fn upload(&self) -> String {
        let record = self.table.campaign(CAMPAIGN).unwrap_or_default();
        record.get("upload").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The keys of its shards.
    #[must_use]
    pub fn shards(&self) -> Vec<String> {
        self.table.shards()
    }

    /// How many messages were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// How many classification jobs were started.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.jobs
    }

    fn work(&self, record: &Value, name: &str) -> Option<Bytes> {
        self.objects.body(&path(record, name))
    }
}

fn path(record: &Value, name: &str) -> String {
    let upload = record.get("upload").and_then(Value::as_str).unwrap_or_default();
    format!("/work/work/{CAMPAIGN}/{upload}/{name}")
}

impl Apis {
    /// Starts them on a free port.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn start() -> Outcome<Self> {
        let shared = Arc::new(Mutex::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { endpoint: format!("http://{address}"), shared, server })
    }

    /// From now on things are so.
    pub fn set(&self, world: World) {
        *lock(&self.shared) = world;
    }

    /// How things are.
    #[must_use]
    pub fn world(&self) -> World {
        lock(&self.shared).clone()
    }
}

impl Drop for Apis {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(shared: &Mutex<World>) -> MutexGuard<'_, World> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn handle(State(shared): State<Arc<Mutex<World>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let mut world = lock(&shared);
    let answer = match target.and_then(|target| target.rsplit_once('.')) {
        Some((_, operation)) => {
            let asked = serde_json::from_slice(&body).unwrap_or_default();
            world.json(operation, &asked).map(|answer| answer.to_string().into_response())
        }
        None if path.starts_with("/v2/email/") => {
            world.email(&parts.method, path).map(|answer| answer.to_string().into_response())
        }
        None => world.objects.answer(&parts.method, path, query, body),
    };
    answer.unwrap_or_else(|| {
        let message = format!("no answer for `{} {} {target:?}`", parts.method, parts.uri);
        (StatusCode::NOT_FOUND, message).into_response()
    })
}

impl World {
    fn json(&mut self, operation: &str, asked: &Value) -> Option<Value> {
        Some(match operation {
            "GetSecretValue" => json!({
                "ARN": "arn:aws:secretsmanager:us-east-1:111122223333:secret:entries", "Name": "entries",
                "SecretString": "0123456789abcdef0123456789abcdef", "VersionId": "v", "VersionStages": ["AWSCURRENT"]
            }),
            "PutEvents" => json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "e" }] }),
            "SendMessageBatch" => {
                let entries = asked.get("Entries").and_then(Value::as_array).into_iter().flatten();
                let sent = entries.map(|entry| {
                    json!({ "Id": entry.get("Id"), "MessageId": "m", "MD5OfMessageBody": "0".repeat(32) })
                });
                json!({ "Successful": sent.collect::<Vec<_>>(), "Failed": [] })
            }
            "SendTextMessage" => {
                self.sent += 1;
                json!({ "MessageId": "m" })
            }
            "StartDocumentClassificationJob" => {
                self.jobs += 1;
                json!({ "JobId": "0".repeat(32), "JobStatus": "SUBMITTED" })
            }
            _ => return self.table.answer(operation, asked),
        })
    }

    /// Amazon SES.
    fn email(&mut self, method: &Method, path: &str) -> Option<Value> {
        match (method, path) {
            (&Method::GET, "/v2/email/account") => Some(json!({
                "SendingEnabled": true,
                "SendQuota": { "Max24HourSend": -1.0, "MaxSendRate": 1_000_000.0, "SentLast24Hours": 0.0 }
            })),
            (&Method::POST, "/v2/email/outbound-emails") => {
                self.sent += 1;
                Some(json!({ "MessageId": "m" }))
            }
            _ => None,
        }
    }
}
