//! Every file in `events/link-issue` gives its recorded answer, or its recorded error.
//!
//! The records are in `events/answers/link-issue`. After a change that is meant to change them, run this test with
//! `EVENTIDE_RECORD=1`, and read the difference before it is committed. When a link expires differs from run to run
//! elsewhere, so it is left out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Value, json};

use crate::support::World;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    files.collect()
}

async fn record(world: &mut World, payload: &[u8]) -> Value {
    let (texts, mails) = world.sent();
    let invocation = world.invocation();
    let mut recorded = match world.environment().invoke(payload, &invocation).await.unwrap() {
        Ok(mut answer) => {
            for (name, value) in answer.as_object().unwrap() {
                assert!(value.is_string(), "{name}");
            }
            if answer["expiresAt"] != "" {
                answer["expiresAt"] = json!("…");
            }
            json!({ "answer": answer })
        }
        Err(error) => {
            json!({ "error": { "errorType": error.qualified_type(), "errorMessage": error.to_string() } })
        }
    };
    let (more_texts, more_mails) = world.sent();
    recorded["sent"] = json!({ "sms": more_texts - texts, "email": more_mails - mails });
    recorded
}

#[tokio::test]
async fn every_event_gives_what_is_recorded() {
    let (events, answers) = (folder("link-issue"), folder("answers/link-issue"));
    let files = names(&events);
    assert!(files.len() >= 20, "{files:?}");
    if env::var_os("EVENTIDE_RECORD").is_some() {
        fs::create_dir_all(&answers).unwrap();
        let mut world = World::new();
        for name in &files {
            let recorded = record(&mut world, &fs::read(events.join(name)).unwrap()).await;
            let text = serde_json::to_string_pretty(&recorded).unwrap();
            fs::write(answers.join(name), text + "\n").unwrap();
        }
    }
    assert_eq!(names(&answers), files, "one record an event");
    let mut world = World::new();
    for name in files {
        let expected: Value = serde_json::from_slice(&fs::read(answers.join(&name)).unwrap()).unwrap();
        let actual = record(&mut world, &fs::read(events.join(&name)).unwrap()).await;
        assert_eq!(actual, expected, "{name}");
    }
}
