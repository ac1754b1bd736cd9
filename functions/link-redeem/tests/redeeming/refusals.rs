//! Requests that are not carried out, and what they tell whoever makes them.

use eventide_clients::links::{Links as _, Operation};
use eventide_links::token::{Nonce, Token};
use serde_json::json;

use crate::support::{OTHER_PAGE, PAGE, TOKEN_SECRET, World, context, event, post, post_from};

#[tokio::test]
async fn links_that_cannot_be_redeemed_are_not_to_be_told_apart() {
    let world = World::new();
    let revoked = world.link("revoked", context()).await;
    assert!(world.links.revoke("revoked").await.unwrap());
    let used = world.some_link().await;
    world.redeem(&used, OTHER_PAGE).await;
    let forged = Token::derive(b"another secret", &Nonce::random().unwrap());
    let unknown = Token::derive(TOKEN_SECRET.as_bytes(), &Nonce::random().unwrap());
    world.calls.take();
    let mut seen = Vec::new();
    for (about, token) in [("revoked", revoked), ("used", used), ("forged", forged), ("unknown", unknown)] {
        let answer = world.redeem(&token, PAGE).await;
        seen.push((about, answer, world.calls.take()));
    }
    for (about, answer, calls) in &seen {
        assert_eq!(answer.problem(), (410, "unavailable"), "{about}");
        assert_eq!(answer, &seen[0].1, "{about}");
        assert_eq!(*calls, ["secret", "secret", "take", "claim"], "{about}");
    }
    world.chat();
}

#[tokio::test]
async fn an_expired_link_is_told_apart_by_the_same_calls() {
    let world = World::new();
    let token = world.some_link().await;
    let revoked = world.link("revoked", context()).await;
    world.links.revoke("revoked").await.unwrap();
    world.wait(900);
    assert_eq!(world.redeem(&token, PAGE).await.problem(), (410, "expired"));
    assert_eq!(world.calls.take(), ["secret", "secret", "take", "claim"]);
    assert_eq!(world.redeem(&revoked, PAGE).await.problem(), (410, "unavailable"), "an agent has answered");
    assert!(world.connect.chats().is_empty());
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
        "no-nonce",
    ] {
        let world = World::new();
        let seen = world.invoke(&event(name)).await.unwrap();
        assert_eq!(seen.problem(), (400, "invalid_request"), "{name}");
        // Who sends nonsense is limited as well.
        assert_eq!(world.calls.take(), ["secret", "secret", "take"], "{name}");
        assert_eq!(world.counted("invalid_request"), 1.0);
    }
}

#[tokio::test]
async fn who_does_not_come_through_cloudfront_uses_up_nobodys_limit() {
    let world = World::new();
    let token = world.some_link().await;
    let mut forged = post(token.as_str(), PAGE);
    forged["headers"]["x-origin-verify"] = json!("a guess");
    for direct in [event("not-through-cloudfront"), forged] {
        for _ in 0..world.settings.redeems_per_minute {
            let seen = world.invoke(&direct).await.unwrap();
            assert_eq!(seen.problem(), (400, "invalid_request"));
            assert_eq!(world.calls.take(), ["secret"]);
        }
    }
    assert_eq!(world.redeem(&token, PAGE).await.status, 200);
}

#[tokio::test]
async fn an_address_has_so_many_requests_a_minute() {
    let mut world = World::new();
    world.settings.redeems_per_minute = 3;
    let token = world.some_link().await;
    let unknown = Token::derive(b"x", &Nonce::random().unwrap());
    world.wait(18);
    for _ in 0..3 {
        assert_eq!(world.redeem(&unknown, PAGE).await.status, 410);
    }
    world.calls.take();
    let seen = world.redeem(&token, PAGE).await;
    assert_eq!((seen.problem(), seen.retry_after()), ((429, "too_many_requests"), Some(42)));
    assert_eq!(world.calls.take(), ["secret", "secret", "take"], "before anything else");
    let other = world.invoke(&post_from("203.0.113.25:46532", unknown.as_str(), PAGE)).await.unwrap();
    assert_eq!(other.status, 410, "another address");
    let port = world.invoke(&post_from("203.0.113.24:1", token.as_str(), PAGE)).await.unwrap();
    assert_eq!(port.status, 429, "the same address");
    world.wait(42);
    assert_eq!(world.redeem(&token, PAGE).await.status, 200);
    assert_eq!(world.counted("too_many_requests"), 2.0);
}

#[tokio::test]
async fn an_ipv6_network_is_one_address() {
    let mut world = World::new();
    world.settings.redeems_per_minute = 2;
    let token = Token::derive(b"x", &Nonce::random().unwrap());
    for (address, status) in [
        ("2001:db8:1:2::1:443", 410),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff:443", 410),
        ("2001:db8:1:2:1:2:3:4:443", 429),
        ("2001:db8:1:3::1:443", 410),
    ] {
        let seen = world.invoke(&post_from(address, token.as_str(), PAGE)).await.unwrap();
        assert_eq!(seen.status, status, "{address}");
    }
}

#[tokio::test]
async fn what_is_set_up_wrongly_lets_nobody_in() {
    let world = World::new();
    let token = world.some_link().await;
    let mut silent = post(token.as_str(), PAGE);
    silent["headers"]["cloudfront-viewer-address"] = json!(null);
    let seen = world.invoke(&silent).await.unwrap();
    assert_eq!(seen.problem(), (503, "busy"), "the distribution does not name viewers");

    world.secrets.set("origin", "");
    let mut empty = post(token.as_str(), PAGE);
    empty["headers"]["x-origin-verify"] = json!("");
    assert_eq!(world.invoke(&empty).await.unwrap().problem(), (503, "busy"), "the secret is empty");
    assert_eq!(world.links.calls(Operation::Claim), 0);
    assert_eq!(world.counted("failed"), 2.0);
}

#[tokio::test]
async fn no_status_is_one_that_cloudfront_replaces() {
    let world = World::new();
    let token = world.some_link().await;
    let mut statuses = vec![world.redeem(&token, PAGE).await.status];
    for name in ["unknown-token", "wrong-origin", "not-through-cloudfront", "oversized-body", "no-nonce"] {
        statuses.push(world.invoke(&event(name)).await.unwrap().status);
    }
    world.secrets.fail_next(eventide_kit::Error::environment("AccessDenied", "denied"));
    statuses.push(world.redeem(&token, PAGE).await.status);
    assert_eq!(statuses, [200, 410, 400, 400, 400, 400, 503]);
}
