use std::collections::BTreeMap;
use std::time::Duration;

use eventide_clients::links::contract::{claim, link};
use eventide_clients::links::{Claimed, DynamoDbLinks, Limit, Limits, Links, Redeemed, State};
use eventide_types::Link;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{Reply, Server, error, ok};

const NOON: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);

fn links(server: &Server) -> DynamoDbLinks {
    DynamoDbLinks::new(&server.config(), "links")
}

/// A failed condition, and the item that failed it, if there was one.
fn refused(item: Option<&Value>) -> Reply {
    let mut body = json!({"message": "said AWS"});
    if let Some(item) = item {
        body["Item"] = item.clone();
    }
    error(400, "ConditionalCheckFailedException").with_body(&body)
}

fn millis(moment: OffsetDateTime) -> Value {
    json!({"N": (moment.unix_timestamp_nanos() / 1_000_000).to_string()})
}

/// The item of a link, with more.
fn item(link: &Link, more: &Value) -> Value {
    let expires_at = (link.expires_at + time::Duration::days(1)).unix_timestamp() + 1;
    let mut item = json!({"pk": {"S": format!("link#{}", link.hash)}, "contact_id": {"S": link.contact_id},
        "created_at": millis(link.created_at), "valid_until": millis(link.expires_at),
        "context": {"S": serde_json::to_string(&link.context).unwrap()}, "has_phone": {"BOOL": true},
        "state": {"S": "open"}, "expires_at": {"N": expires_at.to_string()}});
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    item
}

fn claimed_by(page: &str, until: OffsetDateTime) -> Value {
    json!({"state": {"S": "claimed"}, "claimant": {"S": page}, "claim_until": millis(until)})
}

fn used_by(page: &str) -> Value {
    json!({"state": {"S": "used"}, "claimant": {"S": page}, "chat_contact_id": {"S": "chat"},
        "answer": {"S": "sealed"}, "replay_until": millis(NOON)})
}

fn redeemed() -> Redeemed {
    Redeemed { chat_contact_id: "chat".to_owned(), answer: "sealed".to_owned(), replay_until: NOON }
}

fn operations(server: &Server) -> Vec<String> {
    server.seen().iter().map(|seen| seen.operation().to_owned()).collect()
}

#[tokio::test]
async fn a_link_is_two_items_of_which_the_second_says_no_nonce() {
    let server = Server::start(|_| ok(json!({}))).await;
    let link = link(1);
    let opened = links(&server).open(&link, "nonce").await.unwrap();
    assert!(opened.is_new);
    let seen = server.seen();
    assert_eq!(operations(&server), ["PutItem", "PutItem"]);
    let contact = &seen[0].json["Item"];
    assert_eq!(contact["pk"]["S"], format!("contact#{}", link.contact_id));
    assert_eq!((&contact["link_hash"]["S"], &contact["nonce"]["S"]), (&json!(link.hash), &json!("nonce")));
    assert_eq!(seen[1].json["Item"], item(&link, &json!({})));
    assert_eq!(seen[1].json["ConditionExpression"], "attribute_not_exists(pk)");
    for request in &seen {
        assert_eq!(request.json["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
        assert_eq!(request.json["TableName"], "links");
    }
}

/// The first answer is lost, and the SDK makes the request again.
#[tokio::test]
async fn a_repeat_that_meets_its_own_effect_comes_out_the_same() {
    let link = link(2);
    let kept = item(&link, &json!({}));
    let contact = json!({"pk": {"S": "contact"}, "link_hash": {"S": link.hash}, "nonce": {"S": "nonce"}});
    let server = Server::start(move |request| match (request.number, &request.json["Item"]["nonce"]) {
        (0 | 2, _) => error(500, "InternalServerError"),
        (_, Value::Null) => refused(Some(&kept)),
        _ => refused(Some(&contact)),
    })
    .await;
    let opened = links(&server).open(&link, "nonce").await.unwrap();
    assert_eq!((opened.is_new, opened.state, opened.link == link), (true, State::Open, true));
    assert_eq!(server.hits(), 4);

    let used = item(&link, &used_by("a"));
    let server = Server::start(move |request| match request.number {
        0 | 2 => error(500, "InternalServerError"),
        1 => ok(json!({})),
        _ => refused(Some(&used)),
    })
    .await;
    links(&server).complete(&link, "a", &redeemed()).await.unwrap();
    assert_eq!(operations(&server), ["PutItem", "PutItem", "UpdateItem", "UpdateItem"]);
}

#[tokio::test]
async fn a_claim_takes_one_request_whatever_its_answer() {
    let link = link(3);
    let later = NOON + time::Duration::HOUR;
    let gone = json!({"expires_at": {"N": NOON.unix_timestamp().to_string()}});
    let expired = json!({"valid_until": millis(NOON)});
    let revoked = json!({"revoked": {"BOOL": true}});
    let mut replay = used_by("a");
    replay["replay_until"] = millis(later);
    let of = |more: &Value| Some(item(&link, more));
    for (known, expected) in [
        (None, Claimed::Unavailable),
        (of(&claimed_by("b", later)), Claimed::Unavailable),
        (of(&used_by("a")), Claimed::Unavailable),
        (of(&used_by("b")), Claimed::Unavailable),
        (of(&replay), Claimed::Replay { answer: "sealed".to_owned() }),
        (of(&revoked), Claimed::Unavailable),
        (of(&expired), Claimed::Expired),
        (of(&gone), Claimed::Unavailable),
    ] {
        let server = Server::start(move |_| refused(known.as_ref())).await;
        assert_eq!(links(&server).claim(&link.hash, &claim("a", NOON)).await.unwrap(), expected);
        assert_eq!(operations(&server), ["UpdateItem"]);
    }
    let attributes = item(&link, &claimed_by("a", later));
    let server = Server::start(move |_| ok(json!({"Attributes": attributes}))).await;
    let won = links(&server).claim(&link.hash, &claim("a", NOON)).await.unwrap();
    assert_eq!(won, Claimed::Won(Box::new(link.clone())));
    let request = &server.seen()[0].json;
    assert_eq!(request["Key"]["pk"]["S"], format!("link#{}", link.hash));
    assert_eq!(request["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    assert_eq!(request["ExpressionAttributeValues"][":now"], millis(NOON));
}

#[tokio::test]
async fn what_is_not_readable_names_its_attribute_and_quotes_nothing() {
    let link = link(4);
    for (attribute, value) in [
        ("state", json!({"S": "secret"})),
        ("context", json!({"S": "secret"})),
        ("valid_until", json!({"S": "secret"})),
        ("call", json!({"S": "secret"})),
        ("pk", json!({"S": "link#secret"})),
        ("expires_at", json!({"S": "secret"})),
    ] {
        let known = item(&link, &json!({attribute: value}));
        let server = Server::start(move |_| refused(Some(&known))).await;
        let failed = links(&server).claim(&link.hash, &claim("a", NOON)).await.unwrap_err();
        assert_eq!(failed.qualified_type(), "Permanent.UnreadableItem", "{attribute}");
        let said = failed.to_string();
        assert!(said.contains(&format!("`{attribute}`")), "{said}");
        assert!(attribute == "pk" || !said.contains("secret"), "{said}");
    }
    let server = Server::start(|_| refused(None)).await;
    let failed = links(&server).open(&link, "nonce").await.unwrap_err();
    assert_eq!(failed.qualified_type(), "Retryable.ItemGone");
}

#[tokio::test]
async fn a_link_that_others_always_extend_is_extended_later() {
    let link = link(5);
    let known = item(&link, &json!({}));
    let server = Server::start(move |_| refused(Some(&known))).await;
    let failed = links(&server).extend(&link).await.unwrap_err();
    assert_eq!((failed.qualified_type().as_str(), server.hits()), ("Retryable.WriteConflict", 3));
}

#[tokio::test]
async fn revoking_needs_a_contact_and_takes_two_requests() {
    let link = link(6);
    let contact = json!({"pk": {"S": "contact"}, "link_hash": {"S": link.hash}, "nonce": {"S": "nonce"}});
    for (more, expected) in [(json!({}), true), (claimed_by("a", NOON), false)] {
        let (contact, before) = (contact.clone(), item(&link, &more));
        let server = Server::start(move |request| match request.operation() {
            "GetItem" => ok(json!({"Item": contact})),
            _ => ok(json!({"Attributes": before})),
        })
        .await;
        assert_eq!(links(&server).revoke(&link.contact_id).await.unwrap(), expected);
        assert_eq!(operations(&server), ["GetItem", "UpdateItem"]);
        assert_eq!(server.seen()[0].json["ConsistentRead"], true);
    }
    let server = Server::start(|_| ok(json!({}))).await;
    assert!(!links(&server).revoke("foreign").await.unwrap());
    assert_eq!(links(&server).voice_of("foreign").await.unwrap(), None);
    assert_eq!(operations(&server), ["GetItem", "GetItem"]);
}

#[tokio::test]
async fn a_limit_is_an_item_for_each_span() {
    let server = Server::start(|_| ok(json!({}))).await;
    let limit = Limit { name: "recipient#a".to_owned(), max: 3, window: Duration::from_secs(3_600) };
    let now = NOON + time::Duration::minutes(59);
    assert!(links(&server).take(&limit, Some("b"), now).await.unwrap());
    assert!(links(&server).take(&limit, None, now).await.unwrap());
    let seen = server.seen();
    let start = NOON.unix_timestamp();
    for request in &seen {
        assert_eq!(request.json["Key"]["pk"]["S"], format!("limit#recipient#a#{start}"));
        let values = &request.json["ExpressionAttributeValues"];
        assert_eq!(values[":end"]["N"], (start + 3_600).to_string());
        assert_eq!(values[":max"]["N"], "3");
    }
    assert_eq!(seen[0].json["ExpressionAttributeValues"][":takers"], json!({"SS": ["b"]}));
    let none = Limit { max: 0, ..limit };
    assert!(!links(&server).take(&none, None, now).await.unwrap());
    assert_eq!(server.hits(), 2, "there is no room to ask for");
}

#[tokio::test]
async fn all_calls_fail_with_what_dynamodb_says() {
    let link = link(7);
    for (status, code, expected) in [
        (400, "ResourceNotFoundException", "Environment.TableNotFound"),
        (400, "ProvisionedThroughputExceededException", "Retryable.Throttled"),
        (500, "InternalServerError", "Retryable.ServerError"),
        (400, "AccessDeniedException", "Environment.AccessDenied"),
    ] {
        let server = Server::start(move |_| error(status, code)).await;
        let links = links(&server);
        let limit = Limit { name: "a".to_owned(), max: 1, window: Duration::from_secs(60) };
        let failures = BTreeMap::from([
            ("open", links.open(&link, "nonce").await.map(drop)),
            ("extend", links.extend(&link).await.map(drop)),
            ("claim", links.claim(&link.hash, &claim("a", NOON)).await.map(drop)),
            ("release", links.release(&link.hash, "a").await),
            ("complete", links.complete(&link, "a", &redeemed()).await),
            ("revoke", links.revoke("contact").await.map(drop)),
            ("voice_of", links.voice_of("chat").await.map(drop)),
            ("claim_call", links.claim_call(&link.hash, NOON).await.map(drop)),
            ("called", links.called(&link.hash).await),
            ("take", links.take(&limit, None, NOON).await.map(drop)),
        ]);
        for (call, failed) in failures {
            assert_eq!(failed.unwrap_err().qualified_type(), expected, "{call}");
        }
    }
}
