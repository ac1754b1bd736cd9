//! AWS, as far as the functions call it: answers at once, or its providers of messages when they are told to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::events::{CONTACT, secret};
use super::items::{Answer, Links, answer};
use crate::bench::Outcome;
use crate::chats::token;

/// All APIs at one endpoint.
#[derive(Debug)]
pub struct Apis {
    /// For `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<std::io::Result<()>>,
}

/// How things are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// Links that somebody wants to redeem.
    pub links: Links,
    /// How long Amazon SES and AWS End User Messaging take over a message.
    pub sending: Duration,
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Calls of any API.
    pub calls: usize,
    /// Messages that Amazon SES took.
    pub emails: usize,
    /// Messages that AWS End User Messaging took.
    pub sms: usize,
    /// The tokens of the links in them.
    pub tokens: BTreeSet<String>,
    /// Chats that Amazon Connect began.
    pub chats: usize,
    /// Calls that it made.
    pub phone_calls: usize,
    /// Links that a page was refused.
    pub refused: usize,
    /// Links that were revoked.
    pub revoked: usize,
}

#[derive(Debug, Default)]
struct Shared {
    world: World,
    done: Done,
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

    /// From now on things are so, and nothing was asked for yet.
    pub fn set(&self, world: World) {
        *lock(&self.shared) = Shared { world, ..Shared::default() };
    }

    /// What was asked for since the last call.
    #[must_use]
    pub fn take(&self) -> Done {
        std::mem::take(&mut lock(&self.shared).done)
    }
}

impl Drop for Apis {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn handle(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.rsplit_once('.')).map(|(_, operation)| operation);
    let is_message = operation == Some("SendTextMessage") || parts.uri.path() == EMAILS;
    let sending = lock(&shared).world.sending;
    if is_message && !sending.is_zero() {
        tokio::time::sleep(sending).await;
    }
    let mut shared = lock(&shared);
    shared.done.calls += 1;
    let answer = match operation {
        Some(operation) => shared.json(operation, &body),
        None => shared.rest(&parts.method, parts.uri.path()).map(|answer| answer.to_string().into_response()),
    };
    answer.unwrap_or_else(|| {
        let message = format!("no answer for `{} {} {target:?}`", parts.method, parts.uri);
        (StatusCode::NOT_FOUND, message).into_response()
    })
}

/// Where Amazon SES takes messages (SendEmail in its API reference, version 2).
const EMAILS: &str = "/v2/email/outbound-emails";

impl Shared {
    fn json(&mut self, operation: &str, body: &Bytes) -> Option<Response> {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let answered = |answer: Value| Some(answer.to_string().into_response());
        match operation {
            "GetSecretValue" => {
                let name = asked.get("SecretId").and_then(Value::as_str).unwrap_or_default();
                answered(json!({
                    "ARN": name, "Name": name, "SecretString": secret(name)?, "VersionId": "v",
                    "VersionStages": ["AWSCURRENT"]
                }))
            }
            "SendTextMessage" => {
                self.done.sms += 1;
                let text = asked.get("MessageBody").and_then(Value::as_str);
                self.done.tokens.extend(text.and_then(token).map(str::to_owned));
                answered(json!({ "MessageId": "m" }))
            }
            _ => match answer(operation, &asked, self.world.links)? {
                Answer::Done(answer) => {
                    let update = asked.get("UpdateExpression").and_then(Value::as_str).unwrap_or_default();
                    self.done.revoked += usize::from(update.contains("#revoked"));
                    answered(answer)
                }
                Answer::Refused(item) => {
                    self.done.refused += 1;
                    let refusal = json!({
                        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                        "message": "The conditional request failed", "Item": item
                    });
                    Some((StatusCode::BAD_REQUEST, refusal.to_string()).into_response())
                }
            },
        }
    }

    /// Amazon SES and Amazon Connect.
    fn rest(&mut self, method: &Method, path: &str) -> Option<Value> {
        match (method, path) {
            (&Method::POST, EMAILS) => {
                self.done.emails += 1;
                Some(json!({ "MessageId": "m" }))
            }
            (&Method::PUT, "/contact/chat") => {
                self.done.chats += 1;
                // Of a usual length; the service model allows 1000 characters.
                let token = "QVFJREFI".repeat(60);
                Some(json!({ "ContactId": CONTACT, "ParticipantId": CONTACT, "ParticipantToken": token }))
            }
            (&Method::PUT, "/contact/outbound-voice") => {
                self.done.phone_calls += 1;
                Some(json!({ "ContactId": CONTACT }))
            }
            _ => None,
        }
    }
}
