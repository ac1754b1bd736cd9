//! Each message meets its verdict.

use eventide_types::campaign::record::State;
use serde_json::{Value, json};

use crate::support::{HEADER, NOW, UPLOAD, WORK, World, asked, every_verdict};

fn strings(verdicts: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    verdicts.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect()
}

#[tokio::test]
async fn every_message_gets_the_verdict_on_its_content() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.take(&asked()).await;
    let expected = strings(&[
        ("1", "approved", "compliant"),
        ("2", "rejected", "restricted"),
        ("3", "held", "low_confidence"),
        ("5", "held", "no_answer"),
        ("6", "held", "wrong_language"),
        ("7", "approved", "compliant"),
        ("8", "held", "low_confidence"),
        ("9", "approved", "compliant"),
    ]);
    assert_eq!(world.verdicts(), expected);
    let lines = world.told("verdicts.jsonl");
    assert_eq!((&lines[1]["category"], &lines[1]["line"]), (&json!("gambling"), &json!(3)));
    assert_eq!(lines[3].get("category"), None);
    assert!(lines.iter().all(|line| line.get("to").is_none() && line.get("text").is_none()));

    assert_eq!(world.sent("first"), ["1", "7", "9"].map(str::to_owned).into());
    let unparsed = world.told("unparsed.jsonl");
    assert_eq!((unparsed.len(), &unparsed[0]["line"]), (1, &json!(5)));
    let record = world.record().await;
    assert_eq!((record.state, record.screened_at, record.due_at), (State::Sending, Some(NOW), None));
    let counts = record.counts;
    assert_eq!(
        (counts.rows, counts.unparsed, counts.approved, counts.held, counts.rejected),
        (9, 1, 3, 4, 1)
    );

    let (kind, told) = world.events().remove(0);
    assert_eq!((world.events().len(), kind.as_str()), (1, "Campaign Screened"));
    let part = json!({"campaign": "spring", "upload": UPLOAD, "rows": 9, "approved": 3, "held": 4, "rejected": 1,
        "unparsed": 1, "bucket": "reports", "verdicts": "spring/verdicts.jsonl", "review": "spring/review.jsonl"});
    for (name, value) in part.as_object().unwrap() {
        assert_eq!(&told[name], value, "{name}");
    }
    assert_eq!((world.to_send().len(), world.to_report()), (2, 1), "a shard of each channel, and a report");
}

#[tokio::test]
async fn a_person_gets_what_is_held_with_its_scores() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.take(&asked()).await;
    let review = world.told("review.jsonl");
    let told: Vec<_> = review
        .iter()
        .map(|line| {
            (
                line["text"].as_str().unwrap(),
                line["messages"].as_u64().unwrap(),
                line["reason"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("A held offer", 2, "low_confidence"),
        ("A silent one", 1, "no_answer"),
        ("Ein fremder Text", 1, "wrong_language"),
    ];
    assert_eq!(told, expected);
    assert_eq!(review[0]["scores"]["parts"][0]["labels"][0]["name"], json!("compliant"));
    assert_eq!(review[1]["scores"], Value::Null);
}

#[tokio::test]
async fn what_people_decided_before_holds() {
    let world = World::new(&every_verdict(), json!({})).await;
    world.decide("A held offer", true).await;
    world.decide("Ein fremder Text", false).await;
    // Only what is held is up to people.
    world.decide("News A rejected casino", true).await;
    world.decide("News An approved table", false).await;
    world.take(&asked()).await;
    let verdicts = world.verdicts();
    let of = |id: &str| {
        verdicts
            .iter()
            .find(|verdict| verdict.0 == id)
            .map(|verdict| (verdict.1.as_str(), verdict.2.as_str()))
    };
    assert_eq!(of("3"), Some(("approved", "person_approved")));
    assert_eq!(of("6"), Some(("rejected", "person_rejected")));
    assert_eq!(of("2"), Some(("rejected", "restricted")));
    assert_eq!(of("1"), Some(("approved", "compliant")));
    assert_eq!(world.sent("first"), ["1", "3", "7", "8", "9"].map(str::to_owned).into());
}

#[tokio::test]
async fn what_was_never_gathered_is_not_sent() {
    let world = World::new(&every_verdict(), json!({})).await;
    // Nothing but the first content is known.
    let contents = world.fakes.work.body(&WORK.contents()).unwrap();
    let first = contents.split(|byte| *byte == b'\n').next().unwrap().to_vec();
    world.fakes.work.add(&WORK.contents(), first);
    world.take(&asked()).await;
    assert_eq!(world.sent("first"), ["1", "7"].map(str::to_owned).into());
    assert_eq!(world.record().await.counts.held, 6);
}

#[tokio::test]
async fn without_anything_approved_there_is_nothing_to_send_and_that_is_told() {
    let world =
        World::new(&format!("{HEADER}1,email,a@example.com,,News,A rejected casino\n"), json!({})).await;
    world.take(&asked()).await;
    assert_eq!(world.record().await.state, State::Sending);
    assert!(world.fakes.store.all_shards().is_empty() && world.to_send().is_empty());
    assert_eq!((world.events().len(), world.to_report()), (1, 1));
}

#[tokio::test]
async fn the_same_bytes_are_written_every_time() {
    let mut outcomes = Vec::new();
    for chunk in [1, 7, 100, 1_000_000] {
        let world = World::new(&every_verdict(), json!({"window": {"from": "08:00", "to": "20:00"}})).await;
        world.fakes.campaigns.in_chunks_of(chunk);
        world.fakes.work.in_chunks_of(chunk);
        world.take(&asked()).await;
        let first = world.outcome().await;
        world.change(|record| (record.state, record.screened_at) = (State::Judging, None)).await;
        world.take(&asked()).await;
        assert_eq!(world.outcome().await, first);
        outcomes.push(first);
    }
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
}
