//! Connect repeats what fails, and a flow may come by twice: the same answer, and nothing is sent twice.

use eventide_clients::email::Sent;
use eventide_clients::links::Operation;
use eventide_kit::Error;
use eventide_kit::ledger::State;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{EMAIL, PHONE, World, contact, voice, with};

#[tokio::test]
async fn the_same_event_is_given_the_same_answer() {
    for fail in [false, true] {
        let mut world = World::new();
        if fail {
            world.fakes.sms.opt_out(PHONE);
            world.fakes.email.refuse(EMAIL, "MessageRejected");
        }
        let first = world.ask(&voice()).await;
        let sent = world.sent();
        for minutes in [0, 1, 14, 30, 600] {
            world.pass(minutes);
            assert_eq!(world.ask(&voice()).await, first);
        }
        assert_eq!((world.sent(), world.fakes.sms.handed_over().len()), (sent, 1));
        assert_eq!(world.counted("LinksIssued", &[]), 1.0, "counted once");
        assert_eq!(world.fakes.links.calls(Operation::Open), 1);
    }
}

#[tokio::test]
async fn at_the_same_time_one_works_and_the_others_are_told_so() {
    let mut world = World::new();
    let invocations = (0..4).map(|_| (world.environment(), world.invocation())).collect::<Vec<_>>();
    let payload = voice().to_string();
    let answers = invocations
        .iter()
        .map(|(environment, invocation)| environment.invoke(payload.as_bytes(), invocation));
    let answers = join_all(answers).await.into_iter().map(Option::unwrap).collect::<Vec<_>>();
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(answered, 1);
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(error.qualified_type(), "Retryable.AlreadyInProgress");
    }
    assert_eq!(world.sent(), (1, 1));
    assert_eq!(world.ask(&voice()).await["status"], "sent");
    assert_eq!(world.sent(), (1, 1));
}

#[tokio::test]
async fn another_number_is_another_request_and_what_was_sent_is_not_sent_again() {
    let mut world = World::new();
    world.ask(&contact(|contact| contact["Attributes"]["email"] = json!(""))).await;
    assert_eq!(world.sent(), (1, 0));
    // The caller has said an address meanwhile.
    let answer = world.ask(&voice()).await;
    assert_eq!((&answer["status"], &answer["channels"]), (&json!("sent"), &json!("sms,email")));
    assert_eq!(world.sent(), (1, 1));
    world.ask(&with(json!({ "phone": "+15555550177" }))).await;
    assert_eq!(world.sent(), (2, 1));
    assert_eq!(world.link().0.contact_id, crate::support::CONTACT);
}

#[tokio::test]
async fn the_answer_tells_of_the_message_that_expires_first() {
    let mut world = World::new();
    world.ask(&contact(|contact| contact["Attributes"]["email"] = json!(""))).await;
    world.pass(5);
    let answer = world.ask(&voice()).await;
    assert_eq!(
        (&answer["expiresInMinutes"], &answer["expiresAt"]),
        (&json!("10"), &json!("2026-11-27T09:15:00Z"))
    );
    assert_eq!(world.mailed()[0].expires_at(), world.now() + time::Duration::minutes(15));
}

/// Every call to the table and to the secrets may fail: that is the invocation's error, and the repeat makes up for it.
#[tokio::test]
async fn what_fails_before_it_is_sent_is_sent_by_the_repeat() {
    let failure = || Error::retryable("Throttled", "try again");
    type Fail = fn(&World, Error);
    let steps: [(&str, Fail); 6] = [
        ("secrets", |world, error| world.fakes.secrets.fail_next(error)),
        ("limits", |world, error| world.fakes.links.fail_next(Operation::Take, error)),
        ("limits, answer lost", |world, error| world.fakes.links.lose_next(Operation::Take, error)),
        ("link", |world, error| world.fakes.links.fail_next(Operation::Open, error)),
        ("link, answer lost", |world, error| world.fakes.links.lose_next(Operation::Open, error)),
        ("claim", |world, error| *world.fakes.claim_fails.lock().unwrap() = Some(error)),
    ];
    for (step, fail) in steps {
        let mut world = World::new();
        fail(&world, failure());
        assert_eq!(world.fail(&voice()).await, "Retryable.Throttled", "{step}");
        // One channel may have been served already.
        assert!(world.sent().0 + world.sent().1 <= usize::from(step == "claim"), "{step}");
        let answer = world.ask(&voice()).await;
        assert_eq!((&answer["status"], world.sent()), (&json!("sent"), (1, 1)), "{step}");
        assert_eq!(world.fakes.links.links().len(), 1, "{step}");
    }
}

#[tokio::test]
async fn a_message_that_is_not_written_down_is_told_of_and_not_sent_again() {
    let mut world = World::new();
    *world.fakes.settle_fails.lock().unwrap() = Some(Error::retryable("Throttled", "try again"));
    let answer = world.ask(&voice()).await;
    assert_eq!(answer["status"], "sent");
    let claimed = world.entries().await.into_iter().filter(|entry| entry.state == State::Claimed).count();
    assert_eq!(claimed, 1);
    assert_eq!((world.ask(&voice()).await, world.sent()), (answer, (1, 1)));
}

/// It was throttled, and then the invocation died: surely not sent, so that the repeat may send it.
#[tokio::test]
async fn what_was_postponed_is_sent_by_another_attempt() {
    let mut world = World::new();
    let throttled = Sent::Postponed { reason: "ThrottlingException".to_owned(), daily: false };
    world.fakes.sms.answer_next(throttled);
    let answer = world.ask(&voice()).await;
    assert_eq!(
        (&answer["status"], &answer["reason"]),
        (&json!("partly_sent"), &json!("ThrottlingException"))
    );
    assert_eq!(world.counted("Sends", &[("Channel", "sms"), ("Outcome", "postponed")]), 1.0);
    // As if the answer had never been kept.
    world.fakes.answers = eventide_kit::idempotency::MemoryStore::default();
    let answer: Value = world.ask(&voice()).await;
    assert_eq!((&answer["status"], world.sent()), (&json!("sent"), (1, 1)));
    let entries = world.entries().await;
    assert!(entries.iter().any(|entry| entry.attempt == 2 && entry.state == State::Done), "{entries:?}");
}
