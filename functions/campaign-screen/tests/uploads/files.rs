//! What is made of a file.

use eventide_types::campaign::keys::Form;
use eventide_types::campaign::record::State;
use serde_json::json;

use crate::support::{KEY, LAMP, NOW, TABLE, World, three_rows};

/// `three_rows`, compressed by Python's `gzip`.
const GZIPPED: &str = "1f8b0800000000000203b58f498ec2400c45f748dcc1ca160b294c0d3b24f6acb880937c94a26b40550e81db6306\
    f50d7a6759cfeffbbb8edb5e6284674d5c86e682565971d7e9a46604719e658fbb84abc7bc4d818f180b57871440\
    123b2a00a52153c448497e49a5f1a0d1694fe7d7deec2e171225ed41a54f576a1eef39bb1b72359d2cb884c2b3d5\
    ae5ed7f562b95a6f7eb6ccd5c9106fb185d2d978678e4187104932c8c53f1dbfdf80b91e94223e3402d941900eaf\
    342bd859d0f2dba7f9df3e4f91d3763a53010000";

#[tokio::test]
async fn a_file_is_read_and_its_contents_are_to_be_classified() {
    let mut world = World::new();
    let event = world.upload(KEY, three_rows());
    world.take(&event).await;

    let record = world.record().await;
    assert_eq!((record.state, record.form, record.gzip), (State::Classifying, Form::Csv, false));
    assert_eq!(record.uploaded_at, NOW);
    assert!(record.due_at > Some(NOW), "somebody looks after it");
    assert_eq!(record.upload.len(), 16);
    let counts = record.counts;
    assert_eq!((counts.rows, counts.unparsed, counts.contents), (3, 0, 2));
    assert_eq!((counts.known, counts.documents), (0, 2));
    let email = format!("News {TABLE}");
    assert_eq!(world.documents().await, [email.as_str(), LAMP]);
    let contents = world.contents().await;
    let ids: String = contents.iter().map(|content| format!("{}\n", content.content)).collect();
    assert_eq!(world.work("document-ids.txt").await, ids);
    assert_eq!(
        contents.iter().map(|content| content.text.as_str()).collect::<Vec<_>>(),
        [email.as_str(), LAMP]
    );
    assert!(contents.iter().all(|content| content.judged.is_none() && content.parts == 1));
    assert_eq!(world.work("scores-known.jsonl").await, "");
    let expected = json!({"campaign": "spring", "upload": record.upload});
    assert_eq!(world.sent(), (vec![expected], vec![]));
}

#[tokio::test]
async fn it_comes_to_the_same_however_the_bytes_come() {
    let jsonl = format!(
        "{{\"campaign\": {{\"channel\": \"email\", \"subject\": \"News\"}}}}\n{{\"id\": \"1\", \"to\": \"a@example.com\", \
         \"text\": \"{TABLE}\"}}\n{{\"id\": 2}}\n{{\"id\": \"3\", \"to\": \"b@example.com\", \"text\": \"{LAMP} \u{1F6CB}\"}}"
    );
    let gzipped = hex::decode(GZIPPED).unwrap();
    let files: [(&str, Vec<u8>, u64); 4] = [
        (KEY, three_rows().into_bytes(), 0),
        (KEY, [b"\xEF\xBB\xBF", three_rows().as_bytes()].concat(), 0),
        ("campaigns/spring.csv.gz", gzipped, 0),
        ("campaigns/spring.jsonl", jsonl.into_bytes(), 1),
    ];
    for (key, body, unparsed) in files {
        let mut outcomes = Vec::new();
        for chunk in [1, 2, 3, 5, 7, 64, 1_000_000] {
            let mut world = World::new();
            world.fakes.campaigns.in_chunks_of(chunk);
            let event = world.upload(key, body.clone());
            world.take(&event).await;
            let outcome = world.outcome().await;
            assert_eq!(
                (outcome.campaign.counts.rows, outcome.campaign.counts.unparsed),
                (3, unparsed),
                "{key}"
            );
            assert_eq!(outcome.campaign.counts.documents, 2, "{key}");
            outcomes.push(outcome);
        }
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{key}");
    }
}

#[tokio::test]
async fn both_shapes_of_s3_news_are_understood_and_what_is_no_campaign_is_left_alone() {
    let mut world = World::new();
    let told = world.upload(KEY, three_rows());
    let object = &told["detail"]["object"];
    let notification = json!({"Records": [
        {"eventName": "ObjectRemoved:Delete", "s3": {"bucket": {"name": "campaigns"}, "object": {"key": "campaigns/x.csv"}}},
        {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "campaigns"}, "object": {
            "key": "campaigns%2Fspring.csv", "size": object["size"], "eTag": object["etag"],
            "versionId": object["version-id"], "sequencer": object["sequencer"]}}},
    ]});
    world.take(&json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "campaigns"})).await;
    let sidecar = world.upload("campaigns/spring.campaign.json", "{}");
    world.take(&sidecar).await;
    let decisions = world.upload("decisions/spring/ann.csv", "content,decision\n");
    world.take(&decisions).await;
    assert!(world.fakes.store.all_campaigns().is_empty());
    world.take(&notification).await;
    assert_eq!(world.record().await.state, State::Classifying);
    world.take(&told).await;
    assert_eq!(world.sent().0.len(), 1, "the same upload, told in both shapes");
}

#[tokio::test]
async fn what_is_no_campaigns_key_or_no_event_is_set_aside() {
    for (key, class) in [
        ("campaigns/spring.txt", "Permanent.InvalidKey"),
        ("campaigns/sp ring.csv", "Permanent.InvalidKey"),
        ("elsewhere/spring.csv", "Permanent.InvalidKey"),
    ] {
        let mut world = World::new();
        let event = world.upload(key, three_rows());
        world.settle(&event).await;
        let letters = world.fakes.dead_letters.sent();
        assert_eq!(letters.iter().map(|(_, class)| class.as_str()).collect::<Vec<_>>(), [class], "{key}");
        assert!(world.fakes.store.all_campaigns().is_empty() && world.fakes.work.keys().is_empty());
    }
    let world = World::new();
    world.settle(&json!({"campaign": "spring"})).await;
    assert_eq!(world.fakes.dead_letters.sent()[0].1, "Permanent.InvalidEvent");
}
