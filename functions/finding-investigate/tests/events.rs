//! Every file in `events/finding-investigate` gives its recorded answer and messages, or its recorded error.
//!
//! The records are in `events/answers/finding-investigate`. After a change that is meant to change them, run this
//! test with `EVENTIDE_RECORD=1`, and read the difference before it is committed.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use eventide_clients::sqs::FakeQueue;
use eventide_kit::clock::{Clock, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::{Error, Invocation, event};
use finding_investigate::FindingInvestigate;
use finding_investigate::decide::Settings;
use finding_investigate::event::Event;
use serde_json::{Value, json};
use time::macros::datetime;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    files.collect()
}

async fn record(payload: &[u8]) -> Value {
    let clock = ManualClock::new(datetime!(2026-11-20 12:00 UTC));
    let queue = FakeQueue::default();
    let shared: Arc<dyn Clock> = Arc::new(clock);
    let settings = Settings { look_back: time::Duration::days(30), reinvestigate: false };
    let function = FindingInvestigate::new(settings, queue.clone(), Arc::clone(&shared));
    let invocation = Invocation::for_tests("request", Deadline::after(Duration::from_secs(30), shared));
    let result = match event::parse::<Event>(payload) {
        Ok(event) => function.investigate(event, &invocation).await,
        Err(error) => Err(error),
    };
    let mut recorded = match result {
        Ok(answer) => json!({ "answer": answer }),
        Err(error) => {
            json!({ "error": { "errorType": error.qualified_type(), "errorMessage": error.to_string() } })
        }
    };
    let queued =
        queue.take().into_iter().map(|message| serde_json::from_str::<Value>(&message.body).unwrap());
    recorded["queued"] = queued.collect();
    recorded
}

#[tokio::test]
async fn every_event_gives_what_is_recorded() {
    let (events, answers) = (folder("finding-investigate"), folder("answers/finding-investigate"));
    let files = names(&events);
    assert!(files.len() >= 12, "{files:?}");
    if env::var_os("EVENTIDE_RECORD").is_some() {
        fs::create_dir_all(&answers).unwrap();
        for name in &files {
            let recorded = record(&fs::read(events.join(name)).unwrap()).await;
            let text = serde_json::to_string_pretty(&recorded).unwrap();
            fs::write(answers.join(name), text + "\n").unwrap();
        }
    }
    assert_eq!(names(&answers), files, "one record an event");
    for name in files {
        let expected: Value = serde_json::from_slice(&fs::read(answers.join(&name)).unwrap()).unwrap();
        let actual = record(&fs::read(events.join(&name)).unwrap()).await;
        assert_eq!(actual, expected, "{name}");
    }
}

#[tokio::test]
async fn a_queue_that_does_not_answer_fails_the_invocation() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(datetime!(2026-11-20 12:00 UTC)));
    let settings = Settings { look_back: time::Duration::days(30), reinvestigate: false };
    let invocation = Invocation::for_tests("r", Deadline::after(Duration::from_secs(30), Arc::clone(&clock)));
    let payload = fs::read(folder("finding-investigate").join("imported-role-assumed.json")).unwrap();
    for whole_call in [true, false] {
        let queue = FakeQueue::default();
        let error = Error::retryable("Throttled", "`SendMessageBatch` was throttled");
        if whole_call {
            queue.fail_next(error)
        } else {
            queue.reject_next(error)
        }
        let function = FindingInvestigate::new(settings, queue, Arc::clone(&clock));
        let failed = function.investigate(event::parse(&payload).unwrap(), &invocation).await.unwrap_err();
        assert_eq!(failed.error_type(), "Throttled");
    }
}

#[tokio::test]
async fn a_finding_that_does_not_parse_keeps_no_other_from_being_queued() {
    let file = fs::read(folder("finding-investigate").join("custom-action-several-findings.json")).unwrap();
    let mut whole: Value = serde_json::from_slice(&file).unwrap();
    let count = whole["detail"]["findings"].as_array().unwrap().len();
    whole["detail"]["findings"][1]["Resources"] = json!("no list");
    let recorded = record(whole.to_string().as_bytes()).await;
    assert_eq!(recorded["error"]["errorType"], "Permanent.InvalidEvent");
    let message = recorded["error"]["errorMessage"].as_str().unwrap();
    assert!(message.contains("detail.findings[1]") && message.contains("Resources"), "{message}");
    assert!(!message.contains("no list"), "{message}");
    assert_eq!(recorded["queued"].as_array().unwrap().len(), count - 1);
}
