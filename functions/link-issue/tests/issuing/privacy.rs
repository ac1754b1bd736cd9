//! Nothing personal, and no link, in logs, errors, metrics and what is printed of anything.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventide_clients::email::Sent;
use eventide_clients::links::Operation;
use eventide_kit::Error;
use eventide_types::link::flow::FlowEvent;
use serde_json::{Value, json};
use tracing::Level;

use crate::support::{EMAIL, PHONE, TOKEN_SECRET, World, contact, event, voice, with};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn read(event: &Value) -> FlowEvent {
    serde_json::from_value(event.clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn logs_at_trace_level_name_nobody() {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mut printed = Vec::new();
    let mut urls = Vec::new();
    type Trouble = fn(&World);
    let troubles: [Trouble; 8] = [
        |_| {},
        |world| world.fakes.sms.opt_out(PHONE),
        |world| world.fakes.email.lose_next_answer(),
        |world| world.set_delays(Duration::from_secs(9), Duration::from_secs(9)),
        |world| world.fakes.email.answer_next(Sent::Refused { reason: "MessageRejected".to_owned() }),
        |world| world.fakes.sms.fail_next(Error::environment("AccessDenied", "it was denied")),
        |world| *world.fakes.settle_fails.lock().unwrap() = Some(Error::retryable("Throttled", "try again")),
        |world| world.fakes.links.fail_next(Operation::Open, Error::retryable("Throttled", "try again")),
    ];
    for trouble in troubles {
        let mut world = World::new();
        trouble(&world);
        let big = contact(|contact| contact["Attributes"]["order"] = json!("Ana ".repeat(9_000)));
        let bad = contact(|contact| contact["ContactId"] = json!(EMAIL));
        let wrong = with(json!({ "phone": "0555 555 0100", "email": "ana at example.com" }));
        for event in
            [voice(), voice(), big, bad, wrong, with(json!({ "request": "2" })), event("hostile-name")]
        {
            match world.invoke(&event).await {
                Ok(answer) => printed.push(format!("{answer} {:?}", read(&event))),
                Err(error) => printed.push(format!("{error} {error:?}")),
            }
        }
        urls.extend(world.texted().into_iter().chain(world.mailed()));
        printed.push(world.environment().printed());
        printed.push(format!("{:?} {:?}", world.entries().await, world.fakes.links));
        for invocation in &world.invocations {
            printed.extend(invocation.metrics.take_lines(world.now()));
        }
    }
    drop(guard);
    let logs = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for expected in [
        "link asked for",
        "message not sent",
        "nobody knows whether it was sent",
        "is not written down",
        "left out",
    ] {
        assert!(logs.contains(expected), "the logs are those of all troubles: {expected}");
    }
    assert!(urls.len() > 16, "{}", urls.len());
    let everything = format!("{logs}\n{}", printed.join("\n"));
    let tokens = urls.iter().map(|url| url.query["t"].clone());
    let personal = [
        PHONE,
        EMAIL,
        "5550100",
        "0555 555",
        "ana at",
        "Ana",
        "https://chat.example.com/c",
        "Signature",
        TOKEN_SECRET,
        "PRIVATE KEY",
    ];
    for found in personal.map(str::to_owned).into_iter().chain(tokens) {
        let line = everything.lines().find(|line| line.contains(&found));
        assert!(line.is_none(), "`{found}` in {line:?}");
    }
}

/// What is stored under a name that everybody can read in the table tells nothing without the secret.
#[tokio::test]
async fn effects_and_their_keys_are_names_made_with_the_secret() {
    let mut world = World::new();
    world.ask(&voice()).await;
    for entry in world.entries().await {
        let parts = entry.key.split('-').collect::<Vec<_>>();
        assert!(
            parts.len() == 4 && parts[0] == "link" && ["sms", "email"].contains(&parts[3]),
            "{}",
            entry.key
        );
        assert!(world.link().0.hash.as_str().starts_with(parts[1]) && parts[2].len() == 32);
        let details = entry.detail.keys().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(details, ["channel", "contact", "expires_at", "message_id"]);
    }
    let answer = world.ask(&voice()).await.to_string();
    assert!(!answer.contains("t=") && !answer.contains(EMAIL) && !answer.contains(PHONE), "{answer}");
}
