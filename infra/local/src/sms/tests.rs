//! The service as its callers see it: calls in, answers, messages and events out.

use bytes::Bytes;
use serde_json::json;
use time::Duration;

use super::store::{DEFAULT_LIST, SEEDED_NUMBER, SEEDED_SENDER};
use super::*;
use crate::messages::recorder::Recorder;
use crate::service::Caller;

struct Bench {
    sms: Sms,
    messages: Messages,
    events: Arc<Recorder>,
    clock: Clock,
}

fn bench() -> Bench {
    let (events, clock, messages) = (Arc::new(Recorder::default()), Clock::default(), Messages::default());
    let sms = Sms::new("111122223333", clock.clone(), messages.clone(), Arc::clone(&events) as _);
    Bench { sms, messages, events, clock }
}

impl Bench {
    async fn call(&self, operation: &str, body: Value) -> (u16, Value) {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-amz-target", format!("PinpointSMSVoiceV2.{operation}").parse().unwrap());
        let reply = self
            .sms
            .handle(Call {
                service: "sms-voice".into(),
                region: "us-east-1".into(),
                account: "111122223333".into(),
                caller: Caller { app_id: Some("campaign-send".into()), ..Caller::default() },
                method: Method::POST,
                path: "/".into(),
                query: Vec::new(),
                headers,
                body: Bytes::from(body.to_string()),
            })
            .await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    async fn ok(&self, operation: &str, body: Value) -> Value {
        let (status, answer) = self.call(operation, body).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    async fn send(&self, changes: Value) -> Value {
        self.ok("SendTextMessage", text(changes)).await["MessageId"].clone()
    }

    /// Code and reason of a refusal.
    async fn refused(&self, changes: Value) -> (String, String) {
        let (status, answer) = self.call("SendTextMessage", text(changes)).await;
        assert!(status >= 400, "{answer}");
        let member = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        assert!(!member("Message").is_empty());
        (member("__type"), member("Reason"))
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let reply = self.sms.control(method.parse().unwrap(), path.into(), body).await;
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(reply.status, 200, "{path}: {body}");
        body
    }

    /// The events since the last look, once none is on its way.
    async fn events(&self) -> Vec<Value> {
        while self.control("GET", "events", Value::Null).await["waiting"] != 0 {
            tokio::task::yield_now().await;
        }
        self.events.take()
    }

    async fn event_types(&self) -> Vec<String> {
        let events = self.events().await;
        events.iter().map(|event| event["detail"]["eventType"].as_str().unwrap().to_owned()).collect()
    }

    fn all(&self) -> Vec<Value> {
        let answer = self.messages.answer(&[], false).unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["messages"].as_array().unwrap().clone()
    }
}

fn text(changes: Value) -> Value {
    let mut text = json!({
        "DestinationPhoneNumber": "+12065550123", "OriginationIdentity": SEEDED_NUMBER,
        "MessageBody": "A sale", "MessageType": "PROMOTIONAL",
    });
    text.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    text
}

fn pair(code: &str, reason: &str) -> (String, String) {
    (code.to_owned(), reason.to_owned())
}

#[tokio::test]
async fn an_accepted_message_is_listed_and_its_events_tell_of_it() {
    let bench = bench();
    let id = bench.send(json!({ "Context": { "ledger": "a 1" } })).await;
    let message = bench.all().remove(0);
    for (member, expected) in [
        ("id", id.clone()),
        ("channel", json!("sms")),
        ("to", json!(["+12065550123"])),
        ("from", json!(SEEDED_NUMBER)),
        ("text", json!("A sale")),
        ("context", json!({ "ledger": "a 1" })),
        ("parts", json!(1)),
        ("caller", json!("campaign-send")),
    ] {
        assert_eq!(message[member], expected, "{member}");
    }
    let events = bench.events().await;
    let told: Vec<_> =
        events.iter().map(|event| (&event["detail"]["eventType"], &event["detail"]["isFinal"])).collect();
    assert_eq!(told, [(&json!("TEXT_PENDING"), &json!(false)), (&json!("TEXT_DELIVERED"), &json!(true))]);
    let event = &events[1];
    assert_eq!((&event["source"], &event["resources"]), (&json!("aws.sms-voice"), &json!([])));
    assert_eq!(event["detail-type"], "Text Message Delivery Status Updated");
    for (member, expected) in [
        ("messageId", id),
        ("context", json!({ "ledger": "a 1" })),
        ("destinationPhoneNumber", json!("+12065550123")),
        ("originationPhoneNumber", json!(SEEDED_NUMBER)),
        ("isoCountryCode", json!("US")),
        ("isInternationalSend", json!(false)),
        ("messageStatus", json!("DELIVERED")),
        ("messageEncoding", json!("GSM")),
        ("totalMessageParts", json!(1)),
    ] {
        assert_eq!(event["detail"][member], expected, "{member}");
    }
    bench.control("POST", "settings", json!({ "destinationInEvents": false, "emit": true })).await;
    let with_context = json!({ "Context": { "ledger": "a 1" } });
    bench.send(with_context.clone()).await;
    let event = bench.events().await[0].clone();
    assert!(event["detail"].get("destinationPhoneNumber").is_none());
    assert!(event["detail"].get("context").is_some());
    bench.control("POST", "settings", json!({ "contextInEvents": false })).await;
    bench.send(with_context).await;
    let event = bench.events().await[0].clone();
    assert!(
        event["detail"].get("context").is_none() && event["detail"].get("messageId").is_some(),
        "{event}"
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_refused_and_leaves_nothing() {
    let bench = bench();
    let field = pair("ValidationException", "FIELD_VALIDATION_FAILED");
    let not_found = pair("ResourceNotFoundException", "");
    let six: serde_json::Map<String, Value> = (0..6).map(|n| (format!("k{n}"), json!("v"))).collect();
    for (changes, expected) in [
        (json!({ "DestinationPhoneNumber": "2065550123" }), &field),
        (json!({ "DestinationPhoneNumber": "+0206555" }), &field),
        (json!({ "DestinationPhoneNumber": null }), &field),
        (json!({ "MessageBody": "" }), &field),
        (json!({ "MessageBody": "  " }), &field),
        (json!({ "MessageBody": "x".repeat(1_601) }), &field),
        (json!({ "MessageType": "SPAM" }), &field),
        (json!({ "MaxPrice": "1" }), &field),
        (json!({ "MaxPrice": "100.0" }), &field),
        (json!({ "MaxPrice": "0.123456" }), &field),
        (json!({ "TimeToLive": 4 }), &field),
        (json!({ "TimeToLive": 259_201 }), &field),
        (json!({ "Context": six }), &field),
        (json!({ "Context": { "a b": "v" } }), &field),
        (json!({ "Context": { "k": " v" } }), &field),
        (json!({ "Context": { "k": "v".repeat(801) } }), &field),
        (json!({ "OriginationIdentity": "+12065550199" }), &not_found),
        (json!({ "OriginationIdentity": "pool-none" }), &not_found),
        (json!({ "OriginationIdentity": "NOBODY" }), &not_found),
        (json!({ "ConfigurationSetName": "none" }), &not_found),
        (json!({ "ProtectConfigurationId": "protect-none" }), &not_found),
    ] {
        let shown: String = changes.to_string().chars().take(100).collect();
        assert_eq!(&bench.refused(changes).await, expected, "{shown}");
    }
    assert!(bench.all().is_empty() && bench.events().await.is_empty());
    let (status, _) = bench.call("SendVoiceMessage", json!({})).await;
    assert_eq!(status, 501);
}

#[tokio::test]
async fn prices_and_spending_are_capped() {
    let bench = bench();
    let over = pair("ValidationException", "PRICE_OVER_THRESHOLD");
    let two_parts = json!({ "MessageBody": "x".repeat(161), "MaxPrice": ".01" });
    assert_eq!(bench.refused(two_parts).await, over);
    bench.send(json!({ "MaxPrice": "0.01" })).await;
    bench.control("POST", "settings", json!({ "prices": { "1": 0.4 } })).await;
    assert_eq!(bench.refused(json!({ "MaxPrice": "0.01" })).await, over);
    bench.ok("SetTextMessageSpendLimitOverride", json!({ "MonthlyLimit": 1 })).await;
    bench.send(json!({})).await;
    bench.send(json!({})).await;
    let spent = pair("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT");
    assert_eq!(bench.refused(json!({})).await, spent);
    let limits = bench.ok("DescribeSpendLimits", json!({})).await;
    assert_eq!(limits["SpendLimits"][0]["EnforcedLimit"], 1);
    bench.clock.advance(Duration::days(31));
    bench.send(json!({})).await;
}

#[tokio::test]
async fn recipients_opt_out_by_a_word_and_by_the_api() {
    let bench = bench();
    let opted_out = pair("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT");
    let answered =
        bench.control("POST", "inbound", json!({ "from": "+12065550123", "body": " stop " })).await;
    assert_eq!(answered, json!({ "optedOut": true, "optOutListName": "Default" }));
    assert_eq!(bench.refused(json!({})).await, opted_out);
    assert_eq!(bench.refused(json!({ "DryRun": true })).await, opted_out);
    let entry = json!({ "OptOutListName": DEFAULT_LIST, "OptedOutNumber": "+12065550124" });
    bench.ok("PutOptedOutNumber", entry.clone()).await;
    assert_eq!(bench.refused(json!({ "DestinationPhoneNumber": "+12065550124" })).await, opted_out);
    let listed = bench.ok("DescribeOptedOutNumbers", json!({ "OptOutListName": DEFAULT_LIST })).await;
    let ends: Vec<_> =
        listed["OptedOutNumbers"].as_array().unwrap().iter().map(|entry| &entry["EndUserOptedOut"]).collect();
    assert_eq!(ends, [&json!(true), &json!(false)]);
    bench.ok("DeleteOptedOutNumber", entry.clone()).await;
    bench.send(json!({ "DestinationPhoneNumber": "+12065550124" })).await;
    bench.ok("PutOptedOutNumber", entry.clone()).await;
    let (_, again) = bench.call("DeleteOptedOutNumber", entry.clone()).await;
    assert_eq!(again["Reason"], "PHONE_NUMBER_CANNOT_BE_OPTED_IN", "once every 30 days");
    bench.clock.advance(Duration::days(30));
    bench.ok("DeleteOptedOutNumber", entry).await;
    // Another identity with a list of its own.
    bench.ok("CreateOptOutList", json!({ "OptOutListName": "own" })).await;
    let number = bench
        .ok(
            "RequestPhoneNumber",
            json!({
                "IsoCountryCode": "US", "MessageType": "PROMOTIONAL", "NumberCapabilities": ["SMS"],
                "NumberType": "TOLL_FREE", "OptOutListName": "own",
            }),
        )
        .await;
    bench.send(json!({ "OriginationIdentity": number["PhoneNumberArn"] })).await;
}

#[tokio::test]
async fn throughput_is_counted_in_parts_of_each_identity() {
    let bench = bench();
    bench.control("POST", "settings", json!({ "partsPerSecond": 2 })).await;
    let throttled = pair("ThrottlingException", "");
    bench.send(json!({})).await;
    bench.send(json!({ "MessageBody": "x".repeat(161) })).await;
    assert_eq!(bench.refused(json!({})).await, throttled, "three parts, of two a second");
    bench
        .send(json!({ "OriginationIdentity": SEEDED_SENDER, "DestinationPhoneNumber": "+4915112345678" }))
        .await;
    bench.send(json!({ "DryRun": true })).await;
    bench.clock.advance(Duration::seconds(1));
    bench.send(json!({})).await;
    assert_eq!(bench.refused(json!({})).await, throttled);
    assert_eq!(bench.all().len(), 4, "a dry run is not sent");
}

#[tokio::test]
async fn plans_and_the_simulator_choose_what_becomes_of_messages() {
    let bench = bench();
    for plan in [
        json!({ "toContains": "0123", "skip": 1, "times": 1, "outcome": "CARRIER_BLOCKED" }),
        json!({ "contentContains": "quiet", "outcome": "SILENCE" }),
        json!({ "contentContains": "full", "error": { "code": "InternalServerException", "status": 500 } }),
        json!({ "contentContains": "late", "event": { "delayedSeconds": 60 } }),
    ] {
        bench.control("POST", "plans", plan).await;
    }
    bench.send(json!({})).await;
    assert_eq!(bench.event_types().await, ["TEXT_PENDING", "TEXT_DELIVERED"]);
    bench.send(json!({})).await;
    assert_eq!(bench.event_types().await, ["TEXT_PENDING", "TEXT_CARRIER_BLOCKED"]);
    bench.send(json!({ "MessageBody": "quiet" })).await;
    assert!(bench.event_types().await.is_empty());
    let (status, _) = bench.call("SendTextMessage", text(json!({ "MessageBody": "full" }))).await;
    assert_eq!(status, 500);
    bench.send(json!({ "MessageBody": "late" })).await;
    assert_eq!(bench.control("GET", "events", Value::Null).await["waiting"], 2);
    bench.clock.advance(Duration::seconds(60));
    assert_eq!(bench.event_types().await.len(), 2);
    let id = bench.send(json!({ "DestinationPhoneNumber": "+14254147167" })).await;
    assert_eq!(bench.event_types().await, ["TEXT_PENDING", "TEXT_BLOCKED"]);
    bench.control("POST", "event", json!({ "messageId": id, "status": "UNKNOWN" })).await;
    assert_eq!(bench.event_types().await, ["TEXT_UNKNOWN"]);
}

#[tokio::test]
async fn identities_are_found_by_name_id_and_arn_and_send_where_they_can() {
    let bench = bench();
    let numbers = bench.ok("DescribePhoneNumbers", json!({})).await;
    let (id, arn) =
        (&numbers["PhoneNumbers"][0]["PhoneNumberId"], &numbers["PhoneNumbers"][0]["PhoneNumberArn"]);
    let pools = bench.ok("DescribePools", json!({})).await;
    let pool = &pools["Pools"][0];
    for origination in [id, arn, &pool["PoolId"], &pool["PoolArn"], &Value::Null] {
        bench.send(json!({ "OriginationIdentity": origination })).await;
    }
    assert!(bench.all().iter().all(|message| message["from"] == SEEDED_NUMBER));
    let sender_to_the_us = json!({ "OriginationIdentity": SEEDED_SENDER });
    let refused = pair("ValidationException", "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY");
    assert_eq!(bench.refused(sender_to_the_us).await, refused);
    let local = bench
        .ok(
            "RequestPhoneNumber",
            json!({
                "IsoCountryCode": "US", "MessageType": "PROMOTIONAL", "NumberCapabilities": ["SMS"],
                "NumberType": "LONG_CODE", "InternationalSendingEnabled": false, "ClientToken": "same",
            }),
        )
        .await;
    let abroad =
        json!({ "OriginationIdentity": local["PhoneNumber"], "DestinationPhoneNumber": "+4915112345678" });
    let refused = pair("ValidationException", "INTERNATIONAL_SENDING_NOT_SUPPORTED");
    assert_eq!(bench.refused(abroad).await, refused);
    bench.sms.reset();
    let again = bench
        .ok(
            "RequestPhoneNumber",
            json!({
                "IsoCountryCode": "US", "MessageType": "PROMOTIONAL", "NumberCapabilities": ["SMS"],
                "NumberType": "LONG_CODE", "ClientToken": "same",
            }),
        )
        .await;
    assert_eq!(again["PhoneNumberId"], local["PhoneNumberId"], "a token gives the same id");
    bench.control("POST", "settings", json!({ "sandbox": true, "verifiedNumbers": ["+12065550100"] })).await;
    let unverified = pair("ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED");
    assert_eq!(bench.refused(json!({})).await, unverified);
    bench.send(json!({ "DestinationPhoneNumber": "+12065550100" })).await;
    let attributes = bench.ok("DescribeAccountAttributes", json!({})).await;
    assert_eq!(attributes["AccountAttributes"][0]["Value"], "SANDBOX");
}
