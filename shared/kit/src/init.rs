//! What Lambda sets for every function, and how a start-up that fails is reported.

use std::{
    cell::RefCell,
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    panic::AssertUnwindSafe,
    str::FromStr,
    time::Duration,
};

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use lambda_runtime::Diagnostic;

use crate::{
    env::{FromEnv, Vars},
    error::Error,
};

/// Lambda is on the same machine; if it does not answer at once, it does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The variables that `lambda_runtime` cannot do without, so that their absence is a fault like any other.
#[derive(Debug, Default)]
pub(crate) struct Lambda {
    pub(crate) function_name: String,
    pub(crate) version: String,
}

impl FromEnv for Lambda {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let function_name =
            vars.required("AWS_LAMBDA_FUNCTION_NAME", "a name; Lambda and `cargo lambda` set it");
        let version =
            vars.required("AWS_LAMBDA_FUNCTION_VERSION", "a version; Lambda and `cargo lambda` set it");
        let memory = vars.required::<i32>("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "a whole number of MB");
        let api = vars.required::<Api>("AWS_LAMBDA_RUNTIME_API", "host and port of the Lambda Runtime API");
        memory.and(api)?;
        Some(Self { function_name: function_name?, version: version? })
    }
}

/// An address that `lambda_runtime` does not panic at.
struct Api;

impl FromStr for Api {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let uri: Uri = text.parse().map_err(|_| ())?;
        let http = uri.scheme().is_none_or(|scheme| *scheme == Scheme::HTTP);
        // `Uri` takes any text for a port, but gives back only a number.
        let host = |authority: &Authority| {
            authority.port_u16().is_some() || authority.as_str().ends_with(authority.host())
        };
        if http && uri.authority().is_some_and(host) { Ok(Self) } else { Err(()) }
    }
}

thread_local! {
    /// Where and why this thread panicked while it started the function; `None` when it is not starting one.
    static STARTING: RefCell<Option<Panicked>> = const { RefCell::new(None) };
}

#[derive(Debug, Clone, Default)]
struct Panicked {
    location: String,
    /// Only if it is a literal, because a formatted one may quote the event.
    message: Option<&'static str>,
}

/// Logs panics as lines of our own, but for those of a start-up, which end in the one line of its failure.
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload().downcast_ref::<&'static str>().copied();
        let starting = STARTING.try_with(|starting| {
            let mut starting = starting.try_borrow_mut().ok()?;
            starting.as_mut().map(|starting| *starting = Panicked { location: location.clone(), message })
        });
        if !matches!(starting, Ok(Some(()))) {
            let colon = if message.is_some() { ": " } else { "" };
            tracing::error!(location, "panicked{colon}{}", message.unwrap_or_default());
        }
    }));
}

/// Runs a part of the start-up, and makes `Environment.Panic` of a panic: the same code panics again in every execution
/// environment, whatever the event, until the function or its configuration changes.
pub(crate) fn guard<T>(start: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    STARTING.set(Some(Panicked::default()));
    let started = std::panic::catch_unwind(AssertUnwindSafe(start));
    let panicked = STARTING.take().unwrap_or_default();
    started.unwrap_or_else(|_| {
        let Panicked { location, message } = panicked;
        let colon = if message.is_some() { ": " } else { "" };
        let message = message.unwrap_or_default();
        Err(Error::environment("Panic", format!("the start-up panicked at `{location}`{colon}{message}")))
    })
}

/// Logs why the process ends and tells Lambda.
pub(crate) fn report_failure(error: &Error) {
    let diagnostic = Diagnostic { error_type: error.qualified_type(), error_message: error.to_string() };
    tracing::error!(error_type = diagnostic.error_type, retryable = error.is_retryable(), "{error}");
    // `lambda_runtime` offers no way to report it. Without the address, or if nobody listens, the log must do.
    if let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") {
        let _ = post_init_error(&api, &diagnostic);
    }
}

/// Lambda Runtime API, initialization error. `api` is `host:port`; `cargo lambda` adds a scheme and a path.
fn post_init_error(api: &str, diagnostic: &Diagnostic) -> std::io::Result<()> {
    let address = api.strip_prefix("http://").unwrap_or(api);
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let path = format!("{}/2018-06-01/runtime/init/error", path.trim_end_matches('/'));
    let path = path.trim_start_matches('/');
    let body = serde_json::to_string(diagnostic)?;
    let error_type = &diagnostic.error_type;
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Lambda-Runtime-Function-Error-Type: {error_type}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let address = host.to_socket_addrs()?.next().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    // Waits for the answer, lest the process is gone before Lambda has read the report.
    stream.read(&mut [0; 64]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_can_be_called_is_one() {
        for (address, good) in [
            ("127.0.0.1:9001", true),
            ("localhost:9001", true),
            ("[::1]:9001", true),
            ("http://127.0.0.1:9000/.rt/greet", true),
            ("", false),
            ("/2018-06-01", false),
            ("127.0.0.1:port", false),
            ("a b", false),
            ("http://", false),
            ("https://127.0.0.1:9001", false),
        ] {
            assert_eq!(address.parse::<Api>().is_ok(), good, "{address}");
        }
    }
}
