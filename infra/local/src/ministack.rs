//! MiniStack as a child process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, Command};

use crate::gateway::{Backend, Inbound, Settings};
use crate::process;

const START_LIMIT: Duration = Duration::from_secs(45);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Runs MiniStack and, beside it, a watcher that ends the whole process group, function processes included,
/// as soon as the pipe on its standard input closes. It closes however the local cloud ends.
const SUPERVISE: &str = r#"
ulimit -n "$(ulimit -H -n)"
exec 3<&0
{
    read -r _
    trap '' TERM
    kill -s TERM 0
    tries=0
    while kill -s 0 $$ 2>/dev/null && [ $tries -lt 30 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -s KILL 0
} <&3 >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-
"#;

/// A running MiniStack.
#[derive(Debug)]
pub struct MiniStack {
    child: Child,
    /// The pipe that the watcher reads. Not left in `child`, which closes it when it is waited for.
    lifeline: Option<ChildStdin>,
    pid: u32,
    port: u16,
    log: PathBuf,
}

impl MiniStack {
    /// Starts MiniStack from the tools' folder on a free port and waits until it is ready. The URLs that it
    /// makes up, and the endpoint that it gives to functions, are the gateway's.
    ///
    /// # Errors
    /// The tool is missing, or does not start.
    pub async fn start(
        tools: &Path,
        state: &Path,
        gateway: u16,
        settings: &Settings,
    ) -> Result<Self, String> {
        let folder = tools.join("venv/bin");
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        if !folder.join("ministack").exists() {
            return Err(format!("no MiniStack in `{}`: run `make tools`", tools.display()));
        }
        let temporary = state.join("tmp");
        std::fs::create_dir_all(&temporary).map_err(|error| format!("`{}`: {error}", temporary.display()))?;
        let log = state.join("ministack.log");
        let output = File::create(&log).map_err(|error| format!("`{}`: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| format!("`{}`: {error}", log.display()))?;
        let port = free_port().await?;
        let mut command = Command::new("sh");
        // `ministack` itself would bind GATEWAY_PORT, which has to be the gateway's port here, as the URLs
        // of queues and functions are made from it.
        command
            .args(["-c", SUPERVISE, "ministack"])
            .arg(folder.join("hypercorn"))
            .args(["ministack.app:app", "--workers", "0", "--keep-alive", "75", "--bind"])
            .arg(format!("127.0.0.1:{port}"))
            // Nothing of the user's environment reaches the functions: no credentials, no profile.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &temporary)
            .env("LANG", "C.UTF-8")
            .env("TMPDIR", &temporary)
            .env("GATEWAY_PORT", gateway.to_string())
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{gateway}"))
            .env("MINISTACK_ACCOUNT_ID", &settings.account)
            .env("MINISTACK_REGION", &settings.region)
            // AWS waits a minute and then two before it invokes an asynchronous event again.
            .env("LAMBDA_ASYNC_RETRY_BASE_SECONDS", "0.2")
            // These two would listen on every interface.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(&temporary)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors);
        let mut child = command.spawn().map_err(|error| format!("`sh`: {error}"))?;
        let pid = child.id().ok_or("MiniStack ended at once")?;
        let mut started = Self { lifeline: child.stdin.take(), child, pid, port, log };
        started.await_ready(settings).await?;
        Ok(started)
    }

    async fn await_ready(&mut self, settings: &Settings) -> Result<(), String> {
        let backend = Backend::new(self.port, self.pid);
        let probe = Inbound {
            method: Method::GET,
            uri: http::Uri::from_static("/_ministack/ready"),
            headers: http::HeaderMap::new(),
            body: Bytes::new(),
            connection: None,
        };
        let start = Instant::now();
        while start.elapsed() < START_LIMIT {
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("MiniStack ended ({status}):\n{log}"));
            }
            if backend.send(&probe).await.is_ok_and(|response| response.status().is_success()) {
                tracing::debug!(port = self.port, account = settings.account, "MiniStack is ready");
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Err(format!(
            "MiniStack was not ready within {} s; see `{}`",
            START_LIMIT.as_secs(),
            self.log.display()
        ))
    }

    /// The process id, which is also the id of the process group with the function processes.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until it ends by itself, which it should not.
    pub async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("MiniStack ended ({status}); see `{}`", self.log.display()),
            Err(error) => format!("MiniStack: {error}"),
        }
    }

    /// Ends it and every function process, and waits until they are gone.
    pub async fn stop(mut self) {
        drop(self.lifeline.take());
        let _ = tokio::time::timeout(STOP_LIMIT, self.child.wait()).await;
        let start = Instant::now();
        while !process::in_group(self.pid).is_empty() && start.elapsed() < STOP_LIMIT {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| format!("free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("free port: {error}"))
}
