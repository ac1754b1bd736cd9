//! Chats are started and stopped, voice contacts put and described, and EventBridge hears of it.

use super::*;

#[tokio::test]
async fn a_chat_starts_with_what_was_asked_and_describes_itself() {
    let bench = bench().await;
    let started = bench
        .start(json!({
            "Attributes": { "language": "de", "queue": "support" }, "RelatedContactId": "voice-1",
            "InitialMessage": { "ContentType": "text/plain", "Content": "my order" },
            "ChatDurationInMinutes": 120, "ClientToken": "t",
        }))
        .await;
    assert!(started.get("Websocket").is_none() && started.get("ConnectionCredentials").is_none());
    let contacts = bench.control("GET", "contacts", Value::Null).await;
    let contact = &contacts["contacts"][0];
    for (member, expected) in [
        ("id", started["ContactId"].clone()),
        ("channel", json!("CHAT")),
        ("state", json!("flow")),
        ("flow", json!(CHAT_FLOW)),
        ("relatedContactId", json!("voice-1")),
        ("attributes", json!({ "language": "de", "queue": "support" })),
        ("clientToken", json!("t")),
    ] {
        assert_eq!(contact[member], expected, "{member}");
    }
    let chat = &contact["chat"];
    assert_eq!(
        (&chat["displayName"], &chat["initialMessage"], &chat["minutes"]),
        (&json!("Ann"), &json!("my order"), &json!(120))
    );
    let described = bench.describe(&started["ContactId"]).await;
    assert_eq!(
        (&described["Channel"], &described["InitiationMethod"], &described["RelatedContactId"]),
        (&json!("CHAT"), &json!("API"), &json!("voice-1"))
    );
    assert!(described.get("AgentInfo").is_none() && described.get("DisconnectTimestamp").is_none());

    let events = bench.events().await;
    let types: Vec<_> = events.iter().map(|event| &event["detail"]["eventType"]).collect();
    assert_eq!(types, ["INITIATED", "CONNECTED_TO_SYSTEM"]);
    let (event, detail) = (&events[0], &events[0]["detail"]);
    let instance = format!("arn:aws:connect:us-east-1:111122223333:instance/{INSTANCE}");
    let id = started["ContactId"].as_str().unwrap();
    assert_eq!(
        (&event["source"], &event["detail-type"]),
        (&json!("aws.connect"), &json!("Amazon Connect Contact Event"))
    );
    assert_eq!(event["resources"], json!([format!("{instance}/contact/{id}"), instance]));
    for (member, expected) in [
        ("contactId", json!(id)),
        ("channel", json!("CHAT")),
        ("instanceArn", json!(instance)),
        ("initiationMethod", json!("API")),
        ("relatedContactId", json!("voice-1")),
    ] {
        assert_eq!(detail[member], expected, "{member}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_chat_is_refused_and_starts_none() {
    let bench = bench().await;
    let parameter = (400, "InvalidParameterException".to_owned());
    let request = (400, "InvalidRequestException".to_owned());
    let not_found = (404, "ResourceNotFoundException".to_owned());
    let not_covered = (501, "NotImplementedException".to_owned());
    let initial = |kind: &str, content: String| {
        let message = json!({ "ContentType": kind, "Content": content });
        json!({ "InitialMessage": message })
    };
    let half = "v".repeat(16_384);
    for (changes, expected) in [
        (json!({ "InstanceId": "another" }), &not_found),
        (json!({ "InstanceId": null }), &parameter),
        (json!({ "ContactFlowId": "another" }), &not_found),
        (json!({ "ParticipantDetails": null }), &parameter),
        (json!({ "ParticipantDetails": { "DisplayName": "" } }), &parameter),
        (json!({ "ParticipantDetails": { "DisplayName": "n".repeat(257) } }), &parameter),
        (json!({ "Attributes": { "a b": "v" } }), &parameter),
        (json!({ "Attributes": { "a": 1 } }), &parameter),
        (json!({ "Attributes": { "a": half, "b": "v".repeat(16_383) } }), &parameter),
        (initial("text/plain", "é".repeat(8_193)), &parameter),
        (initial("text/plain", String::new()), &parameter),
        (initial("text/markdown", "x".into()), &parameter),
        (json!({ "ClientToken": "t".repeat(501) }), &parameter),
        (json!({ "ChatDurationInMinutes": 59 }), &parameter),
        (json!({ "ChatDurationInMinutes": 10_081 }), &parameter),
        (json!({ "SupportedMessagingContentTypes": ["text/markdown"] }), &parameter),
        (json!({ "SupportedMessagingContentTypes": ["text/plain", "text/html"] }), &parameter),
        (json!({ "ConnectionTypes": ["PIGEON"] }), &parameter),
        (json!({ "RelatedContactId": "a", "PersistentChat": { "SourceContactId": "b" } }), &request),
        (json!({ "PersistentChat": { "SourceContactId": "b" } }), &not_covered),
        (json!({ "SegmentAttributes": {} }), &not_covered),
    ] {
        let shown: String = changes.to_string().chars().take(100).collect();
        assert_eq!(&bench.refused("PUT", "/contact/chat", chat(changes)).await, expected, "{shown}");
    }
    // The longest that there may be.
    bench
        .start(json!({
            "ParticipantDetails": { "DisplayName": "n".repeat(256) },
            "Attributes": { "a": half, "b": "v".repeat(16_382) }, "ClientToken": "t".repeat(500),
            "InitialMessage": { "ContentType": "text/markdown", "Content": "x".repeat(16_384) },
            "SupportedMessagingContentTypes": ["text/markdown", "text/plain"],
            "ChatDurationInMinutes": 10_080,
            "InstanceId": format!("arn:aws:connect:us-east-1:111122223333:instance/{INSTANCE}"),
        }))
        .await;
    assert_eq!(bench.control("GET", "contacts", Value::Null).await["contacts"].as_array().unwrap().len(), 1);
    bench.control("POST", "settings", json!({ "checkRelatedContact": true })).await;
    let unknown = chat(json!({ "RelatedContactId": "voice-1" }));
    assert_eq!(bench.refused("PUT", "/contact/chat", unknown).await, not_found);
    assert_eq!(bench.refused("PUT", "/contact/task", json!({})).await, not_covered);
}

#[tokio::test]
async fn a_client_token_gives_the_same_chat_for_seven_days() {
    let bench = bench().await;
    let token = json!({ "ClientToken": "t" });
    let first = bench.start(token.clone()).await;
    let (mut again, mut others) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        again.push(bench.start(token.clone()).await);
        others.push(bench.start(json!({})).await["ContactId"].clone());
    }
    assert!(again.iter().all(|answer| *answer == first), "{again:?}");
    assert!(!others.contains(&first["ContactId"]) && others[0] != others[1]);
    // Another Region, another contact.
    let mut abroad = call(Method::PUT, "/contact/chat", Bytes::from(chat(token.clone()).to_string()));
    abroad.region = "eu-west-1".into();
    let reply = bench.connect.handle(abroad).await;
    let abroad: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_ne!(abroad["ContactId"], first["ContactId"]);
    bench.clock.advance(Duration::days(7) - Duration::seconds(100));
    assert_eq!(bench.start(token.clone()).await["ContactId"], first["ContactId"]);
    bench.clock.advance(Duration::seconds(100));
    assert_ne!(bench.start(token).await["ContactId"], first["ContactId"]);
}

#[tokio::test]
async fn the_rate_and_the_number_of_chats_are_limited_with_different_errors() {
    let bench = bench().await;
    bench.control("POST", "settings", json!({ "rates": true, "ratePerSecond": 0.01 })).await;
    for _ in 0..5 {
        bench.start(json!({})).await;
    }
    let too_many = (429, "TooManyRequestsException".to_owned());
    assert_eq!(bench.refused("PUT", "/contact/chat", chat(json!({}))).await, too_many);
    bench.clock.advance(Duration::seconds(100));
    let last = bench.start(json!({ "ClientToken": "last" })).await;
    assert_eq!(bench.refused("PUT", "/contact/chat", chat(json!({}))).await, too_many);
    bench.control("POST", "settings", json!({ "rates": false, "maxActiveChats": 6 })).await;
    let exceeded = (429, "LimitExceededException".to_owned());
    assert_eq!(bench.refused("PUT", "/contact/chat", chat(json!({}))).await, exceeded);
    assert_eq!(bench.start(json!({ "ClientToken": "last" })).await, last, "it is no further chat");
    assert_eq!(bench.stop(&last["ContactId"]).await.0, 200);
    bench.start(json!({})).await;
}

#[tokio::test]
async fn a_voice_contact_goes_through_its_stages_and_can_be_stopped_once() {
    let bench = bench().await;
    let put = bench
        .control(
            "POST",
            "contacts",
            json!({ "id": "v1", "customer": "+12065550123", "attributes": { "a": "b" } }),
        )
        .await;
    assert_eq!((&put["state"], &put["channel"]), (&json!("queued"), &json!("VOICE")));
    let id = json!("v1");
    let described = bench.describe(&id).await;
    assert_eq!(
        (&described["QueueInfo"]["Id"], &described["CustomerEndpoint"]["Address"]),
        (&json!(QUEUE), &json!("+12065550123"))
    );
    let taken = bench.control("POST", "contacts/v1/agent", Value::Null).await;
    assert_eq!(taken["state"], "agent");
    assert!(bench.describe(&id).await["AgentInfo"]["ConnectedToAgentTimestamp"].is_f64());
    let gone = (410, "ContactNotFoundException".to_owned());
    assert_eq!(bench.stop(&id).await, (200, json!({})));
    let stop = |id: &str| json!({ "InstanceId": INSTANCE, "ContactId": id });
    assert_eq!(bench.refused("POST", "/contact/stop", stop("v1")).await, gone);
    assert_eq!(bench.refused("POST", "/contact/stop", stop("none")).await, gone);
    let described = bench.describe(&id).await;
    assert_eq!(described["DisconnectReason"], "API");
    assert!(described["DisconnectTimestamp"].is_f64());
    let events = bench.events().await;
    let mut types: Vec<_> =
        events.iter().map(|event| event["detail"]["eventType"].as_str().unwrap()).collect();
    types.sort_unstable();
    assert_eq!(types, ["CONNECTED_TO_AGENT", "DISCONNECTED", "INITIATED", "QUEUED"]);
    let of =
        |kind: &str| &events.iter().find(|event| event["detail"]["eventType"] == kind).unwrap()["detail"];
    assert!(of("QUEUED")["queueInfo"]["queueArn"].as_str().unwrap().ends_with(&format!("/queue/{QUEUE}")));
    assert!(of("QUEUED").get("agentInfo").is_none() && of("INITIATED").get("queueInfo").is_none());
    assert!(of("CONNECTED_TO_AGENT")["agentInfo"]["agentArn"].is_string());
    assert!(of("DISCONNECTED")["disconnectTimestamp"].is_string());

    // A caller who hangs up; one in the flow; one that cannot be stopped.
    bench.control("POST", "contacts", json!({ "id": "v2" })).await;
    let ended = bench.control("POST", "contacts/v2/end", Value::Null).await;
    assert_eq!(
        (&ended["state"], &ended["disconnectReason"]),
        (&json!("ended"), &json!("CUSTOMER_DISCONNECT"))
    );
    let flow = bench.control("POST", "contacts", json!({ "id": "v3", "state": "flow" })).await;
    assert_eq!(flow["state"], "flow");
    bench
        .control(
            "POST",
            "contacts",
            json!({ "id": "v4", "initiationMethod": "TRANSFER", "initialContactId": "v1" }),
        )
        .await;
    let refused = (400, "InvalidRequestException".to_owned());
    assert_eq!(bench.refused("POST", "/contact/stop", stop("v4")).await, refused);
    let missing = format!("/contacts/{INSTANCE}/none");
    let not_found = (404, "ResourceNotFoundException".to_owned());
    assert_eq!(bench.refused("GET", &missing, Value::Null).await, not_found);
}

#[tokio::test]
async fn events_are_sent_as_settings_want_it_and_a_reset_forgets_everything() {
    let bench = bench().await;
    bench.control("POST", "settings", json!({ "event": "duplicated" })).await;
    bench.control("POST", "contacts", json!({ "id": "v1", "state": "flow" })).await;
    let events = bench.events().await;
    assert_eq!((events.len(), &events[0]["id"]), (2, &events[1]["id"]));
    bench.control("POST", "settings", json!({ "event": "lost" })).await;
    bench.control("POST", "contacts/v1/queue", Value::Null).await;
    assert!(bench.events().await.is_empty());
    bench.control("POST", "settings", json!({ "event": null, "emit": false })).await;
    bench.control("POST", "contacts/v1/agent", Value::Null).await;
    assert!(bench.events().await.is_empty());
    let listed = bench.control("GET", "events", Value::Null).await;
    assert_eq!(listed["events"].as_array().unwrap().len(), 2, "a lost event is listed");
    let again = bench.control("POST", "redeliver", json!({ "index": 0 })).await;
    assert_eq!(again["event"]["detail"]["eventType"], "INITIATED");
    assert_eq!(bench.event_types().await, ["INITIATED"]);
    bench.connect.reset();
    assert_eq!(bench.control("GET", "contacts", Value::Null).await, json!({ "contacts": [] }));
    let origin = bench.control("GET", "origin", Value::Null).await;
    assert_eq!(origin, json!({ "origin": bench.origin }), "where it is served does not change");
    for (method, path, body) in [
        ("POST", "contacts/v1/agent", Value::Null),
        ("POST", "contacts", json!({ "phone": "+1" })),
        ("POST", "settings", json!({ "burst": 0 })),
        ("POST", "redeliver", json!({ "index": 9 })),
    ] {
        let reply = bench.connect.control(method.parse().unwrap(), path.into(), body).await;
        assert_eq!(reply.status, 400, "{path}");
    }
}
