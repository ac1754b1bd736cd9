//! Every file in `events/finding-enrich` gives its recorded answer, or its recorded error, and does to findings and
//! queues what is recorded with it.
//!
//! The records are in `events/answers/finding-enrich`. After a change that is meant to change them, run this test with
//! `EVENTIDE_RECORD=1`, and read the difference before it is committed. An event is delivered once: messages that the
//! function sends itself are recorded, not delivered. Security Hub has every finding but those of account
//! 444455556666; Detective ends the investigations that a message already knows of as CRITICAL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use eventide_clients::detective::{Detective as _, Ending, Script};
use eventide_clients::security_hub::{FindingId, OcsfId};
use eventide_kit::event;
use eventide_kit::sqs::SqsEvent;
use eventide_types::finding::Reference;
use eventide_types::investigation::{Indicator, Severity};
use eventide_types::work::{State, Work};
use serde_json::{Map, Value, json};

use crate::support::World;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    files.collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The messages of an event that are work.
fn works(event: &Value) -> Vec<Work> {
    let records = event["Records"].as_array().into_iter().flatten();
    records.filter_map(|record| serde_json::from_str(record["body"].as_str()?).ok()).collect()
}

/// A world in which what the messages name exists.
async fn world_of(works: &[Work]) -> World {
    let world = World::new();
    for arn in ["role/service/payments/PaymentsBatch", "role/service/Analytics", "user/build-agent"] {
        world.iam.add(&format!("arn:aws:iam::111122223333:{arn}"));
    }
    for work in works {
        match work.finding.clone() {
            Reference::Asff { id, .. } if id.contains(":444455556666:") => {}
            Reference::Asff { id, product_arn } => world.hub.add_new(&FindingId { id, product_arn }),
            Reference::Ocsf { metadata_uid, account, finding_uid, product_uid } => {
                world.hub.add_ocsf(&OcsfId { metadata_uid, account, finding_uid, product_uid });
            }
        }
        for progress in &work.investigations {
            let State::Started { window, .. } = &progress.state else { continue };
            let arn = &progress.principal.arn;
            let indicators = vec![Indicator::FlaggedIpAddress { ip_address: "203.0.113.10".into() }];
            let ending = Ending::Successful { severity: Severity::Critical, indicators };
            world.detective.script(arn, Script { running_gets: 0, ending });
            let graph = world.detective.graph(&work.region).await.unwrap().unwrap();
            world.detective.start(&work.region, &graph, arn, window).await;
        }
    }
    world
}

/// What Security Hub shows of a finding.
fn shown(world: &World, finding: &Reference) -> Value {
    match finding.clone() {
        Reference::Asff { id, product_arn } => {
            let current = world.hub.finding(&FindingId { id, product_arn });
            current.map_or(Value::Null, |finding| {
                let note = finding.note.map(|note| note.text);
                json!({ "note": note, "userDefinedFields": finding.user_defined_fields })
            })
        }
        Reference::Ocsf { metadata_uid, account, finding_uid, product_uid } => {
            let id = OcsfId { metadata_uid, account, finding_uid, product_uid };
            json!({ "comment": world.hub.comment(&id) })
        }
    }
}

async fn record(payload: &[u8]) -> Value {
    let event = match event::parse::<SqsEvent>(payload) {
        Ok(event) => event,
        Err(error) => {
            let (error_type, message) = (error.qualified_type(), error.to_string());
            return json!({ "error": { "errorType": error_type, "errorMessage": message } });
        }
    };
    let works = works(&serde_json::from_slice(payload).unwrap());
    let world = world_of(&works).await;
    let answer = world.function.enrich(event, &world.invocation).await.unwrap();
    let findings: Map<_, _> =
        works.iter().map(|work| (work.finding.id().to_owned(), shown(&world, &work.finding))).collect();
    let queued = world.queue.take().into_iter().map(|message| {
        let work: Value = serde_json::from_str(&message.body).unwrap();
        json!({ "delaySeconds": message.delay_seconds, "work": work })
    });
    let failed = world
        .dead_letters
        .sent()
        .into_iter()
        .map(|(record, error_type)| json!({ "messageId": record.message_id, "errorType": error_type }));
    json!({
        "answer": answer,
        "findings": findings,
        "queued": queued.collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
    })
}

#[tokio::test]
async fn every_event_gives_what_is_recorded() {
    let (events, answers) = (folder("finding-enrich"), folder("answers/finding-enrich"));
    let files = names(&events);
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
        let actual = record(&fs::read(events.join(&name)).unwrap()).await;
        assert_eq!(actual, read(&answers.join(&name)), "{name}");
    }
}

#[test]
fn first_messages_are_what_finding_investigate_queues() {
    let answers = folder("answers/finding-investigate");
    let queued: Vec<Work> = names(&answers)
        .iter()
        .flat_map(|name| read(&answers.join(name))["queued"].as_array().cloned().unwrap_or_default())
        .map(|work| serde_json::from_value(work).unwrap())
        .collect();
    let events = folder("finding-enrich");
    for name in names(&events) {
        for work in works(&read(&events.join(&name))).iter().filter(|work| work.hop == 0) {
            assert!(queued.contains(work), "{name}: {work:?}");
        }
    }
}
