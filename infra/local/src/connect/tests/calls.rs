//! Outbound calls.

use super::*;

const PATH: &str = "/contact/outbound-voice";

fn to(changes: Value) -> Value {
    with(
        json!({
            "InstanceId": INSTANCE, "ContactFlowId": CALLBACK_FLOW,
            "DestinationPhoneNumber": "+12065550123", "QueueId": QUEUE,
        }),
        changes,
    )
}

#[tokio::test]
async fn a_call_is_made_once_per_client_token_and_listed() {
    let bench = bench().await;
    let related = json!({ "id": "v1", "state": "ended", "attributes": { "a": "old", "b": "kept" } });
    bench.control("POST", "contacts", related).await;
    let asked = to(json!({ "ClientToken": "t", "RelatedContactId": "v1", "Attributes": { "a": "new" } }));
    let (status, first) = bench.call("PUT", PATH, asked.clone()).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(bench.call("PUT", PATH, asked).await, (200, first.clone()));
    let (_, other) =
        bench.call("PUT", PATH, to(json!({ "SourcePhoneNumber": NUMBER, "QueueId": null }))).await;
    assert_ne!(other, first);
    let calls = bench.control("GET", "calls", Value::Null).await;
    let calls = calls["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2, "{calls:?}");
    for (member, expected) in [
        ("id", first["ContactId"].clone()),
        ("customer", json!("+12065550123")),
        ("system", json!(NUMBER)),
        ("queue", json!(QUEUE)),
        ("flow", json!(CALLBACK_FLOW)),
        ("relatedContactId", json!("v1")),
        ("attributes", json!({ "a": "new", "b": "kept" })),
    ] {
        assert_eq!(calls[0][member], expected, "{member}");
    }
    let events = bench.events().await;
    let initiated = events.iter().filter(|event| event["detail"]["initiationMethod"] == "API").count();
    assert_eq!(initiated, 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_refused_and_none_is_made() {
    let bench = bench().await;
    let refusal = |status, code: &str| (status, code.to_owned());
    let parameter = refusal(400, "InvalidParameterException");
    let not_found = refusal(404, "ResourceNotFoundException");
    for (changes, expected) in [
        (json!({ "DestinationPhoneNumber": "2065550123" }), &parameter),
        (json!({ "DestinationPhoneNumber": "+0206555" }), &parameter),
        (json!({ "DestinationPhoneNumber": null }), &parameter),
        (json!({ "ContactFlowId": "another" }), &not_found),
        (json!({ "InstanceId": "another" }), &not_found),
        (json!({ "QueueId": "another" }), &not_found),
        (json!({ "QueueId": null }), &refusal(400, "InvalidRequestException")),
        (json!({ "SourcePhoneNumber": "+12065550199" }), &not_found),
        (json!({ "RingTimeoutInSeconds": 61 }), &parameter),
        (json!({ "Attributes": { "ä": "v" } }), &parameter),
        (
            json!({ "DestinationPhoneNumber": "+447700900123" }),
            &refusal(403, "DestinationNotAllowedException"),
        ),
        (json!({ "CampaignId": "c" }), &refusal(501, "NotImplementedException")),
    ] {
        assert_eq!(&bench.refused("PUT", PATH, to(changes.clone())).await, expected, "{changes}");
    }
    bench.control("POST", "settings", json!({ "outbound": false })).await;
    let refused = bench.refused("PUT", PATH, to(json!({}))).await;
    assert_eq!(refused, refusal(403, "OutboundContactNotPermittedException"));
    assert_eq!(bench.control("GET", "calls", Value::Null).await, json!({ "calls": [] }));
    assert!(bench.events().await.is_empty());
}
