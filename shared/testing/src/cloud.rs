use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Answer, Aws, CallError, repository};

/// Starting takes about two seconds; a busy machine gets more.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A local cloud of the test's own, on a free port. It ends, with every function process in it, when this is
/// dropped, and also when the test's process ends in any other way.
#[derive(Debug)]
pub struct LocalCloud {
    process: Child,
    stdin: Option<ChildStdin>,
    aws: Aws,
    edge: String,
    state: TempDir,
}

impl LocalCloud {
    /// Starts one: the `eventide-local` binary next to this test's own, or `EVENTIDE_LOCAL_BIN`.
    ///
    /// # Errors
    /// What keeps it from starting, with what it printed.
    pub async fn start() -> Result<Self, String> {
        Self::start_with(&[]).await
    }

    /// As [`start`](Self::start), with further arguments for `eventide-local up`.
    ///
    /// # Errors
    /// What keeps it from starting, with what it printed.
    pub async fn start_with(arguments: &[&str]) -> Result<Self, String> {
        let binary = binary()?;
        let state = tempfile::Builder::new()
            .prefix("eventide-")
            .tempdir()
            .map_err(|error| format!("state folder of the local cloud: {error}"))?;
        let log = state.path().join("output.log");
        let output = File::create(&log).map_err(|error| format!("`{}`: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| format!("`{}`: {error}", log.display()))?;
        let mut process = Command::new(&binary)
            .args(["up", "--port", "0", "--edge-port", "0", "--exit-with-stdin", "--state"])
            .arg(state.path())
            .args(arguments)
            .current_dir(repository())
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("`{}`: {error}", binary.display()))?;
        let stdin = process.stdin.take();
        // From here on, dropping `cloud` ends the process.
        let mut cloud = Self { process, stdin, aws: Aws::new(""), edge: String::new(), state };
        let (endpoint, edge) = cloud.await_ready().await.map_err(|error| {
            let printed = std::fs::read_to_string(&log).unwrap_or_default();
            format!("the local cloud did not start: {error}\n{printed}")
        })?;
        cloud.aws = Aws::new(&endpoint);
        cloud.edge = edge;
        Ok(cloud)
    }

    /// Waits for the endpoints: the gateway's and the edge's.
    async fn await_ready(&mut self) -> Result<(String, String), String> {
        let ready = self.state.path().join("local.json");
        let start = Instant::now();
        while start.elapsed() < START_LIMIT {
            if let Ok(text) = std::fs::read(&ready) {
                let ready: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
                let part = |name: &str| ready.get(name).and_then(Value::as_str).map(str::to_owned);
                return part("endpoint").zip(part("edge")).ok_or_else(|| "it names no endpoint".to_owned());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(status.to_string());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(format!("not ready within {} s", START_LIMIT.as_secs()))
    }

    /// The endpoint, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.aws.endpoint()
    }

    /// Where its edge is, which stands in for CloudFront, such as `http://127.0.0.1:40124`.
    #[must_use]
    pub fn edge(&self) -> &str {
        &self.edge
    }

    /// A client of it, in us-east-1, as account 111122223333.
    #[must_use]
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// The folder with its logs; gone with the local cloud.
    #[must_use]
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// The process id of `eventide-local`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Calls the control API; `path` is what follows `/_local/`.
    ///
    /// # Errors
    /// No answer, or what the local cloud has to say.
    pub async fn control(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        self.aws.control(method, path, body).await
    }

    /// Calls an operation of AWS's JSON protocol, such as `DynamoDB_20120810.GetItem`.
    ///
    /// # Errors
    /// No answer, or the service's error.
    pub async fn aws_json(&self, service: &str, target: &str, body: &Value) -> Result<Value, CallError> {
        self.aws.json(service, target, body).await
    }

    /// Calls an operation of AWS's query protocol and gives the XML of the answer.
    ///
    /// # Errors
    /// No answer, or the service's error.
    pub async fn query(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, CallError> {
        self.aws.query(service, action, parameters).await
    }

    /// Calls an operation of AWS's REST JSON protocol.
    ///
    /// # Errors
    /// No answer, or the service's error.
    pub async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        self.aws.rest(service, method, path, body).await
    }

    /// Deploys a template, given from the repository's root, as `stack`, with the binaries next to this
    /// test's own; the stack's outputs.
    ///
    /// # Errors
    /// Why the stack cannot be deployed.
    pub async fn deploy(
        &self,
        template: &str,
        stack: &str,
        parameters: &[(&str, &str)],
    ) -> Result<BTreeMap<String, String>, String> {
        let request = json!({
            "template": repository().join(template),
            "stack": stack,
            "parameters": parameters.iter().copied().collect::<BTreeMap<_, _>>(),
            "code": binary()?.parent(),
        });
        let deployed = self.control(Method::POST, "deploy", Some(&request)).await?;
        let outputs = deployed.get("outputs").cloned().unwrap_or_default();
        serde_json::from_value(outputs).map_err(|error| format!("outputs of `{stack}`: {error}"))
    }

    /// Everything that a function wrote to standard output and error in its finished invocations, with
    /// Lambda's START, END and REPORT lines, oldest first. `function` is its name.
    ///
    /// # Errors
    /// No such function, or its log cannot be read. A function that was not invoked yet has no lines.
    pub async fn logs(&self, function: &str) -> Result<Vec<String>, CallError> {
        let path = format!("/2015-03-31/functions/{function}/configuration");
        let configuration = self.rest("lambda", Method::GET, &path, None).await?;
        let group = configuration
            .pointer("/LoggingConfig/LogGroup")
            .and_then(Value::as_str)
            .map_or_else(|| format!("/aws/lambda/{function}"), str::to_owned);
        let mut request = json!({ "logGroupName": group });
        let mut lines = Vec::new();
        loop {
            let page = match self.aws_json("logs", "Logs_20140328.FilterLogEvents", &request).await {
                Ok(page) => page,
                Err(error) if error.code == "ResourceNotFoundException" => return Ok(lines),
                Err(error) => return Err(error),
            };
            let events = page.get("events").and_then(Value::as_array).into_iter().flatten();
            lines.extend(events.filter_map(|event| event.get("message")?.as_str().map(str::to_owned)));
            match (page.get("nextToken"), request.as_object_mut()) {
                (Some(token), Some(request)) => request.insert("nextToken".into(), token.clone()),
                _ => return Ok(lines),
            };
        }
    }

    /// Sends a request as it is and gives whatever is answered, errors included.
    ///
    /// # Errors
    /// Only if there is no answer.
    pub async fn send(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Result<Answer, CallError> {
        self.aws.send(service, method, path, headers, body.into()).await
    }
}

impl Drop for LocalCloud {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let start = Instant::now();
        while start.elapsed() < STOP_LIMIT {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The `eventide-local` binary: cargo puts it beside or above the test binaries.
fn binary() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("EVENTIDE_LOCAL_BIN") {
        return Ok(path.into());
    }
    let own = std::env::current_exe().map_err(|error| format!("path of this test: {error}"))?;
    let folders = own.ancestors().skip(1).take(2);
    folders.map(|folder| folder.join("eventide-local")).find(|path| path.is_file()).ok_or_else(|| {
        "no `eventide-local` beside the tests: build it (`cargo build -p eventide-local`)".into()
    })
}
