//! Results that the warehouse wrote.

use eventide_clients::redshift_data::{Ending, Operation as Call};
use eventide_clients::s3::Operation as Object;
use eventide_kit::Error;
use eventide_types::mart::request::{Record, State};
use serde_json::{Value, json};

use crate::support::{LAST, World, end_of};

async fn unloaded(manifest: Option<&Value>) -> (World, Record) {
    let world = World::new();
    let record = world
        .ended(Ending::Finished(None), |record| {
            record["unload"] = json!(true);
            record["format"] = json!("parquet");
        })
        .await;
    if let Some(manifest) = manifest {
        world.fakes.bucket.add(&format!("{}/manifest", record.key), manifest.to_string());
    }
    (world, record)
}

/// As in the Database Developer Guide, "UNLOAD examples", with files of a request's key.
fn manifest(files: &[(u64, u64)], rows: u64) -> Value {
    let key = "s3://results/humanresources/rates/rate_changes_by_department_year/2026/11/23/4f1c";
    let entries = files.iter().enumerate().map(|(index, (bytes, rows))| {
        json!({
            "url": format!("{key}/{index:04}_part_00.parquet"),
            "meta": {"content_length": bytes, "record_count": rows}
        })
    });
    json!({
        "entries": entries.collect::<Vec<_>>(),
        "schema": {"elements": [
            {"name": "department", "type": {"base": "character varying", "max_length": 50}},
            {"name": "rate", "type": {"base": "numeric", "precision": 10, "scale": 4}}
        ]},
        "meta": {"content_length": files.iter().map(|(bytes, _)| bytes).sum::<u64>(), "record_count": rows},
        "author": {"name": "Amazon Redshift", "version": "1.0.0"}
    })
}

#[tokio::test]
async fn its_manifest_becomes_ours() {
    let (mut world, record) = unloaded(Some(&manifest(&[(700, 8), (300, 4)], 12))).await;
    world.end_of(&record).await;
    let ours = world.manifest(&record);
    let files = json!([
        {"key": format!("{}/0000_part_00.parquet", record.key), "bytes": 700, "rows": 8},
        {"key": format!("{}/0001_part_00.parquet", record.key), "bytes": 300, "rows": 4}
    ]);
    assert_eq!((&ours["files"], &ours["rows"], &ours["bytes"]), (&files, &json!(12), &json!(1000)));
    assert_eq!((&ours["format"], &ours["columns"][1]["type"]), (&json!("parquet"), &json!("numeric")));
    let [(kind, ready)] = &world.events()[..] else { panic!() };
    assert_eq!((kind.as_str(), ready["keys"].as_array().unwrap().len()), ("Data Mart Ready", 2));
}

#[tokio::test]
async fn no_rows_are_a_result_too() {
    let (mut world, record) = unloaded(Some(&manifest(&[], 0))).await;
    world.end_of(&record).await;
    assert_eq!((world.manifest(&record)["rows"].clone(), world.state().await), (json!(0), State::Delivered));
}

#[tokio::test]
async fn an_event_names_a_hundred_files_and_the_manifest_all() {
    let (mut world, record) = unloaded(Some(&manifest(&[(10, 0); 6_000], 0))).await;
    world.end_of(&record).await;
    assert_eq!(world.manifest(&record)["files"].as_array().unwrap().len(), 6_000);
    assert_eq!(world.events()[0].1["keys"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn more_rows_than_the_cap_are_a_failure() {
    let (mut world, record) = unloaded(Some(&manifest(&[(10, 1_001)], 1_001))).await;
    world.end_of(&record).await;
    assert_eq!((world.told(), world.state().await), (vec!["RowCapExceeded".to_owned()], State::Failed));
    assert!(world.body(&record, "manifest.json").is_none());
}

#[tokio::test]
async fn a_manifest_that_cannot_be_right_is_not_delivered() {
    let mut elsewhere = manifest(&[(1, 1)], 1);
    elsewhere["entries"][0]["url"] = json!("s3://other/x.parquet");
    for (manifest, error_type, comes_back) in [
        (None, "Retryable.ManifestMissing", true),
        (Some(manifest(&[(10, 4)], 12)), "Retryable.RowsMissing", true),
        (Some(elsewhere), "Permanent.UnexpectedManifest", false),
        (Some(json!({"entries": 7})), "Permanent.UnexpectedManifest", false),
    ] {
        let (mut world, record) = unloaded(manifest.as_ref()).await;
        assert_eq!(world.deliver(&end_of(&record), 1).await, comes_back, "{error_type}");
        if comes_back {
            assert!(world.events().is_empty() && !world.deliver(&end_of(&record), LAST).await);
        }
        assert_eq!(world.fakes.dead_letters.sent()[0].1, error_type);
        assert_eq!(world.told(), [error_type.split_once('.').unwrap().1]);
        assert!(world.body(&record, "manifest.json").is_none());
    }
}

fn booked(world: &World) -> (u64, u64) {
    let [usage] = &world.fakes.usages.all()[..] else { panic!("booked once") };
    (usage.rows, usage.bytes)
}

fn measured(world: &World) -> [f64; 3] {
    ["Statements", "StatementRows", "StatementBytes"].map(|name| world.invocation.metrics.sum(name, &[]))
}

/// The Data API says nothing of what `UNLOAD` wrote.
#[tokio::test]
async fn what_it_has_is_booked_and_measured_by_its_manifest() {
    let (mut world, record) = unloaded(Some(&manifest(&[(700, 8), (300, 4)], 12))).await;
    world.end_of(&record).await;
    assert_eq!((booked(&world), measured(&world)), ((12, 1_000), [1.0, 12.0, 1_000.0]));
    for _ in 0..2 {
        world.end_of(&record).await;
    }
    assert_eq!((booked(&world), measured(&world)), ((12, 1_000), [1.0, 12.0, 1_000.0]));
}

#[tokio::test]
async fn what_was_booked_without_its_manifest_is_completed_and_then_kept() {
    let (mut world, record) = unloaded(None).await;
    assert!(world.deliver(&end_of(&record), 1).await);
    assert_eq!((booked(&world), measured(&world)), ((0, 0), [1.0, 0.0, 0.0]), "its time counts");

    // It is there, but cannot be read yet; then it can, but the message fails later on.
    world
        .fakes
        .bucket
        .add(&format!("{}/manifest", record.key), manifest(&[(700, 8), (300, 4)], 12).to_string());
    world.fakes.bucket.fail_next(Object::Get, Error::retryable("ServerError", "it failed"));
    assert!(world.deliver(&end_of(&record), 1).await);
    assert_eq!(booked(&world), (0, 0));
    world.fakes.bucket.fail_next(Object::Put, Error::retryable("ServerError", "it failed"));
    assert!(world.deliver(&end_of(&record), 1).await);
    assert_eq!((booked(&world), measured(&world)), ((12, 1_000), [1.0, 12.0, 1_000.0]));

    // A repeat that cannot read it any more takes nothing away.
    world.fakes.bucket.fail_next(Object::Get, Error::retryable("ServerError", "it failed"));
    assert!(world.deliver(&end_of(&record), 1).await);
    assert_eq!((booked(&world), measured(&world)), ((12, 1_000), [1.0, 12.0, 1_000.0]));
    world.end_of(&record).await;
    assert_eq!((booked(&world), measured(&world)), ((12, 1_000), [1.0, 12.0, 1_000.0]));
    assert_eq!((world.told(), world.state().await), (vec!["Data Mart Ready".to_owned()], State::Delivered));
}

#[tokio::test]
async fn what_was_unloaded_in_vain_is_booked_too() {
    let (mut world, record) = unloaded(Some(&manifest(&[(10, 1_001)], 1_001))).await;
    world.end_of(&record).await;
    assert_eq!((world.told(), booked(&world)), (vec!["RowCapExceeded".to_owned()], (1_001, 10)));
    // Its files expire before the last repeat comes.
    world.fakes.bucket.delete(&format!("{}/manifest", record.key));
    world.end_of(&record).await;
    world.fakes.redshift.fail_next(Call::Describe, Error::retryable("ServerError", "it failed"));
    assert!(world.deliver(&end_of(&record), 1).await);
    assert_eq!((booked(&world), measured(&world)), ((1_001, 10), [1.0, 1_001.0, 10.0]));
}
