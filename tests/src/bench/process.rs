//! A function's release binary as a process, and what the kernel knows of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eventide_testing::{eventually, repository};
use serde_json::Value;
use tokio::time::timeout;

use super::Outcome;
use super::runtime_api::RuntimeApi;

/// How long any one answer may take, if the invocation may not take longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// What Lambda would end an invocation after.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A process and the Runtime API that it polls; it ends with this.
#[derive(Debug)]
pub struct Process {
    child: Child,
    api: RuntimeApi,
    spawned: Instant,
    patience: Duration,
}

/// Where the release build leaves a binary.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    repository().join("target/release").join(name)
}

impl Process {
    /// Starts a function with this environment and no other. `event`, if there is one, waits for its first poll, as
    /// the event that Lambda starts an execution environment for does.
    ///
    /// # Errors
    ///
    /// If there is no such binary.
    pub async fn spawn(
        name: &str,
        environment: &BTreeMap<String, String>,
        event: Option<&Value>,
    ) -> Outcome<Self> {
        Self::spawn_with_timeout(name, environment, event, TIMEOUT).await
    }

    /// [`spawn`](Self::spawn) for invocations that may take so long.
    ///
    /// # Errors
    ///
    /// If there is no such binary.
    pub async fn spawn_with_timeout(
        name: &str,
        environment: &BTreeMap<String, String>,
        event: Option<&Value>,
        timeout: Duration,
    ) -> Outcome<Self> {
        let api = RuntimeApi::start(timeout).await?;
        if let Some(event) = event {
            api.events.send(event.to_string().into_bytes()).map_err(|error| error.to_string())?;
        }
        let path = binary(name);
        let spawned = Instant::now();
        let child = Command::new(&path)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("`{}`: {error}; `make bench` builds it", path.display()))?;
        let patience = if timeout > TIMEOUT { timeout } else { PATIENCE };
        Ok(Self { child, api, spawned, patience })
    }

    /// Milliseconds from the start of the process to its first poll.
    ///
    /// # Errors
    ///
    /// If it never polls; with what its start-up failed with, if it reported that.
    pub async fn first_poll(&self) -> Outcome<f64> {
        let polled = timeout(PATIENCE, self.api.shared.first_poll()).await;
        let polled = polled.map_err(|_| "the function never polled for an event".to_owned())?;
        polled.map(|at| milliseconds(at - self.spawned))
    }

    /// Milliseconds from the start of the process to the next answer.
    ///
    /// # Errors
    ///
    /// What the function failed with.
    pub async fn answered(&mut self) -> Outcome<f64> {
        match timeout(self.patience, self.api.answers.recv()).await {
            Ok(Some(answer)) => answer.map(|at| milliseconds(at - self.spawned)),
            Ok(None) | Err(_) => Err("the function did not answer".to_owned()),
        }
    }

    /// Has an event handled.
    ///
    /// # Errors
    ///
    /// What the function failed with.
    pub async fn handle(&mut self, event: &Value) -> Outcome<()> {
        self.api.events.send(event.to_string().into_bytes()).map_err(|error| error.to_string())?;
        self.answered().await.map(drop)
    }

    /// Waits until the threads have ended that the start left work to.
    ///
    /// # Errors
    ///
    /// If they do not.
    pub async fn settle(&self) -> Outcome<()> {
        let threads = || async { (self.status("Threads:").ok()? <= 1.0).then_some(()) };
        eventually("one thread", PATIENCE, threads).await
    }

    /// Milliseconds of processor time so far, in user and kernel mode: of the thread that does everything but what
    /// the start left undone.
    ///
    /// # Errors
    ///
    /// If the kernel does not tell (Linux with `CONFIG_SCHED_INFO`).
    pub fn processor_time(&self) -> Outcome<f64> {
        let times = self.proc("schedstat")?;
        let nanoseconds = times.split(' ').next().and_then(|first| first.parse::<f64>().ok());
        nanoseconds.map(|nanoseconds| nanoseconds / 1e6).ok_or_else(|| format!("schedstat is `{times}`"))
    }

    /// Peak memory in MB.
    ///
    /// # Errors
    ///
    /// If the kernel does not tell.
    pub fn peak(&self) -> Outcome<f64> {
        self.status("VmHWM:").map(|kilobytes| kilobytes * 1024.0 / 1e6)
    }

    fn status(&self, name: &str) -> Outcome<f64> {
        let status = self.proc("status")?;
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        value.and_then(|value| value.parse().ok()).ok_or_else(|| format!("the status has no `{name}`"))
    }

    fn proc(&self, file: &str) -> Outcome<String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        std::fs::read_to_string(&path).map_err(|error| format!("`{path}`: {error}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
