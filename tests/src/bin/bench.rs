//! What the functions cost beside a hello-world on the same runtime: start-up, time per event, memory, size.
//!
//! Runs the release binaries (`make bench` builds them) as processes under a Runtime API of its own. Figures are
//! medians; starts are taken in turn, so that a ratio compares like with like on a busy machine. Time per event is
//! the process's own processor time, which no waiting for an API is part of; the APIs are the local cloud's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use eventide_testing::{fixture, repository};
use eventide_tests::System;
use eventide_tests::findings::about_role;
use http::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

/// Starts of each function.
const STARTS: usize = 21;

/// Warm events of each function.
const EVENTS: usize = 300;

/// The kernel's unit of processor time in /proc: 1/100 s, which is why it is read over many events.
const TICK: f64 = 0.01;

/// How long any one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

type Outcome<T> = Result<T, String>;

#[tokio::main]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The targets: at most twice the hello-world's start, 20 MB, 4 MB zipped, 1 ms of its own a warm event.
struct Row {
    name: &'static str,
    start_http: f64,
    start_https: f64,
    first_event: f64,
    own_per_event: f64,
    calls_per_event: f64,
    peak: f64,
    binary: f64,
    zipped: f64,
}

async fn bench() -> Outcome<()> {
    let system = System::start().await?;
    let subjects = [
        ("hello", BTreeMap::new()),
        ("finding-investigate", environment(&system, "InvestigateFunction").await?),
        ("finding-enrich", environment(&system, "EnrichFunction").await?),
    ];
    let mut starts: BTreeMap<(&str, bool), Vec<f64>> = BTreeMap::new();
    for _ in 0..STARTS {
        for (name, environment) in &subjects {
            for https in [false, true] {
                let mut environment = environment.clone();
                if https {
                    environment.remove("AWS_ENDPOINT_URL");
                }
                let process = Process::spawn(name, &environment).await?;
                starts.entry((name, https)).or_default().push(process.first_poll().await?);
            }
        }
    }
    let mut rows = Vec::new();
    for (name, environment) in &subjects {
        let start = |https| median(starts.get(&(*name, https)).cloned().unwrap_or_default());
        rows.push(measure(&system, name, environment, start(false), start(true)).await?);
    }
    print(&rows);
    Ok(())
}

/// The environment that Lambda would give the function, with the local cloud as AWS.
async fn environment(system: &System, function_output: &str) -> Outcome<BTreeMap<String, String>> {
    let path = format!("/2015-03-31/functions/{}/configuration", system.output(function_output)?);
    let configuration = system.cloud().rest("lambda", Method::GET, &path, None).await?;
    let variables = configuration.pointer("/Environment/Variables").cloned().unwrap_or_default();
    let mut variables: BTreeMap<String, String> =
        serde_json::from_value(variables).map_err(|error| error.to_string())?;
    for (name, value) in [
        ("AWS_ENDPOINT_URL", system.cloud().endpoint()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "111122223333"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
    ] {
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

async fn measure(
    system: &System,
    name: &'static str,
    environment: &BTreeMap<String, String>,
    start_http: f64,
    start_https: f64,
) -> Outcome<Row> {
    let mut process = Process::spawn(name, environment).await?;
    process.first_poll().await?;
    let begun = Instant::now();
    process.handle(&event(system, name, 0).await?).await?;
    let first_event = milliseconds(begun.elapsed());
    let mut events = Vec::with_capacity(EVENTS);
    for number in 1..=EVENTS {
        events.push(event(system, name, number).await?);
    }
    let calls_before = system.calls(name).await?.len();
    let before = process.processor_time()?;
    for event in &events {
        process.handle(event).await?;
    }
    let spent = process.processor_time()? - before;
    let calls = system.calls(name).await?.len() - calls_before;
    let binary = std::fs::read(binary(name)).map_err(|error| error.to_string())?;
    Ok(Row {
        name,
        start_http,
        start_https,
        first_event,
        own_per_event: 1000.0 * spent / EVENTS as f64,
        calls_per_event: calls as f64 / EVENTS as f64,
        peak: process.peak()?,
        binary: binary.len() as f64 / 1e6,
        zipped: zipped(&binary)? as f64 / 1e6,
    })
}

/// An event that the function has not seen: the automatic path, from the rule's event to the started
/// investigation.
async fn event(system: &System, name: &str, number: usize) -> Outcome<Value> {
    let id = format!("bench-{name}-{number}");
    let file = fixture("finding-investigate/imported-role-assumed.json")?;
    let mut event: Value = serde_json::from_slice(&file).map_err(|error| error.to_string())?;
    if let Some(member) = event.get_mut("id") {
        *member = json!(id);
    }
    if let Some(member) = event.pointer_mut("/detail/findings/0/Id") {
        *member = json!(id);
    }
    if name != "finding-enrich" {
        return Ok(event);
    }
    // The rule's own path must not compete for the finding.
    let finding = about_role(&id, "quiet-role")?;
    system.import(&[eventide_tests::findings::with_severity(finding, "LOW")]).await?;
    let answers = repository().join("events/answers/finding-investigate/imported-role-assumed.json");
    let recorded = std::fs::read(answers).map_err(|error| error.to_string())?;
    let recorded: Value = serde_json::from_slice(&recorded).map_err(|error| error.to_string())?;
    let mut work = recorded.pointer("/queued/0").cloned().ok_or("no recorded work")?;
    for (pointer, value) in [
        ("/run", json!(id)),
        ("/finding/asff/id", json!(id)),
        ("/requested_at", json!("2099-01-01T00:00:00Z")),
    ] {
        *work.pointer_mut(pointer).ok_or("the recorded work has another shape")? = value;
    }
    Ok(json!({ "Records": [{
        "messageId": id, "body": work.to_string(), "eventSource": "aws:sqs", "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:work",
        "attributes": { "ApproximateReceiveCount": "1" }, "messageAttributes": {}
    }] }))
}

fn binary(name: &str) -> PathBuf {
    repository().join("target/release").join(name)
}

/// The function's process and the Runtime API that it polls.
struct Process {
    child: Child,
    events: mpsc::UnboundedSender<Vec<u8>>,
    answers: mpsc::UnboundedReceiver<Result<(), String>>,
    api: Arc<Api>,
    spawned: Instant,
}

struct Api {
    first_poll: Mutex<Option<Instant>>,
    polled: Notify,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Vec<u8>>>,
    answers: mpsc::UnboundedSender<Result<(), String>>,
}

impl Process {
    async fn spawn(name: &str, environment: &BTreeMap<String, String>) -> Outcome<Self> {
        let (events, pending) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let api = Arc::new(Api {
            first_poll: Mutex::default(),
            polled: Notify::new(),
            events: tokio::sync::Mutex::new(pending),
            answers: answered,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .route("/2018-06-01/runtime/init/error", post(failure))
            .with_state(Arc::clone(&api));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let path = binary(name);
        let spawned = Instant::now();
        let child = Command::new(&path)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("`{}`: {error}; `make bench` builds it", path.display()))?;
        Ok(Self { child, events, answers, api, spawned })
    }

    /// Milliseconds from the start of the process to its first poll.
    async fn first_poll(&self) -> Outcome<f64> {
        loop {
            let polled = *self.api.first_poll.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = polled {
                return Ok(milliseconds(at - self.spawned));
            }
            let waited = tokio::time::timeout(PATIENCE, self.api.polled.notified()).await;
            waited.map_err(|_| "the function never polled for an event".to_owned())?;
        }
    }

    async fn handle(&mut self, event: &Value) -> Outcome<()> {
        self.events.send(event.to_string().into_bytes()).map_err(|error| error.to_string())?;
        match tokio::time::timeout(PATIENCE, self.answers.recv()).await {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => Err("the function did not answer".to_owned()),
        }
    }

    /// Seconds of processor time, in user and kernel mode.
    fn processor_time(&self) -> Outcome<f64> {
        let stat = self.proc("stat")?;
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
        Ok(ticks.sum::<f64>() * TICK)
    }

    /// Peak memory in MB.
    fn peak(&self) -> Outcome<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        kilobytes.map(|kilobytes| kilobytes * 1024.0 / 1e6).ok_or_else(|| "no VmHWM".to_owned())
    }

    fn proc(&self, file: &str) -> Outcome<String> {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))
            .map_err(|error| error.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn next(State(api): State<Arc<Api>>) -> impl IntoResponse {
    api.first_poll.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
    api.polled.notify_one();
    let Some(event) = api.events.lock().await.recv().await else {
        return (StatusCode::GONE, HeaderMap::new(), Vec::new());
    };
    let mut headers = HeaderMap::new();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", "00000000-0000-4000-8000-000000000000".to_owned()),
        ("lambda-runtime-deadline-ms", (now.as_millis() + 60_000).to_string()),
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

async fn response(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    // A batch that reports failures would be measured as one that worked.
    let failures = serde_json::from_slice::<Value>(&body).ok().and_then(|body| {
        body.get("batchItemFailures").and_then(Value::as_array).filter(|failed| !failed.is_empty()).cloned()
    });
    let _ = api.answers.send(failures.map_or(Ok(()), |failed| Err(format!("records failed: {failed:?}"))));
    StatusCode::ACCEPTED
}

async fn failure(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    let _ = api.answers.send(Err(String::from_utf8_lossy(&body).into_owned()));
    StatusCode::ACCEPTED
}

fn zipped(binary: &[u8]) -> Outcome<usize> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .compression_level(Some(9))
        .unix_permissions(0o755);
    zip.start_file("bootstrap", options).map_err(|error| error.to_string())?;
    zip.write_all(binary).map_err(|error| error.to_string())?;
    Ok(zip.finish().map_err(|error| error.to_string())?.into_inner().len())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(rows: &[Row]) {
    println!("Medians of {STARTS} starts in turn; {EVENTS} warm events each.");
    println!(
        "{:<20} {:>10} {:>11} {:>11} {:>10} {:>11} {:>8} {:>9} {:>8}",
        "function",
        "start http",
        "start https",
        "first event",
        "own/event",
        "calls/event",
        "peak",
        "binary",
        "zip"
    );
    for row in rows {
        println!(
            "{:<20} {:>7.1} ms {:>8.1} ms {:>8.1} ms {:>7.2} ms {:>11.1} {:>5.1} MB {:>6.2} MB {:>5.2} MB",
            row.name,
            row.start_http,
            row.start_https,
            row.first_event,
            row.own_per_event,
            row.calls_per_event,
            row.peak,
            row.binary,
            row.zipped
        );
    }
    let Some((hello, ours)) = rows.split_first() else { return };
    println!("\nTargets:");
    for row in ours {
        let per_call = row.own_per_event / row.calls_per_event.max(1.0);
        for (what, value, limit) in [
            ("start (http), times hello's", row.start_http / hello.start_http, 2.0),
            ("start (https), times hello's", row.start_https / hello.start_https, 2.0),
            ("peak memory, MB", row.peak, 20.0),
            ("zip, MB", row.zipped, 4.0),
            ("own time a warm event, ms, API clients included", row.own_per_event, 1.0),
            ("own time a warm event and API call, ms", per_call, 1.0),
        ] {
            let verdict = if value <= limit { "met" } else { "missed" };
            println!("  {:<20} {what:<48} {value:>6.2} of {limit:<5} {verdict}", row.name);
        }
    }
}
