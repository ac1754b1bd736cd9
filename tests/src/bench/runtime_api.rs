//! The Lambda Runtime API of one process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::Outcome;

/// The most bytes of an answer (Lambda developer guide, quotas): 6 MB.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

/// When an invocation was answered, or what it failed with.
type Answer = Result<Instant, String>;

#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub(super) address: String,
    pub(super) events: mpsc::UnboundedSender<Vec<u8>>,
    pub(super) answers: mpsc::UnboundedReceiver<Answer>,
    pub(super) shared: Arc<Shared>,
    server: JoinHandle<std::io::Result<()>>,
}

#[derive(Debug)]
pub(super) struct Shared {
    /// When the first poll came in, or why none will.
    first_poll: Mutex<Option<Answer>>,
    polled: Notify,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Vec<u8>>>,
    answers: mpsc::UnboundedSender<Answer>,
    timeout: Duration,
}

impl Shared {
    fn started(&self, polled: Answer) {
        self.first_poll.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(polled);
        self.polled.notify_one();
    }

    /// When the first poll came in, or what the start-up failed with.
    pub(super) async fn first_poll(&self) -> Answer {
        loop {
            let polled = self.first_poll.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match polled {
                Some(polled) => return polled,
                None => self.polled.notified().await,
            }
        }
    }
}

impl RuntimeApi {
    pub(super) async fn start(timeout: Duration) -> Outcome<Self> {
        let (events, pending) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            first_poll: Mutex::default(),
            polled: Notify::new(),
            events: tokio::sync::Mutex::new(pending),
            answers: answered,
            timeout,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?.to_string();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .route("/2018-06-01/runtime/init/error", post(not_started))
            .layer(DefaultBodyLimit::max(MAX_ANSWER))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, events, answers, shared, server })
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(api): State<Arc<Shared>>) -> impl IntoResponse {
    api.started(Ok(Instant::now()));
    let Some(event) = api.events.lock().await.recv().await else {
        return (StatusCode::GONE, HeaderMap::new(), Vec::new());
    };
    let mut headers = HeaderMap::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", "00000000-0000-4000-8000-000000000000".to_owned()),
        ("lambda-runtime-deadline-ms", (now + api.timeout).as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:111122223333:function:bench".to_owned(),
        ),
    ] {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    (StatusCode::OK, headers, event)
}

async fn response(State(api): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let now = Instant::now();
    // A batch that reports failures would be measured as one that worked.
    let failures = serde_json::from_slice::<Value>(&body).ok().and_then(|body| {
        body.get("batchItemFailures").and_then(Value::as_array).filter(|failed| !failed.is_empty()).cloned()
    });
    let _ = api.answers.send(failures.map_or(Ok(now), |failed| Err(format!("records failed: {failed:?}"))));
    StatusCode::ACCEPTED
}

async fn failure(State(api): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let _ = api.answers.send(Err(String::from_utf8_lossy(&body).into_owned()));
    StatusCode::ACCEPTED
}

async fn not_started(State(api): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    api.started(Err(String::from_utf8_lossy(&body).into_owned()));
    StatusCode::ACCEPTED
}
