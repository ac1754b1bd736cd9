//! What a provider will not send is final, with its reason.

use eventide_clients::email::Sent;
use eventide_clients::sms::{OPTED_OUT, PRICE_OVER_CAP};
use eventide_kit::Error;
use eventide_kit::ledger::State;

use crate::support::{World, emails, texts};

#[tokio::test]
async fn opted_out_or_too_dear_is_refused_for_good() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let all = texts(0..10);
    world.fakes.sms.opt_out(&all[2].to);
    world.fakes.sms.refuse(&all[6].to, PRICE_OVER_CAP);
    let keys = world.shards(vec![all.clone()]).await;
    world.enqueue(&keys[0]);
    world.settle().await;
    for (place, reason) in [(2, OPTED_OUT), (6, PRICE_OVER_CAP)] {
        let entry = world.entry(&all[place]).await.unwrap();
        assert_eq!((entry.state, entry.reason.as_deref()), (State::Refused, Some(reason)));
        assert_eq!(entry.attempt, 1);
    }
    let sent: Vec<_> =
        all.iter().enumerate().filter(|(place, _)| ![2, 6].contains(place)).map(|(_, m)| m.clone()).collect();
    world.assert_each_once(&sent);
    // Another upload does not try them again.
    let key = world.shard("again", 0, &all, |_| {}).await;
    world.enqueue(&key);
    world.settle().await;
    assert_eq!(world.fakes.sms.handed_over().len(), 10);
}

#[tokio::test]
async fn a_channel_that_is_not_configured_refuses() {
    for (mails, variable) in [(true, "SENDER_EMAIL"), (false, "SMS_ORIGINATION")] {
        let mut world = World::new();
        (world.settings.email, world.settings.sms) = (None, None);
        world.campaign(|_| {}).await;
        let all = if mails { emails(0..3) } else { texts(0..3) };
        let keys = world.shards(vec![all.clone()]).await;
        world.enqueue(&keys[0]);
        world.settle().await;
        for message in &all {
            let entry = world.entry(message).await.unwrap();
            assert_eq!(entry.state, State::Refused);
            assert!(entry.reason.unwrap().contains(variable));
        }
        assert!(world.report_is_due() && world.accepted().is_empty());
    }
}

#[tokio::test]
async fn one_that_cannot_be_made_a_request_of_does_not_stop_the_others() {
    let mut world = World::new();
    world.campaign(|_| {}).await;
    let all = emails(0..10);
    world.fakes.email.fail_next(Error::permanent("InvalidRequest", "it could not be built"));
    world.fakes.email.answer_next(Sent::Refused { reason: "MessageRejected".into() });
    let keys = world.shards(vec![all.clone()]).await;
    world.enqueue(&keys[0]);
    world.settle().await;
    let entry = world.entry(&all[0]).await.unwrap();
    assert_eq!((entry.state, entry.reason.as_deref()), (State::Refused, Some("InvalidRequest")));
    world.assert_each_once(&all[2..]);
}
