//! The contact's link: one, sent again as long as it can be, with what the chat is to know.

use eventide_clients::links::{Claim, Links as _, Operation, State};
use serde_json::json;

use crate::support::{CONTACT, NOW, World, contact, voice, with};

#[tokio::test]
async fn a_second_request_sends_the_same_link_for_longer() {
    let mut world = World::new();
    world.ask(&voice()).await;
    world.pass(10);
    let answer = world.ask(&with(json!({ "request": "2" }))).await;
    assert_eq!((&answer["status"], &answer["expiresAt"]), (&json!("sent"), &json!("2026-11-27T09:25:00Z")));
    assert_eq!(answer["expiresInMinutes"], "15");
    let urls = world.texted();
    assert!(urls.len() == 2 && urls[0].token() == urls[1].token());
    assert_eq!(urls[1].expires_at() - urls[0].expires_at(), time::Duration::minutes(10));
    let (link, state) = world.link();
    assert_eq!((link.expires_at, link.created_at, state), (urls[1].expires_at(), NOW, State::Open));
    assert_eq!(world.entries().await.len(), 4, "each message is an effect of its own");
}

#[tokio::test]
async fn an_expired_link_is_taken_up_again() {
    let mut world = World::new();
    world.ask(&voice()).await;
    world.pass(60);
    assert_eq!(world.ask(&with(json!({ "request": "2" }))).await["status"], "sent");
    assert!(world.texted()[0].token() == world.texted()[1].token());
    assert_eq!(world.link().0.expires_at, NOW + time::Duration::minutes(75));
    // When it is gone for good, the contact has another.
    world.pass(60 * 26);
    assert_eq!(world.ask(&with(json!({ "request": "3" }))).await["status"], "sent");
    assert!(world.texted()[2].token() != world.texted()[0].token());
}

#[tokio::test]
async fn what_the_chat_is_to_know_is_what_was_said_last() {
    let mut world = World::new();
    world.ask(&voice()).await;
    let mut later = contact(|contact| {
        contact["Attributes"]["tier"] = json!("platinum");
        contact["Queue"]["Name"] = json!("Escalations");
    });
    later["Details"]["Parameters"] = json!({ "request": "2" });
    world.ask(&later).await;
    let context = world.link().0.context;
    assert_eq!(
        (context.attributes["tier"].as_str(), context.queue.as_deref()),
        ("platinum", Some("Escalations"))
    );
}

#[tokio::test]
async fn a_link_in_use_is_not_sent_again() {
    let mut world = World::new();
    world.ask(&voice()).await;
    let now = world.now();
    let claim = Claim { claimant: "c".repeat(64), now, until: now + time::Duration::seconds(30) };
    world.fakes.links.claim(&world.link().0.hash, &claim).await.unwrap();
    let answer = world.ask(&with(json!({ "request": "2" }))).await;
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("failed"), &json!("link_used")));
    assert!(answer["message"].as_str().unwrap().contains("already in use"), "{answer}");
    assert_eq!((world.sent(), world.fakes.links.calls(Operation::Extend)), ((1, 1), 0));
    // The first request is still the one that was sent.
    assert_eq!(world.ask(&voice()).await["status"], "sent");
}

#[tokio::test]
async fn a_revoked_link_is_not_sent_again() {
    let mut world = World::new();
    world.ask(&voice()).await;
    assert!(world.fakes.links.revoke(CONTACT).await.unwrap());
    let answer = world.ask(&with(json!({ "request": "2" }))).await;
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("failed"), &json!("link_revoked")));
    assert_eq!((&answer["failed"], &answer["expiresAt"]), (&json!(""), &json!("")));
    assert_eq!(world.sent(), (1, 1));
}
