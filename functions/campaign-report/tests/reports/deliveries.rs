//! What became of approved messages adds up.

use std::collections::BTreeMap;

use eventide_clients::campaigns::Shards as _;
use eventide_types::campaign::Channel;
use eventide_types::campaign::outgoing::Outgoing;
use eventide_types::campaign::provider::Outcome;
use eventide_types::campaign::record::State;
use serde_json::{Value, json};

use crate::support::{UPLOAD, World, done, messages, of_content, refused, uncertain};

/// Of a channel: how many messages there are of each status.
fn counted(figures: &Value, channel: &str) -> BTreeMap<String, u64> {
    let delivery = figures["delivery"][channel].as_object().unwrap();
    delivery
        .iter()
        .map(|(status, number)| (status.clone(), number.as_u64().unwrap()))
        .filter(|(_, number)| *number > 0)
        .collect()
}

fn numbers(numbers: &[(&str, u64)]) -> BTreeMap<String, u64> {
    numbers.iter().map(|(status, number)| ((*status).to_owned(), *number)).collect()
}

/// The statuses that a message has one of.
fn sum(counted: &BTreeMap<String, u64>) -> u64 {
    ["accepted", "refused", "uncertain", "pending", "notSent", "duplicates"]
        .iter()
        .filter_map(|status| counted.get(*status))
        .sum()
}

#[tokio::test]
async fn every_approved_message_is_counted_once() {
    let world = World::new().await;
    let mails = messages(Channel::Email, 0..250);
    let texts = of_content(8, messages(Channel::Sms, 250..270));
    world.shard("first", &mails).await;
    world.shard("r1", &texts).await;
    for mail in &mails[..120] {
        world.claimed(mail, done()).await;
    }
    for mail in &mails[120..130] {
        world.claimed(mail, refused("MessageRejected")).await;
    }
    for mail in &mails[130..133] {
        world.claimed(mail, uncertain()).await;
    }
    for mail in &mails[133..140] {
        world.claimed(mail, refused("postponed: Throttled")).await;
    }
    world.claimed(&mails[140], None).await;
    for text in &texts[..5] {
        world.claimed(text, refused("DESTINATION_PHONE_NUMBER_OPTED_OUT")).await;
    }
    for (mail, outcome) in mails.iter().zip([
        Outcome::Delivered,
        Outcome::Delivered,
        Outcome::Bounced,
        Outcome::Complained,
        Outcome::Unsubscribed,
        Outcome::Failed,
        Outcome::Accepted,
        Outcome::Delayed,
    ]) {
        world.news(mail, outcome).await;
    }
    let figures = world.report().await;
    let email = counted(&figures, "email");
    let expected = [
        ("accepted", 120),
        ("refused", 10),
        ("uncertain", 3),
        ("pending", 117),
        ("delivered", 2),
        ("bounced", 1),
        ("complained", 1),
        ("unsubscribed", 1),
        ("failed", 1),
    ];
    assert_eq!(email, numbers(&expected));
    let sms = counted(&figures, "sms");
    assert_eq!(sms, numbers(&[("refused", 5), ("pending", 15)]));
    assert_eq!((sum(&email), sum(&sms)), (250, 20));
    assert_eq!(figures["refusals"], json!({"MessageRejected": 10, "DESTINATION_PHONE_NUMBER_OPTED_OUT": 5}));
    let lines = world.deliveries();
    assert_eq!(lines.len(), 270);
    let told = lines.iter().fold(BTreeMap::<&str, u64>::new(), |mut told, (_, status)| {
        *told.entry(status).or_default() += 1;
        told
    });
    assert_eq!(
        told,
        BTreeMap::from([("accepted", 120), ("refused", 15), ("uncertain", 3), ("pending", 132)])
    );
    let text = world.text("deliveries.jsonl");
    assert!(!text.contains("@example.com") && !text.contains("Spring is here"), "no recipients, no texts");
    assert!(text.contains("id-of-ses"));
    assert!(world.sent().is_empty());
}

/// An approval that counted when the upload was judged, and was then repeated.
#[tokio::test]
async fn a_content_that_is_released_once_more_is_counted_once() {
    let world = World::new().await;
    let (judged, released) = (messages(Channel::Email, 0..150), messages(Channel::Email, 150..160));
    let released = of_content(8, released);
    let first = world.shard("first", &judged).await;
    // By their names one release comes before and one after, as do two that have a content in common.
    world.shard("00ff00ff00ff00ff", &[judged[..110].to_vec(), released.clone()].concat()).await;
    world.shard("ffff00ff00ff00ff", &released).await;
    for message in &judged[..100] {
        world.claimed(message, done()).await;
    }
    for message in &judged[100..110] {
        world.claimed(message, refused("MessageRejected")).await;
    }
    for message in &released {
        world.claimed(message, uncertain()).await;
    }
    world.fakes.store.close(&first).await.unwrap();
    let figures = world.report().await;
    let expected = [("accepted", 100), ("refused", 10), ("uncertain", 10), ("notSent", 40)];
    assert_eq!(counted(&figures, "email"), numbers(&expected));
    assert_eq!(figures["refusals"], json!({"MessageRejected": 10}));
    let lines = world.deliveries();
    let ids: std::collections::BTreeSet<_> = lines.iter().map(|(id, _)| id).collect();
    assert_eq!((lines.len(), ids.len()), (160, 160));
}

#[tokio::test]
async fn what_is_not_sent_and_is_not_going_to_be_is_told_apart_from_what_waits() {
    let world = World::new().await;
    let all = messages(Channel::Email, 0..10);
    let shard = world.shard("first", &all).await;
    world.claimed(&all[0], done()).await;
    world.claimed(&all[1], refused("postponed: Throttled")).await;
    world.claimed(&all[2], None).await;
    assert_eq!(counted(&world.report().await, "email"), numbers(&[("accepted", 1), ("pending", 9)]));
    // Its shard was closed, as it is when `sendUntil` is over: whoever was at a message will not tell any more.
    world.fakes.store.close(&shard).await.unwrap();
    let expected = numbers(&[("accepted", 1), ("uncertain", 1), ("notSent", 8)]);
    assert_eq!(counted(&world.report().await, "email"), expected);

    let world = World::new().await;
    world.shard("first", &all).await;
    world.change(|record| record.state = State::Cancelled).await;
    assert_eq!(counted(&world.report().await, "email"), numbers(&[("notSent", 10)]));
    assert!(world.sent().is_empty());
}

#[tokio::test]
async fn of_two_rows_of_one_id_one_is_a_duplicate() {
    let world = World::new().await;
    let first = messages(Channel::Email, 0..3);
    let again = Outgoing { line: 99, ..first[1].clone() };
    let all = [first.clone(), vec![again]].concat();
    world.shard("first", &all).await;
    for message in &first {
        world.claimed(message, done()).await;
    }
    world.news(&first[1], Outcome::Delivered).await;
    let email = counted(&world.report().await, "email");
    assert_eq!(email, numbers(&[("accepted", 3), ("duplicates", 1), ("delivered", 1)]));
    assert_eq!(sum(&email), 4);
    assert_eq!(world.deliveries()[3], ("m-1".to_owned(), "duplicate".to_owned()));
}

#[tokio::test]
async fn what_an_earlier_upload_sent_is_accepted_wherever_its_row_was() {
    let world = World::new().await;
    let all = messages(Channel::Email, 0..2);
    world.shard("first", &all).await;
    let detail = BTreeMap::from([
        ("upload".to_owned(), "ffffffffffffffff".to_owned()),
        ("line".to_owned(), "77".to_owned()),
    ]);
    use eventide_kit::ledger::Ledger as _;
    let deadline = crate::support::NOW + time::Duration::minutes(2);
    world.fakes.ledger.claim(&all[0].entry, "holder", deadline, detail).await.unwrap();
    world.fakes.ledger.settle(&all[0].entry, 1, done().unwrap()).await.unwrap();
    assert_eq!(counted(&world.report().await, "email"), numbers(&[("accepted", 1), ("pending", 1)]));
}

#[tokio::test]
async fn tests_and_shards_that_nobody_knows_are_not_counted() {
    let world = World::new().await;
    world.shard("first", &messages(Channel::Email, 0..3)).await;
    world.shard("test-1", &messages(Channel::Email, 3..5)).await;
    // A join that did not come to its end, and one of another upload.
    let body = world.fakes.work.body(&crate::support::WORK.shard("first", 0)).unwrap();
    world.fakes.work.add(&crate::support::WORK.shard("r1", 0), body.clone());
    world.fakes.work.add("work/spring/ffffffffffffffff/shards/first/000000.jsonl", body);
    assert_eq!(counted(&world.report().await, "email"), numbers(&[("pending", 3)]));
    assert_eq!(world.record().await.upload, UPLOAD);
}

#[tokio::test]
async fn verdicts_are_counted_by_channel_and_category() {
    let world = World::new().await;
    world.contents(&[(1, "A table"), (2, "The casino"), (3, "An offer"), (4, "Ein Text")]);
    world.verdicts(&[
        (1, Channel::Email, "approved", "compliant", Some("compliant")),
        (2, Channel::Email, "rejected", "restricted", Some("gambling")),
        (2, Channel::Sms, "rejected", "restricted", Some("gambling")),
        (3, Channel::Email, "held", "low_confidence", Some("compliant")),
        (4, Channel::Email, "held", "wrong_language", None),
    ]);
    world
        .fakes
        .reports
        .add("spring/unparsed.jsonl", "{\"line\": 9, \"reason\": \"`to`: expected an address\"}\n");
    let figures = world.report().await;
    assert_eq!(
        figures["channels"],
        json!({"email": {"approved": 1, "held": 2, "rejected": 1}, "sms": {"rejected": 1}})
    );
    let expected = json!({"gambling": {"email": 1, "sms": 1}, "compliant": {"email": 1}, "wrong_language": {"email": 1}});
    assert_eq!(figures["categories"], expected);
    let flagged = figures["flagged"].as_array().unwrap();
    assert_eq!(flagged.len(), 3);
    assert_eq!((&flagged[0]["text"], &flagged[0]["messages"]), (&json!("The casino"), &json!(2)));
    assert_eq!(figures["unparsed"], json!([{"line": 9, "reason": "`to`: expected an address"}]));
}
