//! Requests for which nobody is called.

use eventide_clients::links::{Claim, Links as _, Operation, Redeemed};
use eventide_links::token::{Nonce, Token};
use eventide_types::link::record::Context;
use serde_json::json;

use crate::support::{NOW, TOKEN_SECRET, VOICE, World, context, event, post, post_from};

#[tokio::test]
async fn a_link_that_can_still_be_redeemed_makes_no_call() {
    let world = World::new();
    let token = world.link(VOICE, context()).await;
    world.wait(899);
    assert_eq!(world.ask(&token).await.problem(), (409, "not_expired"));
    assert!(world.connect.started_calls().is_empty());
    world.wait(1);
    assert_eq!(world.ask(&token).await.status, 202);
}

#[tokio::test]
async fn links_that_make_no_call_are_not_to_be_told_apart() {
    let world = World::new();
    let revoked = world.link("revoked", context()).await;
    assert!(world.links.revoke("revoked").await.unwrap());
    let used = world.link("used", context()).await;
    let claim = Claim { claimant: "c".to_owned(), now: NOW, until: NOW };
    world.links.claim(&used.hash(), &claim).await.unwrap();
    let (link, _) = world.links.link(&used.hash()).unwrap();
    let redeemed =
        Redeemed { chat_contact_id: "chat".to_owned(), answer: "sealed".to_owned(), replay_until: NOW };
    world.links.complete(&link, "c", &redeemed).await.unwrap();
    let without = world.link("without", Context { phone: None, ..context() }).await;
    let forged = Token::derive(b"another secret", &Nonce::random().unwrap());
    let unknown = Token::derive(TOKEN_SECRET.as_bytes(), &Nonce::random().unwrap());
    world.wait(900);
    let mut seen = Vec::new();
    for (about, token) in [
        ("revoked", revoked),
        ("used", used),
        ("no number", without),
        ("forged", forged),
        ("unknown", unknown),
    ] {
        let answer = world.ask(&token).await;
        seen.push((about, answer, world.calls.take()));
    }
    for (about, answer, calls) in &seen {
        assert_eq!(answer.problem(), (410, "unavailable"), "{about}");
        assert_eq!(answer, &seen[0].1, "{about}");
        assert_eq!(*calls, ["secret", "secret", "take", "claim_call"], "{about}");
    }
    assert!(world.connect.started_calls().is_empty());
}

#[tokio::test]
async fn no_calls_are_made_that_are_not_offered() {
    let mut world = World::new();
    world.settings.calls = None;
    let token = world.expired().await;
    assert_eq!(world.ask(&token).await.problem(), (410, "unavailable"));
    assert_eq!(world.calls.take(), ["secret", "secret", "take"], "the link is not even looked up");
}

#[tokio::test]
async fn what_is_no_request_of_the_page_is_refused_before_any_link_is_looked_up() {
    for name in [
        "wrong-origin",
        "malformed-body",
        "malformed-token",
        "oversized-body",
        "wrong-content-type",
        "no-body",
    ] {
        let world = World::new();
        let seen = world.invoke(&event(name)).await.unwrap();
        assert_eq!(seen.problem(), (400, "invalid_request"), "{name}");
        assert_eq!(world.calls.take(), ["secret", "secret", "take"], "{name}");
    }
}

#[tokio::test]
async fn who_does_not_come_through_cloudfront_uses_up_nobodys_limit() {
    let world = World::new();
    let token = world.expired().await;
    let mut forged = post(token.as_str());
    forged["headers"]["x-origin-verify"] = json!("a guess");
    for direct in [event("not-through-cloudfront"), forged] {
        for _ in 0..world.settings.calls_per_minute {
            assert_eq!(world.invoke(&direct).await.unwrap().problem(), (400, "invalid_request"));
            assert_eq!(world.calls.take(), ["secret"]);
        }
    }
    assert_eq!(world.ask(&token).await.status, 202);
}

#[tokio::test]
async fn an_address_has_so_many_requests_a_minute() {
    let world = World::new();
    let token = world.expired().await;
    let unknown = Token::derive(b"x", &Nonce::random().unwrap());
    world.wait(50);
    for _ in 0..world.settings.calls_per_minute {
        assert_eq!(world.ask(&unknown).await.status, 410);
    }
    let seen = world.ask(&token).await;
    assert_eq!((seen.problem(), seen.retry_after()), ((429, "too_many_requests"), Some(10)));
    assert!(world.connect.started_calls().is_empty());
    let other = world.invoke(&post_from("203.0.113.25:46532", unknown.as_str())).await.unwrap();
    assert_eq!(other.status, 410, "another address");
    world.wait(10);
    assert_eq!(world.ask(&token).await.status, 202);
}

#[tokio::test]
async fn what_is_set_up_wrongly_lets_nobody_in() {
    let world = World::new();
    let token = world.expired().await;
    let mut silent = post(token.as_str());
    silent["headers"]["cloudfront-viewer-address"] = json!(null);
    assert_eq!(world.invoke(&silent).await.unwrap().problem(), (503, "busy"));
    world.secrets.set("origin", "");
    let mut empty = post(token.as_str());
    empty["headers"]["x-origin-verify"] = json!("");
    assert_eq!(world.invoke(&empty).await.unwrap().problem(), (503, "busy"));
    assert_eq!(world.links.calls(Operation::ClaimCall), 0);
}
