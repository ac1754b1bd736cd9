//! `cargo lambda invoke`, on the deployed functions, gives for every file in `events/` what is recorded for it.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use eventide_testing::{LocalCloud, fixture_json, repository};
use serde_json::Value;
use tokio::process::Command;

mod campaigns;
mod chats;
mod findings;
mod marts;

type Tested = Result<(), String>;

/// What an invocation came to: the answer, or the error's type and message.
type Invoked = Result<Value, (String, String)>;

#[test]
fn every_folder_of_events_is_of_a_function_that_is_invoked() {
    let folders = names(&repository().join("events"), |path| path.is_dir());
    let known = findings::FUNCTIONS.iter().chain(&marts::FUNCTIONS);
    let known = known.chain(&campaigns::FUNCTIONS).chain(&chats::FUNCTIONS);
    let known = known.map(|(function, _)| *function);
    let mut known: Vec<_> = known.chain(["answers"]).collect();
    known.sort_unstable();
    assert_eq!(folders, known);
}

fn names(folder: &Path, wanted: fn(&Path) -> bool) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = paths
        .filter(|path| wanted(path))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn recorded(event: &str) -> Result<Invoked, String> {
    let recorded = fixture_json(&format!("answers/{event}"))?;
    if let Some(answer) = recorded.get("answer") {
        return Ok(Ok(answer.clone()));
    }
    let error = |member: &str| recorded["error"][member].as_str().map(without_layout).unwrap_or_default();
    Ok(Err((error("errorType"), error("errorMessage"))))
}

/// Sends an event by `cargo lambda invoke`; `function` is a name.
async fn invoke(cloud: &LocalCloud, function: &str, event: &str) -> Result<Invoked, String> {
    let output = cargo_lambda(cloud, function, event).await?;
    if output.status.success() {
        let answer = serde_json::from_slice(&output.stdout);
        return answer.map(Ok).map_err(|error| format!("`{event}` was not answered with JSON: {error}"));
    }
    // Error: TYPE, an empty line, the message wrapped behind a sign and a bar, an empty line, general advice.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut paragraphs = said.split("\n\n");
    let error_type = paragraphs.next().and_then(|first| first.trim().strip_prefix("Error: "));
    match (error_type, paragraphs.next()) {
        (Some(error_type), Some(message)) => Ok(Err((without_layout(error_type), without_layout(message)))),
        _ => Err(format!("`{event}`: {} with {said}", output.status)),
    }
}

/// The command as the README has it.
async fn cargo_lambda(
    cloud: &LocalCloud,
    function: &str,
    event: &str,
) -> Result<std::process::Output, String> {
    let tools = env::var_os("EVENTIDE_TOOLS").map_or_else(|| repository().join(".tools"), PathBuf::from);
    let program = tools.join("venv/bin/cargo-lambda");
    Command::new(&program)
        .args(["lambda", "invoke", "--remote", "--endpoint-url", cloud.endpoint(), "--data-file"])
        .arg(repository().join("events").join(event))
        .arg(function)
        .envs([
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ])
        .env_remove("AWS_PROFILE")
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("`{}`: {error}", program.display()))
}

/// Lines are wrapped at any space or hyphen, and begin with signs.
fn without_layout(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '×' | '│')).collect()
}
