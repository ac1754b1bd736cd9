//! The example function as a process, served by a stand-in for the Lambda Runtime API.

use std::{error::Error, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    sync::{Mutex, mpsc},
    task::JoinHandle,
    time::timeout,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(30);
const EVENT_ID: &str = "7bf73129-1428-4cd3-a780-95db273d1602";
const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";

/// What the function posted: the last part of the path, the error type header and the body.
#[derive(Debug, PartialEq)]
struct Posted {
    request: String,
    error_type: Option<String>,
    body: Value,
}

struct Api {
    events: Mutex<mpsc::UnboundedReceiver<(String, String)>>,
    posted: mpsc::UnboundedSender<Posted>,
}

async fn next(State(api): State<Arc<Api>>) -> impl IntoResponse {
    match api.events.lock().await.recv().await {
        Some((id, event)) => {
            let headers = [
                ("lambda-runtime-invocation-id", format!("invocation of {id}")),
                ("lambda-runtime-aws-request-id", id),
                ("lambda-runtime-deadline-ms", u64::from(u32::MAX).saturating_mul(1000).to_string()),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-central-1:111122223333:function:greet".into(),
                ),
                ("lambda-runtime-trace-id", TRACE.into()),
            ];
            (headers, event).into_response()
        }
        None => StatusCode::GONE.into_response(),
    }
}

async fn take(api: &Api, request: String, headers: &HeaderMap, body: &str) -> StatusCode {
    let error_type = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    let _ = api.posted.send(Posted { request, error_type: error_type.map(str::to_owned), body });
    StatusCode::ACCEPTED
}

/// The example function, running.
struct Greet {
    child: Child,
    events: mpsc::UnboundedSender<(String, String)>,
    posted: mpsc::UnboundedReceiver<Posted>,
    server: JoinHandle<std::io::Result<()>>,
    invocations: u32,
}

impl Greet {
    async fn start(vars: &[(&str, &str)]) -> Result<Self> {
        let (events, receiver) = mpsc::unbounded_channel();
        let (sender, posted) = mpsc::unbounded_channel();
        let api = Arc::new(Api { events: Mutex::new(receiver), posted: sender });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/{kind}",
                post(
                    |State(api): State<Arc<Api>>,
                     Path((id, kind)): Path<(String, String)>,
                     headers: HeaderMap,
                     body: String| async move {
                        // As Lambda does with what answers an invocation that is over.
                        let invocation = headers.get("lambda-runtime-invocation-id");
                        if invocation.is_none_or(|invocation| *invocation != format!("invocation of {id}")) {
                            return StatusCode::GONE;
                        }
                        take(&api, format!("{id}/{kind}"), &headers, &body).await
                    },
                ),
            )
            .route(
                "/2018-06-01/runtime/init/error",
                post(|State(api): State<Arc<Api>>, headers: HeaderMap, body: String| async move {
                    take(&api, "init/error".to_owned(), &headers, &body).await
                }),
            )
            .with_state(api);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let child = Command::new(example("greet")?)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "greet")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .envs(vars.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child, events, posted, server, invocations: 0 })
    }

    async fn start_well() -> Result<Self> {
        Self::start(&[
            ("GREETING", "Hello"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ])
        .await
    }

    /// Sends an event and waits for what the function makes of it.
    async fn invoke(&mut self, event: impl Into<String>) -> Result<Posted> {
        self.invocations += 1;
        self.events.send((format!("request-{}", self.invocations), event.into()))?;
        self.next_post().await
    }

    async fn next_post(&mut self) -> Result<Posted> {
        Ok(timeout(PATIENCE, self.posted.recv()).await?.ok_or("the stand-in is gone")?)
    }

    /// Ends the function if it still runs, and gives what it wrote to standard output, one JSON line each, and
    /// to standard error. Lines are written before an invocation is answered, so none is missing.
    async fn stop(mut self) -> Result<(Vec<Value>, String)> {
        self.server.abort();
        self.child.start_kill()?;
        let (mut stdout, mut stderr) = (String::new(), String::new());
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_string(&mut stdout).await?;
        }
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_string(&mut stderr).await?;
        }
        self.child.wait().await?;
        let lines = stdout.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
        Ok((lines, stderr))
    }
}

/// Examples are built into `target/<profile>/examples`, next to the folder of the test binaries.
fn example(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).ok_or("no target folder above the test")?;
    let path = profile.join("examples").join(name);
    if path.exists() { Ok(path) } else { Err(format!("`{}` is not built", path.display()).into()) }
}

fn named(name: &str) -> String {
    json!({ "id": EVENT_ID, "source": "example", "detail": { "name": name } }).to_string()
}

fn logs(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line.get("message").is_some()).collect()
}

fn metrics(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line.get("_aws").is_some()).collect()
}

#[tokio::test]
async fn events_are_answered_logged_and_measured() {
    let mut greet = Greet::start_well().await.unwrap();
    let answer = greet.invoke(named("Ada")).await.unwrap();
    assert_eq!(
        answer,
        Posted {
            request: "request-1/response".into(),
            error_type: None,
            body: json!({ "text": "Hello, Ada!" })
        }
    );
    greet.invoke(named("Grace Hopper")).await.unwrap();
    let (lines, stderr) = greet.stop().await.unwrap();
    assert_eq!(stderr, "");

    let logs = logs(&lines);
    assert_eq!(logs.len(), 2);
    let expected = json!({
        "timestamp": logs[0]["timestamp"],
        "level": "INFO",
        "message": "greeted",
        "function": "greet",
        "version": "$LATEST",
        "target": "greet",
        "cold_start": true,
        "request_id": "request-1",
        "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "correlation_id": EVENT_ID,
        "length": 3,
    });
    assert_eq!(*logs[0], expected);
    assert_eq!(logs[1]["cold_start"], false);
    assert_eq!(logs[1]["request_id"], "request-2");

    let metrics = metrics(&lines);
    let counted: Vec<_> =
        metrics.iter().map(|line| (&line["ColdStart"], &line["Length"], &line["Names"])).collect();
    let null = Value::Null;
    assert_eq!(
        counted,
        [
            (&json!(1.0), &null, &null),
            (&null, &json!("short"), &json!(1.0)),
            (&null, &json!("long"), &json!(1.0)),
        ]
    );
    assert_eq!(metrics[1]["FunctionName"], "greet");
    let directive = &metrics[1]["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "Example/Greetings");
    assert_eq!(directive["Dimensions"], json!([["FunctionName", "Length"]]));
}

#[tokio::test]
async fn answers_of_every_length_are_sent_and_the_next_event_is_served() {
    let mut greet = Greet::start_well().await.unwrap();
    // 11 characters each, beside 11 of JSON: just below the length from which on an answer is long, and just above.
    for (number, times) in [1, 90_908, 90_909, 150_000, 2, 100_000].into_iter().enumerate() {
        let event = json!({ "id": EVENT_ID, "detail": { "name": "Ada", "times": times } });
        let expected = Posted {
            request: format!("request-{}/response", number + 1),
            error_type: None,
            body: json!({ "text": "Hello, Ada!".repeat(times) }),
        };
        assert!(greet.invoke(event.to_string()).await.unwrap() == expected, "{times} greetings");
    }
    let (lines, stderr) = greet.stop().await.unwrap();
    assert_eq!((logs(&lines).len(), stderr.as_str()), (6, ""));
}

#[tokio::test]
async fn failures_are_typed_and_the_next_event_is_served() {
    let deep = format!(r#"{{"id":"{EVENT_ID}","detail":{{"ignored":{}"#, "[".repeat(200_000));
    let huge = json!({ "id": EVENT_ID, "detail": "secret ".repeat(150_000) }).to_string();
    let cases = [
        (named(&"x".repeat(41)), "Permanent.NameTooLong", "a name of 41 characters, expected at most 40"),
        (named("Rumpelstiltskin"), "Permanent.Panic", "the handler panicked"),
        (
            json!({ "id": EVENT_ID, "detail": { "name": ["secret"] } }).to_string(),
            "Permanent.InvalidEvent",
            "event does not parse at `detail.name`: expected a string",
        ),
        (huge, "Permanent.InvalidEvent", "event does not parse at `detail`: expected struct Detail"),
        (deep, "Permanent.InvalidEvent", "event does not parse at `detail.ignored`: it ends too early"),
        (
            "secret".into(),
            "Permanent.InvalidEvent",
            "event does not parse: expected value at line 1 column 1",
        ),
        (String::new(), "Permanent.InvalidEvent", "event does not parse: it ends too early"),
    ];
    let mut greet = Greet::start_well().await.unwrap();
    for (number, (event, error_type, message)) in cases.iter().enumerate() {
        let expected = Posted {
            request: format!("request-{}/error", number + 1),
            // What `lambda_runtime` always says; Lambda takes the type from the body.
            error_type: Some("unhandled".to_owned()),
            body: json!({ "errorType": error_type, "errorMessage": message }),
        };
        assert_eq!(greet.invoke(event.clone()).await.unwrap(), expected);
    }
    let answer = greet.invoke(named("Ada")).await.unwrap();
    assert_eq!(answer.body, json!({ "text": "Hello, Ada!" }));

    let (lines, stderr) = greet.stop().await.unwrap();
    assert_eq!(stderr, "");
    let errors: Vec<_> = logs(&lines).into_iter().filter(|line| line.get("error_type").is_some()).collect();
    assert_eq!(errors.len(), cases.len(), "each failure is logged once");
    for (line, (_, error_type, message)) in errors.iter().zip(&cases) {
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["error_type"], *error_type);
        assert_eq!(line["retryable"], false);
        assert_eq!(line["message"], *message);
    }
    assert_eq!(errors[2]["correlation_id"], EVENT_ID, "known although the event does not parse");

    let panic = logs(&lines).into_iter().find(|line| line["message"] == "panicked").unwrap();
    assert!(panic["location"].as_str().unwrap().contains("greet.rs:"), "{panic}");
    assert_eq!(panic["request_id"], "request-2");
    let names: f64 = metrics(&lines).iter().filter_map(|line| line["Names"].as_f64()).sum();
    assert_eq!(names, 3.0, "what was counted before an error or a panic is written too");

    let output = Value::from(lines).to_string();
    assert!(!output.contains("secret") && !output.contains("Rumpelstiltskin"), "no content in logs");
}

#[tokio::test]
async fn a_bad_configuration_is_one_line_that_names_everything() {
    let mut greet = Greet::start(&[
        ("LONGEST_NAME", "many"),
        ("AWS_LAMBDA_LOG_LEVEL", "LOUD"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ])
    .await
    .unwrap();
    let mut message = "configuration: \
        `AWS_LAMBDA_LOG_LEVEL` is `LOUD`, expected TRACE, DEBUG, INFO, WARN, ERROR or FATAL; \
        `GREETING` is missing, expected a word such as `Hello`; \
        `LONGEST_NAME` is `many`, expected a whole number from 1 to 100"
        .to_owned();
    if cfg!(feature = "aws") {
        message.push_str("; `AWS_SECRET_ACCESS_KEY` is missing, expected a secret access key");
    }
    let expected = Posted {
        request: "init/error".into(),
        error_type: Some("Environment.Configuration".into()),
        body: json!({ "errorType": "Environment.Configuration", "errorMessage": message }),
    };
    assert_eq!(greet.next_post().await.unwrap(), expected);
    let status = timeout(PATIENCE, greet.child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(1));

    let (lines, stderr) = greet.stop().await.unwrap();
    assert_eq!(stderr, "");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "ERROR");
    assert_eq!(lines[0]["error_type"], "Environment.Configuration");
    assert_eq!(lines[0]["message"], message);
}

#[tokio::test]
async fn a_function_that_cannot_be_built_ends_the_same_way() {
    let cases = [
        ("Silence", "Environment.NothingToSay", "a greeting of silence is none"),
        ("Abracadabra", "Environment.Panic", "the start-up panicked at `"),
    ];
    for (greeting, error_type, message) in cases {
        let mut greet = Greet::start(&[
            ("GREETING", greeting),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ])
        .await
        .unwrap();
        let posted = greet.next_post().await.unwrap();
        assert_eq!(posted.request, "init/error");
        assert_eq!(posted.error_type.as_deref(), Some(error_type));
        assert_eq!(posted.body["errorType"], error_type);
        let status = timeout(PATIENCE, greet.child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(1));
        let (lines, stderr) = greet.stop().await.unwrap();
        assert_eq!(stderr, "");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["error_type"], error_type);
        assert!(lines[0]["message"].as_str().unwrap().starts_with(message), "{}", lines[0]);
        assert_eq!(lines[0]["message"], posted.body["errorMessage"]);
        assert!(
            !lines[0].to_string().contains(greeting),
            "a formatted message may quote anything: {}",
            lines[0]
        );
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_a_fault_of_the_configuration() {
    for address in ["127.0.0.1:port", "/2018-06-01", "not an address"] {
        let mut greet =
            Greet::start(&[("GREETING", "Hello"), ("AWS_LAMBDA_RUNTIME_API", address)]).await.unwrap();
        let status = timeout(PATIENCE, greet.child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(1), "{address}");
        let (lines, stderr) = greet.stop().await.unwrap();
        assert_eq!(stderr, "", "{address}");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["error_type"], "Environment.Configuration");
        let fault = format!(
            "`AWS_LAMBDA_RUNTIME_API` is `{address}`, expected host and port of the Lambda Runtime API"
        );
        assert!(lines[0]["message"].as_str().unwrap().contains(&fault), "{}", lines[0]);
    }
}
