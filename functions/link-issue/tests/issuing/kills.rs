//! The function is killed before or after each of its calls, and Connect invokes it again.

use std::time::Duration;

use eventide_clients::links::Limit;
use eventide_kit::ledger::State;
use eventide_links::token::keyed;
use serde_json::json;

use crate::support::{CONTACT, TIMEOUT, TOKEN_SECRET, World, voice};
use crate::tap::Calls;

/// Invokes until nothing is killed any more, and checks what holds whatever happened; whether anything was uncertain.
async fn ends_well(world: &mut World, about: &str) -> bool {
    let event = voice();
    let mut answer = world.try_invoke(&event).await;
    if answer.is_none() {
        // While the dead one may still be at work nobody takes over.
        if let Some(Err(error)) = world.try_invoke(&event).await {
            assert_eq!(error.qualified_type(), "Retryable.AlreadyInProgress", "{about}");
        }
        world.clock.advance(TIMEOUT + Duration::from_millis(1));
        answer = world.try_invoke(&event).await;
    }
    let answer = answer.unwrap().unwrap();
    // Who only asks again may be killed, too, and knows nothing that the next one does not.
    let mut again = world.try_invoke(&event).await;
    if again.is_none() {
        again = world.try_invoke(&event).await;
    }
    let again = again.unwrap().unwrap();
    assert_eq!(again, answer, "{about}");

    let (texts, mails) = (world.fakes.sms.handed_over().len(), world.fakes.email.handed_over().len());
    assert!(texts <= 1 && mails <= 1, "{about}: sent twice");
    assert_eq!(world.fakes.links.links().len(), 1, "{about}: one link");
    for url in world.texted().iter().chain(&world.mailed()) {
        assert!(url.token().hash() == world.link().0.hash, "{about}");
        assert!(url.expires_at() <= world.link().0.expires_at, "{about}: it opens as long as it says");
    }
    let whose = keyed(TOKEN_SECRET.as_bytes(), "contact", CONTACT);
    let limit = Limit { name: format!("contact#{whose}"), max: 3, window: Duration::from_secs(3_600) };
    assert_eq!(world.fakes.links.taken(&limit, world.now()), 1, "{about}: taken once");

    let uncertain = answer["uncertain"] != "";
    let status = if uncertain { "partly_sent" } else { "sent" };
    assert_eq!((&answer["status"], &answer["failed"]), (&json!(status), &json!("")), "{about}: {answer}");
    for (name, handed_over) in [("sms", texts), ("email", mails)] {
        let says = |member: &str| answer[member].as_str().unwrap().split(',').any(|channel| channel == name);
        assert!(says("channels") != says("uncertain"), "{about}: {answer}");
        assert!(!says("channels") || handed_over == 1, "{about}: {answer}");
    }
    let claimed = world.entries().await.iter().filter(|entry| entry.state == State::Claimed).count();
    assert_eq!(claimed > 0, uncertain, "{about}");
    uncertain
}

#[tokio::test]
async fn killed_at_any_call_it_sends_nothing_twice() {
    let mut positions = [0, 0];
    let mut uncertain = 0;
    for (index, has_effect) in [false, true].into_iter().enumerate() {
        for position in 1.. {
            let calls = Calls::last(position, has_effect);
            let mut world = World::with(calls.clone());
            let about = format!("call {position}, carried out: {has_effect}");
            uncertain += usize::from(ends_well(&mut world, &about).await);
            // Two invocations are needed, and a third if one is killed.
            if calls.made() < position {
                break;
            }
            positions[index] += 1;
        }
    }
    println!("{positions:?} kills, {uncertain} of them uncertain");
    // The first invocation makes 15 calls: secrets, answer, limits, link, and three for each message.
    assert!(positions.iter().all(|positions| *positions >= 15), "{positions:?}");
    // Killed between claiming and settling, of two channels.
    assert!((4..=16).contains(&uncertain), "{uncertain}");
}

/// The customer was quick: the link is in use when the invocation is repeated that died before it could answer.
#[tokio::test]
async fn a_link_that_is_used_before_the_repeat_was_sent_all_the_same() {
    use eventide_clients::links::{Claim, Links as _};

    // The last call keeps the answer.
    let calls = Calls::all();
    let mut world = World::with(calls.clone());
    world.ask(&voice()).await;
    let mut world = World::with(Calls::last(calls.made(), false));
    assert!(world.try_invoke(&voice()).await.is_none());
    assert_eq!(world.sent(), (1, 1));
    let now = world.now();
    let claim = Claim { claimant: "c".repeat(64), now, until: now + time::Duration::seconds(30) };
    world.fakes.links.claim(&world.link().0.hash, &claim).await.unwrap();
    world.clock.advance(TIMEOUT + Duration::from_millis(1));
    let answer = world.ask(&voice()).await;
    assert_eq!((&answer["status"], &answer["channels"]), (&json!("sent"), &json!("sms,email")));
    assert_eq!((&answer["expiresAt"], world.sent()), (&json!("2026-11-27T09:15:00Z"), (1, 1)));
}
