//! Each message goes out once, however often and at whatever time it is asked for.

use std::collections::BTreeMap;

use eventide_clients::campaigns::Operation;
use eventide_kit::Error;
use eventide_kit::ledger::State;
use eventide_kit::tap::Calls;
use serde_json::json;

use crate::support::{CAMPAIGN, UPLOAD, World, emails, quota, texts};

#[tokio::test]
async fn what_is_handed_over_is_what_was_approved_and_configured() {
    let mut world = World::new();
    world.campaign(|campaign| campaign.settings.topic = Some("spring".to_owned())).await;
    let (mails, texts) = (emails(0..1), texts(1..2));
    let keys = world.shards(vec![mails.clone(), texts.clone()]).await;
    keys.iter().for_each(|key| world.enqueue(key));
    world.settle().await;

    let [accepted] = &world.fakes.email.accepted()[..] else { panic!("one email") };
    let mail = &accepted.mail;
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("reader-0@example.com", "Spring"));
    assert_eq!(mail.from, "News <news@example.com>");
    assert_eq!(mail.text, mails[0].text);
    assert_eq!(
        (mail.reply_to.as_deref(), mail.configuration_set.as_deref()),
        (Some("office@example.com"), Some("screening"))
    );
    let list = mail.list.clone().unwrap();
    assert_eq!((list.contact_list.as_str(), list.topic.as_deref()), ("readers", Some("spring")));
    let tags = [("eventide-entry", mails[0].entry.as_str()), ("eventide-campaign", CAMPAIGN)];
    let tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(mail.tags, tags);

    let [accepted] = &world.fakes.sms.accepted()[..] else { panic!("one text message") };
    let text = &accepted.message;
    assert_eq!((text.to.as_str(), text.origination_identity.as_str()), ("+15555550001", "pool-1"));
    assert_eq!(Some(&text.body), texts[0].text.as_ref());
    assert_eq!((text.max_price.as_deref(), text.time_to_live_seconds), (Some("0.05"), Some(86_400)));
    assert_eq!(text.context[0], ("eventide-entry".to_owned(), texts[0].entry.clone()));

    let entry = world.entry(&mails[0]).await.unwrap();
    assert_eq!(entry.state, State::Done);
    let detail = [
        ("campaign", CAMPAIGN),
        ("channel", "email"),
        ("line", "2"),
        ("message_id", "email-1"),
        ("test", "false"),
        ("upload", UPLOAD),
    ];
    let detail = detail.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(entry.detail, BTreeMap::from(detail));
    assert_eq!(world.fakes.report_queue.messages().len(), 1);
    assert_eq!(world.fakes.report_queue.messages()[0].body, json!({"campaign": CAMPAIGN}).to_string());
}

/// Events of SMS may have nothing but the provider's id; those of emails have their tags.
#[tokio::test]
async fn the_id_of_an_accepted_sms_is_remembered_before_it_is_settled() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let (mails, texts) = (emails(0..3), texts(3..8));
    world.fakes.sms.opt_out(&texts[2].to);
    let keys = world.shards(vec![mails, texts.clone()]).await;
    keys.iter().for_each(|key| world.enqueue(key));
    world.settle().await;
    let origins = world.fakes.store.all_origins();
    assert_eq!(origins.len(), 4, "of those that were accepted: {origins:?}");
    for (place, text) in texts.iter().enumerate().filter(|(place, _)| *place != 2) {
        let entry = world.entry(text).await.unwrap();
        let origin = &origins[&entry.detail["message_id"]];
        assert_eq!(
            (origin.entry.as_str(), origin.campaign.as_str()),
            (text.entry.as_str(), CAMPAIGN),
            "{place}"
        );
    }

    // Whoever dies between the two leaves an entry that the provider's events can settle.
    for last in 1.. {
        let mut world = World::with(Calls::last(last), 0);
        world.campaign(|_| {}).await;
        let all = texts[..1].to_vec();
        let keys = world.shards(vec![all.clone()]).await;
        world.deliver_one_or_die(&json!({"shard": keys[0]})).await;
        let Some(entry) = world.entry(&all[0]).await else { continue };
        let origins = world.fakes.store.all_origins().len();
        match entry.state {
            State::Claimed if origins == 1 => break,
            State::Claimed => assert_eq!(origins, 0),
            state => panic!("{state} before its id was remembered"),
        }
    }
}

#[tokio::test]
async fn an_sms_whose_id_cannot_be_remembered_is_sent_all_the_same() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let all = texts(0..1);
    let keys = world.shards(vec![all.clone()]).await;
    world.fakes.store.fail_next(Operation::Remember, Error::retryable("Throttled", "try again"));
    let (environment, invocation) = (world.environment(), world.invocation());
    let event = crate::support::event("m", &json!({"shard": keys[0]}).to_string(), 1);
    environment.invoke(&event, &invocation).await.unwrap().unwrap();
    assert_eq!(invocation.metrics.sum("OriginsLost", &[]), 1.0);
    assert_eq!(world.in_state(&all, State::Done).await.len(), 1);
    assert!(world.fakes.store.all_origins().is_empty());
    world.settle().await;
    world.assert_each_once(&all);
}

#[tokio::test]
async fn a_repeat_sends_nothing_and_another_upload_of_the_same_messages_neither() {
    let mut world = World::new();
    world.fakes.email.set_quota(quota(100.0, -1.0, 0.0));
    world.campaign(|_| {}).await;
    let all = emails(0..20);
    let keys = world.shards(vec![all.clone()]).await;
    for receives in 1..4 {
        assert!(!world.deliver_one(&json!({"shard": keys[0]}), receives).await);
    }
    world.settle().await;
    world.assert_each_once(&all);

    // The file is uploaded again, and judged anew.
    let again = "ffeeddccbbaa0099";
    world.change(|campaign| campaign.upload = again.to_owned()).await;
    let key = world
        .shard("second", 7, &all, |shard| {
            shard.upload = again.to_owned();
        })
        .await;
    world.enqueue(&key);
    world.settle().await;
    assert_eq!(world.fakes.email.handed_over().len(), 20);
}

#[tokio::test]
async fn two_deliveries_of_one_message_at_the_same_time_are_one_campaign() {
    for copies in 2..5 {
        let mut world = World::new();
        world.campaign(|_| {}).await;
        let (mails, texts) = (emails(0..60), texts(60..100));
        let all = [mails.clone(), texts.clone()].concat();
        let keys = world.shards(vec![mails, texts]).await;
        world.copies = copies;
        keys.iter().for_each(|key| world.enqueue(key));
        // One that is throttled while another is at it is not forgotten.
        let postponed = eventide_clients::email::Sent::Postponed { reason: "throttled".into(), daily: false };
        for _ in 0..5 {
            world.fakes.email.answer_next(postponed.clone());
        }
        let look = async |world: &World| {
            let uncertain = world.in_state(&all, State::Uncertain).await;
            assert!(uncertain.is_empty(), "nobody was killed: {uncertain:?}");
        };
        world.run(look).await;
        world.assert_each_once(&all);
        assert_eq!(world.fakes.dead_letters.reasons(), [""; 0]);
    }
}

#[tokio::test]
async fn different_messages_for_one_shard_at_the_same_time_are_one_campaign() {
    let mut world = World::new();
    world.fakes.email.set_quota(quota(100.0, 50_000.0, 0.0));
    world.campaign(|_| {}).await;
    let all = emails(0..150);
    let keys = world.shards(vec![all.clone()]).await;
    (0..4).for_each(|_| world.enqueue(&keys[0]));
    world.settle().await;
    world.assert_each_once(&all);
    assert_eq!(world.in_state(&all, State::Done).await.len(), 150);
}

#[tokio::test]
async fn of_two_rows_of_one_id_one_is_sent() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let mut all = emails(0..4);
    all[2].entry = all[1].entry.clone();
    all[2].line = 9;
    let keys = world.shards(vec![all.clone()]).await;
    world.enqueue(&keys[0]);
    // Though the one that is at it first is throttled once.
    let postponed = eventide_clients::email::Sent::Postponed { reason: "throttled".into(), daily: false };
    (0..2).for_each(|_| world.fakes.email.answer_next(postponed.clone()));
    let look = async |world: &World| {
        assert!(world.in_state(&all, State::Uncertain).await.is_empty());
    };
    world.run(look).await;
    assert_eq!(world.accepted().into_values().collect::<Vec<_>>(), [1, 1, 1]);
}

#[tokio::test]
async fn a_claim_of_somebody_alive_is_left_alone_until_it_is_known_to_be_dead() {
    use eventide_kit::clock::Clock as _;
    use eventide_kit::ledger::Ledger as _;
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let all = emails(0..3);
    let keys = world.shards(vec![all.clone()]).await;
    let until = world.clock.now() + std::time::Duration::from_secs(100);
    world.fakes.ledger.claim(&all[1].entry, "elsewhere", until, BTreeMap::new()).await.unwrap();
    world.enqueue(&keys[0]);
    world.deliver().await;
    assert_eq!(world.accepted().len(), 2);
    assert!(!world.stored(&keys[0]).await.closed);
    assert_eq!(world.entry(&all[1]).await.unwrap().state, State::Claimed);
    world.settle().await;
    assert_eq!(world.entry(&all[1]).await.unwrap().state, State::Uncertain);
    assert_eq!(world.accepted().len(), 2, "nobody knows whether it was sent, so it is not sent again");
    assert!(world.clock.now() >= until && world.report_is_due());
}

#[tokio::test]
async fn whatever_settles_a_message_first_stands() {
    use eventide_kit::ledger::{Ledger as _, Settlement};
    // The answer is lost, but the provider's event comes at once: before the function writes down that nobody knows.
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let all = emails(0..2);
    let keys = world.shards(vec![all.clone()]).await;
    world.enqueue(&keys[0]);
    world.fakes.email.lose_next_answer();
    world.collect();
    let (ledger, email, entry) =
        (world.fakes.ledger.clone(), world.fakes.email.clone(), all[0].entry.clone());
    let event = async {
        while email.accepted().is_empty() {
            tokio::task::yield_now().await;
        }
        let detail = BTreeMap::from([("message_id".to_owned(), "email-1".to_owned())]);
        ledger.settle(&entry, 1, Settlement::Done { detail }).await.unwrap();
    };
    // Polled one after the other, as often as each other.
    futures_util::future::join(world.deliver(), event).await;
    world.settle().await;
    world.assert_each_once(&all);
    assert_eq!(world.in_state(&all, State::Done).await.len(), 2);
}

#[tokio::test]
async fn a_message_that_another_has_overtaken_does_nothing_unless_it_comes_again() {
    let mut world = World::new();
    world.settings.sms.as_mut().unwrap().per_second = 4.0;
    world.campaign(|_| {}).await;
    let all = texts(0..12);
    let keys = world.shards(vec![all.clone()]).await;
    world.enqueue(&keys[0]);
    world.deliver().await;
    let [first] = &world.fakes.send_queue.take()[..] else { panic!("one message") };
    let first: serde_json::Value = serde_json::from_str(&first.body).unwrap();
    world.clock.advance(std::time::Duration::from_secs(2));
    assert!(!world.deliver_one(&first, 1).await);
    assert_eq!((world.accepted().len(), world.fakes.send_queue.take().len()), (8, 1));
    // A duplicate of it, and later what is left of it if who carried it on was killed.
    world.clock.advance(std::time::Duration::from_secs(2));
    assert!(!world.deliver_one(&first, 1).await);
    assert_eq!((world.accepted().len(), world.fakes.send_queue.take().len()), (8, 0));
    assert!(!world.deliver_one(&first, 2).await);
    assert_eq!(world.accepted().len(), 12);
    world.settle().await;
    world.assert_each_once(&all);
}

/// Whoever claimed it is known to be gone; but then a provider's event tells, just as that is written down.
#[tokio::test]
async fn a_claim_of_somebody_dead_may_be_settled_by_others_at_the_same_time() {
    use eventide_kit::ledger::{Ledger as _, Settlement};
    for settlement in [
        Settlement::Done { detail: BTreeMap::from([("message_id".to_owned(), "email-0".to_owned())]) },
        // It lived a little longer, and was throttled.
        Settlement::Refused { reason: "postponed: TooManyRequestsException".to_owned() },
    ] {
        let is_sent = matches!(settlement, Settlement::Done { .. });
        let mut world = World::new();
        world.campaign(|_| {}).await;
        let all = emails(0..2);
        let keys = world.shards(vec![all.clone()]).await;
        let (ledger, email, dead) =
            (world.fakes.ledger.clone(), world.fakes.email.clone(), all[0].entry.clone());
        ledger.claim(&dead, "elsewhere", crate::support::NOW, BTreeMap::new()).await.unwrap();
        world.enqueue(&keys[0]);
        // The other message is claimed when the entry of this one is looked at, and sent when it is settled.
        let other = async {
            while ledger.get(&all[1].entry).await.unwrap().is_none() {
                tokio::task::yield_now().await;
            }
            ledger.settle(&dead, 1, settlement).await.unwrap();
            assert!(email.handed_over().is_empty());
        };
        // Polled one after the other, as often as each other.
        futures_util::future::join(world.deliver(), other).await;
        world.settle().await;
        assert_eq!(world.in_state(&all, State::Done).await.len(), 2);
        assert_eq!(world.accepted().len(), if is_sent { 1 } else { 2 });
    }
}
