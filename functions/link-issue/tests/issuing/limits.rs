//! Links an hour, of a contact and to a recipient.

use std::time::Duration;

use eventide_clients::links::{Limit, Operation};
use eventide_links::token::keyed;
use serde_json::json;

use crate::support::{CONTACT, PHONE, TOKEN_SECRET, World, contact, voice, with};

fn limit(purpose: &str, whose: &str) -> Limit {
    let whose = keyed(TOKEN_SECRET.as_bytes(), purpose, whose);
    Limit { name: format!("{purpose}#{whose}"), max: 3, window: Duration::from_secs(3_600) }
}

#[tokio::test]
async fn a_contact_has_three_an_hour() {
    let mut world = World::new();
    for request in 1..=3 {
        assert_eq!(world.ask(&with(json!({ "request": request }))).await["status"], "sent");
    }
    let answer = world.ask(&with(json!({ "request": 4 }))).await;
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("limited"), &json!("contact")));
    assert_eq!((&answer["channels"], &answer["expiresAt"]), (&json!(""), &json!("")));
    assert_eq!(world.sent(), (3, 3));
    assert_eq!(world.counted("LinksIssued", &[("Status", "limited")]), 1.0);
    // Whoever has no more links takes nothing of a recipient's.
    assert_eq!(world.fakes.links.taken(&limit("recipient", PHONE), world.now()), 3);
    // A repeat of one that was let through is answered as before.
    assert_eq!(world.ask(&with(json!({ "request": 2 }))).await["status"], "sent");
    world.pass(60);
    assert_eq!(world.ask(&with(json!({ "request": 4 }))).await["status"], "limited", "it is a repeat");
    assert_eq!(world.ask(&with(json!({ "request": 5 }))).await["status"], "sent");
}

#[tokio::test]
async fn transfers_count_as_one_contact() {
    let mut world = World::new();
    world.settings.links_per_contact = 2;
    let transferred = |number: u32| {
        contact(|contact| contact["ContactId"] = json!(CONTACT.replace("7000", &format!("700{number}"))))
    };
    assert_eq!(world.ask(&transferred(1)).await["status"], "sent");
    assert_eq!(world.ask(&transferred(2)).await["status"], "sent");
    assert_eq!(world.ask(&transferred(3)).await["reason"], "contact");
    // One without a chain is its own.
    let alone = contact(|contact| {
        contact["ContactId"] = json!("4a573372-0000-4e26-b97b-9f6a1c0b7000");
        contact["InitialContactId"] = json!(null);
    });
    assert_eq!(world.ask(&alone).await["status"], "sent");
}

#[tokio::test]
async fn a_recipient_has_three_an_hour_from_whatever_contact() {
    let mut world = World::new();
    let other = |number: u32| {
        contact(|contact| {
            let id = format!("4a573372-{number:04}-4e26-b97b-9f6a1c0b7000");
            contact["ContactId"] = json!(id);
            contact["InitialContactId"] = json!(id);
            contact["Attributes"]["email"] = json!(format!("person-{number}@example.com"));
        })
    };
    for number in 1..=3 {
        assert_eq!(world.ask(&other(number)).await["channels"], "sms,email");
    }
    // The number has had enough of them, the address has not.
    let answer = world.ask(&other(4)).await;
    assert_eq!((&answer["status"], &answer["channels"]), (&json!("partly_sent"), &json!("email")));
    assert_eq!((&answer["failed"], &answer["reason"]), (&json!("sms"), &json!("limited")));
    assert_eq!(world.counted("Sends", &[("Channel", "sms"), ("Outcome", "limited")]), 1.0);
    let mut by_sms = other(5);
    by_sms["Details"]["Parameters"] = json!({ "consent": "sms" });
    let answer = world.ask(&by_sms).await;
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("limited"), &json!("recipient")));
    assert_eq!(world.sent(), (3, 4));
    // An address is the same in whatever case.
    for _ in 0..2 {
        world.pass(60);
    }
    world.settings.links_per_recipient = 1;
    let shouted = |number: u32, email: &str| {
        let mut event = other(number);
        event["Details"]["Parameters"] = json!({ "consent": "email", "email": email });
        event
    };
    assert_eq!(world.ask(&shouted(6, "Ana@Example.com")).await["status"], "sent");
    assert_eq!(world.ask(&shouted(7, "ana@example.COM")).await["reason"], "recipient");
}

#[tokio::test]
async fn a_repeat_takes_nothing_twice() {
    let mut world = World::new();
    world.fakes.links.fail_next(Operation::Open, eventide_kit::Error::retryable("Throttled", "try again"));
    world.fail(&voice()).await;
    assert_eq!(world.ask(&voice()).await["status"], "sent");
    assert_eq!(world.fakes.links.calls(Operation::Take), 6);
    for (purpose, whose) in [("contact", CONTACT), ("recipient", PHONE), ("recipient", "ana@example.com")] {
        assert_eq!(world.fakes.links.taken(&limit(purpose, whose), world.now()), 1, "{purpose}");
    }
}
