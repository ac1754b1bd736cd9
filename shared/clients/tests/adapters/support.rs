use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use eventide_kit::aws::sdk_config;
use eventide_kit::clock::ManualClock;
use eventide_kit::env::Vars;
use serde_json::Value;
use time::macros::datetime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// How many requests came before it.
    pub(crate) number: usize,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// What follows `?`.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    /// `AKID…/20261101/REGION/SERVICE/aws4_request`
    pub(crate) credential: String,
    pub(crate) user_agent: String,
    /// A JSON body, else `Null`.
    pub(crate) json: Value,
    /// Any body.
    pub(crate) text: String,
}

impl Seen {
    /// The value of a form field, as sent.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.text.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    }

    /// The operation of a JSON protocol.
    pub(crate) fn operation(&self) -> &str {
        self.header("x-amz-target").and_then(|target| target.rsplit('.').next()).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) struct Reply {
    status: u16,
    code: &'static str,
    etag: &'static str,
    body: String,
}

impl Reply {
    pub(crate) fn with_etag(self, etag: &'static str) -> Self {
        Self { etag, ..self }
    }

    pub(crate) fn with_body(self, body: &Value) -> Self {
        Self { body: body.to_string(), ..self }
    }
}

/// A successful answer.
pub(crate) fn ok(body: Value) -> Reply {
    Reply { status: 200, code: "", etag: "", body: body.to_string() }
}

/// An error as the JSON protocols have it.
pub(crate) fn error(status: u16, code: &'static str) -> Reply {
    Reply { status, code, etag: "", body: r#"{"message":"said AWS"}"#.to_owned() }
}

/// An XML answer of the query protocol.
pub(crate) fn xml(status: u16, body: impl Into<String>) -> Reply {
    Reply { status, code: "", etag: "", body: body.into() }
}

type Answer = dyn Fn(&Seen) -> Reply + Send + Sync;

type Shared = (Arc<Mutex<Vec<Seen>>>, Arc<Answer>);

/// A server on a free port that answers as told, until it is dropped.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let answer: Arc<Answer> = Arc::new(answer);
        let app = Router::new().fallback(handle).with_state((Arc::clone(&seen), answer));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { endpoint, seen, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn hits(&self) -> usize {
        self.seen().len()
    }

    pub(crate) fn config(&self) -> SdkConfig {
        config(&self.endpoint)
    }
}

async fn handle(
    State((seen, answer)): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header =
        |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let credential = header("authorization")
        .split("Credential=")
        .nth(1)
        .map(|rest| rest.split(',').next().unwrap().to_owned());
    let request = Seen {
        number: seen.lock().unwrap().len(),
        method,
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        credential: credential.unwrap_or_default(),
        user_agent: header("x-amz-user-agent") + &header("user-agent"),
        json: serde_json::from_slice(&body).unwrap_or_default(),
        text: String::from_utf8(body.to_vec()).unwrap(),
        headers: headers.clone(),
    };
    seen.lock().unwrap().push(request.clone());
    let Reply { status, code, etag, body } = answer(&request);
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("x-amzn-errortype", code), ("etag", etag)], body).into_response()
}

/// The kit's configuration, made impatient: retries wait a millisecond.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    let mut vars = Vars::from_pairs([
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDFUNCTION"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_SDK_UA_APP_ID", "finding-enrich"),
    ]);
    let config = sdk_config(&mut vars).unwrap();
    let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1));
    config.to_builder().retry_config(retries).build()
}

/// Noon on the first of November.
pub(crate) fn clock() -> ManualClock {
    ManualClock::new(datetime!(2026-11-01 12:00 UTC))
}
