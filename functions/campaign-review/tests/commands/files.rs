//! Decisions as files.

use serde_json::json;

use crate::support::{CAMPAIGN, World, held};

#[tokio::test]
async fn both_forms_are_carried_out() {
    let csv = format!(
        "\u{feff}content,decision,by,reason,label\r\n{},approve,bob,\"fine, really\",\r\n{},reject,,,gambling\r\n",
        held(1),
        held(2)
    );
    let lines = format!(
        "{}\n\n{}",
        json!({"content": held(1), "decision": "approve", "by": "bob", "reason": "fine, really"}),
        json!({"content": held(2), "decision": "reject", "label": "gambling"})
    );
    for (name, body) in [("ann.csv", csv), ("ann.jsonl", lines)] {
        let mut world = World::new().await;
        let key = format!("decisions/{CAMPAIGN}/{name}");
        let event = world.upload(&key, &body);
        world.take(&event).await;
        let decisions = world.fakes.store.all_decisions();
        let [first, second] = &decisions[..] else { panic!("two decisions") };
        assert_eq!(
            (first.approved, first.by.as_str(), first.reason.as_deref()),
            (true, "bob", Some("fine, really"))
        );
        assert_eq!((second.approved, second.label.as_deref()), (false, Some("gambling")));
        assert_eq!(second.by, "111122223333", "who uploaded it, if the row does not say");
        assert!(first.source.starts_with(&format!("{key}@")), "{}", first.source);
        assert_eq!(world.judge().len(), 1);
        // Deleted since: it was carried out before.
        let before = world.fakes.store.all_decisions();
        world.take(&event).await;
        assert_eq!((world.judge()[0] == world.judge()[1], world.fakes.store.all_decisions()), (true, before));
    }
}

#[tokio::test]
async fn a_bad_row_refuses_the_whole_file_and_is_not_quoted() {
    let (good, secret) = (held(1), "reader-1@example.com");
    for (name, body, line) in [
        ("a.csv", format!("content,decision\n{good},approve\n{secret},approve\n"), 3),
        ("a.csv", format!("content,decision\n{good},approve\n{good},{secret}\n"), 3),
        ("a.csv", format!("content,decision\n{good}\n"), 2),
        ("a.csv", format!("content,decision,by\n{good},approve,{}\n", "x".repeat(257)), 2),
        ("a.csv", format!("content,decision,by,reason\n{good},approve,ann,{}\n", "x".repeat(1_025)), 2),
        ("a.jsonl", format!("{{\"content\":\"{good}\",\"decision\":\"approve\",\"to\":\"{secret}\"}}"), 1),
        ("a.jsonl", format!("{{\"content\":\"{good}\",\"decision\":\"approve\"}}\n{secret}"), 2),
    ] {
        let mut world = World::new().await;
        let event = world.upload(&format!("decisions/{CAMPAIGN}/{name}"), &body);
        assert_eq!(world.refused(&event).await, "Permanent.InvalidDecisions", "{body}");
        let reason = &world.fakes.dead_letters.reasons()[0];
        assert!(reason.contains(&format!("line {line}: ")) && !reason.contains(secret), "{reason}");
        assert!(world.fakes.store.all_decisions().is_empty() && world.judge().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn a_content_that_is_not_held_refuses_the_whole_file() {
    let mut world = World::new().await;
    let body = format!("content,decision\n{},approve\n{},approve\n", held(1), held(5));
    let event = world.upload(&format!("decisions/{CAMPAIGN}/a.csv"), &body);
    assert_eq!(world.refused(&event).await, "Permanent.NotHeld");
    assert!(world.fakes.store.all_decisions().is_empty());
}

#[tokio::test]
async fn of_two_rows_about_one_content_the_first_counts() {
    let mut world = World::new().await;
    let body = format!("content,decision\n{0},reject\n{0},approve\n", held(1));
    let event = world.upload(&format!("decisions/{CAMPAIGN}/a.csv"), &body);
    world.take(&event).await;
    let decisions = world.fakes.store.all_decisions();
    assert_eq!((decisions.len(), decisions[0].approved), (1, false));
}

#[tokio::test]
async fn a_file_without_rows_decides_nothing() {
    for (name, body) in [("a.csv", ""), ("a.csv", "content,decision\n"), ("a.jsonl", "\n")] {
        let mut world = World::new().await;
        let event = world.upload(&format!("decisions/{CAMPAIGN}/{name}"), body);
        world.take(&event).await;
        assert!(world.judge().is_empty() && world.fakes.work.keys().len() == 6);
    }
}

#[tokio::test]
async fn files_that_cannot_be_carried_out_are_set_aside() {
    let too_long = "x".repeat(4 * 1024 * 1024 + 1);
    let row = json!({"content": held(1), "decision": "approve"}).to_string() + "\n";
    let too_many = row.repeat(10_001);
    for (key, body, expected) in [
        (format!("decisions/{CAMPAIGN}/a.txt"), "", "Permanent.InvalidKey"),
        (format!("decisions/{CAMPAIGN}.csv"), "", "Permanent.InvalidKey"),
        ("decisions/other/a.csv".to_owned(), "", "Permanent.UnknownCampaign"),
        (format!("decisions/{CAMPAIGN}/a.csv"), too_long.as_str(), "Permanent.ObjectTooLarge"),
        (format!("decisions/{CAMPAIGN}/a.jsonl"), too_many.as_str(), "Permanent.InvalidDecisions"),
    ] {
        let mut world = World::new().await;
        let event = world.upload(&key, body);
        assert_eq!(world.refused(&event).await, expected, "{key}");
        assert!(world.fakes.store.all_decisions().is_empty());
    }
    let mut world = World::new().await;
    let mut event = world.upload(&format!("decisions/{CAMPAIGN}/a.csv"), "content,decision\n");
    event["detail"]["object"]["version-id"] = json!("gone");
    assert_eq!(world.refused(&event).await, "Permanent.UploadGone");
    // The test event that S3 sends when notifications are configured.
    world = World::new().await;
    world.take(&json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "campaigns"})).await;
    assert_eq!(world.refused(&json!({"campaign": CAMPAIGN})).await, "Permanent.InvalidEvent");
}
