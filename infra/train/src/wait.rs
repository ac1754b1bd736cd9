//! Waiting for what Comprehend does in its own time, for a person who looks on.

use std::io::Write;
use std::time::Duration;

use serde_json::Value;

use crate::aws::{Aws, Failure};

/// What is waited for.
#[derive(Debug, Clone)]
pub struct Wait<'a> {
    /// The operation to ask, as the CLI names it.
    pub operation: &'a str,
    /// Its input.
    pub input: Value,
    /// The member of the answer that holds `Status` and `Message`.
    pub member: &'a str,
    /// What it is called in what is printed.
    pub what: &'a str,
    /// States that end the waiting well.
    pub good: &'a [&'a str],
    /// States that end it badly.
    pub bad: &'a [&'a str],
    /// Time between two questions.
    pub poll: Duration,
}

/// Asks until a final state is reached, prints every change of it, and returns what was told of the thing.
///
/// # Errors
///
/// A bad state, with Comprehend's message, or a question that was refused.
pub fn wait(aws: &dyn Aws, out: &mut dyn Write, wait: &Wait<'_>) -> Result<Value, String> {
    let mut last = String::new();
    loop {
        let mut answer = aws
            .comprehend(wait.operation, &wait.input)
            .map_err(|Failure { message, .. }| format!("{message}\nThe same command again waits on."))?;
        let told = answer.get_mut(wait.member).map(Value::take).unwrap_or_default();
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
        let (status, message) = (text("Status"), text("Message"));
        if status != last {
            let colon = if message.is_empty() { "" } else { ": " };
            let _ = writeln!(out, "{} {status}{colon}{message}", wait.what);
            status.clone_into(&mut last);
        }
        if wait.good.contains(&status) {
            return Ok(told);
        }
        if wait.bad.contains(&status) || status.is_empty() {
            return Err(format!(
                "the {} is `{status}`, expected `{}`: {message}",
                wait.what,
                wait.good.join("` or `")
            ));
        }
        std::thread::sleep(wait.poll);
    }
}
