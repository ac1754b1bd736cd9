//! The local cloud as a process: it starts with clear words or not at all, and leaves nothing behind.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use eventide_local::process;
use eventide_testing::{LocalCloud, eventually};
use http::Method;
use serde_json::{Value, json};

const WAIT: Duration = Duration::from_secs(15);

/// A local cloud with a function process in it; the process group of both MiniStack and the function.
async fn with_function() -> Result<(LocalCloud, u32), String> {
    let cloud = LocalCloud::start().await?;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let request = json!({
        "template": fixtures.join("scratch.yaml"), "stack": "scratch", "code": fixtures.join("bin"),
    });
    let deployed = cloud.control(Method::POST, "deploy", Some(&request)).await?;
    let function = deployed.pointer("/outputs/Function").and_then(Value::as_str).unwrap_or_default();
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let answer = cloud.rest("lambda", Method::POST, &path, Some(&json!({}))).await?;
    assert_eq!(answer, json!({ "sent": true }));
    let health = cloud.control(Method::GET, "health", None).await?;
    let group = health
        .pointer("/ministack/pid")
        .and_then(Value::as_u64)
        .and_then(|pid| u32::try_from(pid).ok())
        .unwrap_or(0);
    let processes = process::in_group(group);
    assert!(processes.iter().any(|pid| command(*pid).contains("bootstrap")), "{processes:?}");
    Ok((cloud, group))
}

fn command(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

async fn gone(group: u32) -> Result<(), String> {
    let empty = || async { process::in_group(group).is_empty().then_some(()) };
    eventually("the process group is empty", WAIT, empty).await
}

#[tokio::test]
async fn ends_with_its_standard_input() -> Result<(), String> {
    let (cloud, group) = with_function().await?;
    let pid = cloud.pid();
    drop(cloud);
    assert!(!process::is_alive(pid));
    assert_eq!(process::in_group(group), [0_u32; 0], "gone before the local cloud itself is");
    Ok(())
}

#[tokio::test]
async fn leaves_nothing_when_it_is_killed() -> Result<(), String> {
    let (cloud, group) = with_function().await?;
    process::signal(cloud.pid(), "KILL")?;
    gone(group).await
}

#[tokio::test]
async fn detached_it_runs_until_it_is_told_to_end() -> Result<(), String> {
    let state = tempfile::tempdir().map_err(|error| error.to_string())?;
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_eventide-local"))
            .args(arguments)
            .arg("--state")
            .arg(state.path())
            .output()
            .map_err(|error| error.to_string())?;
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        Ok::<_, String>((output.status.success(), text.concat()))
    };
    let (success, text) = run(&["up", "--port", "0", "--detach"])?;
    assert!(success && text.contains("export AWS_ENDPOINT_URL=http://127.0.0.1:"), "{text}");
    let (success, text) = run(&["up", "--port", "0"])?;
    assert!(!success && text.contains("already running at http://127.0.0.1:"), "{text}");
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/scratch.yaml");
    let code = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bin");
    let deploy = ["deploy", "--template", template, "--stack", "cli", "--code", code];
    let (success, text) = run(&[&deploy[..], &["--parameter", "RuleOrder=3"]].concat())?;
    assert!(success && text.contains("FailedQueueUrl = http"), "{text}");
    assert!(text.contains("taken out: MarkingRule (AWS::SecurityHub::AutomationRule)"), "{text}");
    let (success, text) = run(&[&deploy[..], &["--parameter", "RuleOrder"]].concat())?;
    assert!(!success && text.contains("`RuleOrder`, expected `NAME=VALUE`"), "{text}");
    let (success, text) = run(&["status"])?;
    assert!(success && text.contains("stack      cli"), "{text}");
    assert_eq!(run(&["delete", "--stack", "cli"])?, (true, "Deleted cli.\n".into()));
    assert_eq!(run(&["down"])?, (true, "Ended.\n".into()));
    assert_eq!(run(&["down"])?, (true, "Not running.\n".into()));
    Ok(())
}

#[test]
fn a_missing_tool_is_one_clear_line() -> Result<(), String> {
    let state = tempfile::tempdir().map_err(|error| error.to_string())?;
    let output = Command::new(env!("CARGO_BIN_EXE_eventide-local"))
        .args(["up", "--port", "0", "--tools", "/nonexistent", "--state"])
        .arg(state.path())
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert_eq!(text, "eventide-local: no MiniStack in `/nonexistent`: run `make tools`\n");
    Ok(())
}
