//! `cargo lambda invoke`, on the deployed functions, gives for every file in `events/` what is recorded for it.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use eventide_testing::{fixture, fixture_json, repository};
use eventide_tests::System;
use eventide_tests::findings::about_role;
use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;

type Tested = Result<(), String>;

/// What an invocation came to: the answer, or the error's type and message.
type Invoked = Result<Value, (String, String)>;

/// The folders of events, in the order in which they are sent. What finding-investigate queues would meet the same
/// messages from here, so it comes last.
const FUNCTIONS: [(&str, &str); 2] =
    [("finding-enrich", "EnrichFunction"), ("finding-investigate", "InvestigateFunction")];

#[tokio::test]
async fn every_event_gives_its_recorded_answer_or_error() -> Tested {
    let folders = names(&repository().join("events"), |path| path.is_dir());
    assert_eq!(folders, ["answers", "finding-enrich", "finding-investigate"], "each is invoked below");
    let system = System::start().await?;
    import_what_messages_name(&system).await?;
    let mut different = Vec::new();
    for (function, output) in FUNCTIONS {
        let files = names(&repository().join("events").join(function), |path| path.is_file());
        assert!(!files.is_empty());
        for file in files {
            let event = format!("{function}/{file}");
            if serde_json::from_slice::<Value>(&fixture(&event)?).is_err() {
                continue; // Lambda refuses it before any function sees it: the next test.
            }
            let expected = recorded(&event)?;
            let actual = invoke(&system, output, &event).await?;
            if actual != expected {
                different.push(format!("{event}: {actual:?}, expected {expected:?}"));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    Ok(())
}

#[tokio::test]
async fn an_event_that_is_not_json_is_refused_by_lambda_itself() -> Tested {
    let system = System::start().await?;
    let event = "finding-investigate/malformed-truncated.json";
    let output = cargo_lambda(&system, "InvestigateFunction", event).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(without_layout(&said).contains("InvalidRequestContentException"), "{said}");
    Ok(())
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

/// The findings that the messages for finding-enrich are about, without the events that would start their enrichment.
/// As where the answers were recorded, those of account 444455556666 are missing. OCSF findings cannot be given the
/// `metadata.uid` that a message has; no other file names the role of the one, so it does not get as far as a comment.
async fn import_what_messages_name(system: &System) -> Tested {
    let emit = |emit: bool| async move {
        let settings = json!({ "emit": emit });
        system.cloud().control(Method::POST, "securityhub/settings", Some(&settings)).await
    };
    let mut findings = BTreeMap::new();
    for file in names(&repository().join("events/finding-enrich"), |path| path.is_file()) {
        let event = fixture_json(&format!("finding-enrich/{file}"))?;
        for record in event["Records"].as_array().into_iter().flatten() {
            let work = serde_json::from_str::<Value>(record["body"].as_str().unwrap_or_default());
            let id = work.ok().and_then(|work| work["finding"]["asff"]["id"].as_str().map(str::to_owned));
            if let Some(id) = id.filter(|id| !id.contains(":444455556666:")) {
                findings.insert(id.clone(), about_role(&id, "quiet-role")?);
            }
        }
    }
    emit(false).await?;
    system.import(&findings.into_values().collect::<Vec<_>>()).await?;
    emit(true).await?;
    Ok(())
}

fn recorded(event: &str) -> Result<Invoked, String> {
    let recorded = fixture_json(&format!("answers/{event}"))?;
    if let Some(answer) = recorded.get("answer") {
        return Ok(Ok(answer.clone()));
    }
    let error = |member: &str| recorded["error"][member].as_str().map(without_layout).unwrap_or_default();
    Ok(Err((error("errorType"), error("errorMessage"))))
}

async fn invoke(system: &System, function: &str, event: &str) -> Result<Invoked, String> {
    let output = cargo_lambda(system, function, event).await?;
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
async fn cargo_lambda(system: &System, function: &str, event: &str) -> Result<std::process::Output, String> {
    let tools = env::var_os("EVENTIDE_TOOLS").map_or_else(|| repository().join(".tools"), PathBuf::from);
    let program = tools.join("venv/bin/cargo-lambda");
    Command::new(&program)
        .args(["lambda", "invoke", "--remote", "--endpoint-url", system.cloud().endpoint(), "--data-file"])
        .arg(repository().join("events").join(event))
        .arg(system.output(function)?)
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
