//! Signed URLs.

use std::time::{SystemTime, UNIX_EPOCH};

use http::Method;
use serde_json::{Value, json};

use crate::support::{Seen, World, python, send, sign};

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

fn with(mut link: Value, member: &str, value: Value) -> Value {
    if let Some(members) = link.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
    link
}

fn is_page(seen: &Seen) {
    assert_eq!(seen.status, 200, "{seen:?}");
    assert!(seen.body.contains("<title>Chat</title>"), "{seen:?}");
    assert_eq!(seen.header("content-type"), "text/html; charset=utf-8");
}

fn is_refused(what: &str, seen: &Seen) {
    assert_eq!(seen.status, 403, "{what}: {seen:?}");
    assert!(seen.body.contains("<title>Expired</title>"), "{what}: {seen:?}");
    // The headers policy is that of the path that was asked for.
    assert_eq!(seen.header("cache-control"), "no-store", "{what}");
    assert_eq!(seen.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(seen.header("content-type"), "text/html; charset=utf-8", "{what}");
}

#[tokio::test]
async fn only_what_the_key_group_signed_opens_the_page() -> Result<(), String> {
    let mut world = World::start().await?;
    let rsa = python(&[json!({ "pair": "rsa" }), json!({ "pair": "ecdsa" })]).await?;
    let pair = json!({
        "slot": "b", "privateKey": rsa[0]["privateKey"], "publicKey": rsa[0]["publicKey"],
    });
    world.cloud.control(Method::POST, "edge/keys", Some(&pair)).await?;
    world.deploy(&[]).await?;
    let path = "/c?t=0123456789abcdefghijkl";
    let link = world.link(path, now() + 600);
    let custom = |what: Value| with(link.clone(), "custom", what);
    let by_rsa =
        |link: Value| with(with(link, "key", json!(world.keys["b"])), "keyId", json!(world.outputs["KeyB"]));
    let pattern = json!(format!("{}/c?t=*", world.cloud.edge()));

    let good = [
        ("canned", link.clone()),
        ("without a query", world.link("/c", now() + 600)),
        ("custom", custom(json!({}))),
        ("wildcard", custom(json!({ "resource": pattern }))),
        ("address and beginning", custom(json!({ "address": "127.0.0.0/8", "from": now() - 60 }))),
        ("RSA", by_rsa(link.clone())),
        ("RSA, custom", by_rsa(custom(json!({})))),
        ("RSA over SHA-1", with(by_rsa(link.clone()), "hash", json!("SHA1"))),
    ];
    let urls = sign(&good.iter().map(|(_, link)| link.clone()).collect::<Vec<_>>()).await?;
    for ((what, _), url) in good.iter().zip(&urls) {
        let seen = world.get(url).await?;
        assert_eq!(seen.status, 200, "{what}: {seen:?}");
        is_page(&seen);
        assert_eq!(seen.header("cache-control"), "no-store");
    }

    let head = send(Method::HEAD, &urls[0], &[], "").await?;
    assert_eq!((head.status, head.body.as_str()), (200, ""), "{head:?}");
    assert_eq!(head.header("content-length"), "35");
    let tag = head.header("etag").to_owned();
    let unchanged = send(Method::GET, &urls[0], &[("if-none-match", &tag)], "").await?;
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""), "{unchanged:?}");

    let stranger = with(link.clone(), "key", rsa[1]["privateKey"].clone());
    let bad = [
        ("expired", world.link(path, now() - 1)),
        ("other key", stranger),
        ("unknown key id", with(link.clone(), "keyId", json!("K00000000000000"))),
        ("other slot's id", with(link.clone(), "keyId", json!(world.outputs["KeyB"]))),
        ("ECDSA over SHA-1", with(link.clone(), "hash", json!("SHA1"))),
        ("other resource", custom(json!({ "resource": world.url("/d?t=*") }))),
        ("other address", custom(json!({ "address": "192.0.2.0/24" }))),
        ("not yet", custom(json!({ "from": now() + 300 }))),
    ];
    for (what, url) in bad.iter().map(|(what, _)| what).zip(sign(&bad.clone().map(|(_, link)| link)).await?) {
        is_refused(what, &world.get(&url).await?);
    }
    let altered = [
        urls[0].replace("t=0", "t=1"),
        urls[0].replace("&Hash-Algorithm=SHA256", ""),
        urls[0].replace("&Hash-Algorithm=SHA256", "&Hash-Algorithm=SHA512"),
        urls[0].replace("Expires=1", "Expires=2"),
        urls[0].replace("Signature=", "Signature=A"),
        urls[0].replacen("http://127.0.0.1", "http://localhost", 1),
        format!("{}&more=1", urls[0]),
        world.url(path),
        world.url("/c"),
    ];
    for url in altered {
        is_refused(&url, &world.get(&url).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_link_ends_by_the_clock_and_a_key_by_its_deployment() -> Result<(), String> {
    let mut world = World::start().await?;
    let link = world.link("/c?t=1", now() + 600);
    let url = sign(&[link]).await?.remove(0);
    is_page(&world.get(&url).await?);
    world.cloud.control(Method::POST, "clock", Some(&json!({ "advance_seconds": 599 - 30 }))).await?;
    is_page(&world.get(&url).await?);
    world.cloud.control(Method::POST, "clock", Some(&json!({ "advance_seconds": 31 }))).await?;
    is_refused("ended", &world.get(&url).await?);
    world.cloud.control(Method::POST, "reset", None).await?;
    is_page(&world.get(&url).await?);

    // Rotation: while both keys are in the group, links of both hold.
    world.cloud.control(Method::POST, "edge/keys", Some(&json!({ "slot": "b", "current": "b" }))).await?;
    world.deploy(&[]).await?;
    let (key, id) = (json!(world.keys["b"]), json!(world.outputs["KeyB"]));
    let by_b = with(with(world.link("/c?t=2", now() + 600), "key", key), "keyId", id);
    is_page(&world.get(&sign(&[by_b]).await?[0]).await?);
    is_page(&world.get(&url).await?);
    // Another key in slot `a` ends the links of the old one.
    world.cloud.control(Method::POST, "edge/keys", Some(&json!({ "slot": "a" }))).await?;
    world.deploy(&[]).await?;
    is_refused("replaced key", &world.get(&url).await?);
    Ok(())
}
