//! Sending: what is accepted, what is refused, and what comes of it.

use super::*;

#[tokio::test]
async fn an_accepted_message_is_listed_and_its_events_tell_of_it() {
    let bench = bench().await;
    let id = bench
        .send(json!({
            "Destination": { "ToAddresses": ["ann@customer.test"], "BccAddresses": ["bob@customer.test"] },
            "EmailTags": [{ "Name": "ledger", "Value": "a-1_b" }],
        }))
        .await;
    let listed = bench.all();
    assert_eq!(listed.len(), 1);
    let message = &listed[0];
    for (member, expected) in [
        ("id", id.clone()),
        ("channel", json!("email")),
        ("to", json!(["ann@customer.test"])),
        ("bcc", json!(["bob@customer.test"])),
        ("from", json!("Shop <shop@example.com>")),
        ("subject", json!("A sale")),
        ("html", json!("<p>html</p>")),
        ("tags", json!({ "ledger": "a-1_b" })),
        ("configurationSet", json!("all")),
        ("caller", json!("campaign-send")),
        ("outcome", json!("delivery")),
    ] {
        assert_eq!(message[member], expected, "{member}");
    }
    let events = bench.events().await;
    let kinds: Vec<_> =
        events.iter().map(|event| (&event["detail-type"], &event["detail"]["eventType"])).collect();
    assert_eq!(
        kinds,
        [(&json!("Email Sent"), &json!("Send")), (&json!("Email Delivered"), &json!("Delivery"))]
    );
    let delivered = &events[1];
    assert_eq!(delivered["source"], "aws.ses");
    assert_eq!(delivered["resources"], json!(["arn:aws:ses:us-east-1:111122223333:configuration-set/all"]));
    let mail = &delivered["detail"]["mail"];
    assert_eq!(mail["messageId"], id);
    assert_eq!(mail["tags"]["ledger"], json!(["a-1_b"]));
    assert_eq!(mail["tags"]["ses:configuration-set"], json!(["all"]));
    assert_eq!(mail["destination"], json!(["ann@customer.test", "bob@customer.test"]));
    assert_eq!(mail["commonHeaders"]["subject"], "A sale");
    assert!(mail["headers"].as_array().unwrap().iter().all(|header| header["name"] != "Bcc"));
    assert_eq!(
        delivered["detail"]["delivery"]["recipients"],
        json!(["ann@customer.test", "bob@customer.test"])
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_refused_and_leaves_nothing() {
    let bench = bench().await;
    let many: Vec<String> = (0..51).map(|n| format!("a{n}@customer.test")).collect();
    let header = |name: &str, value: &str| simple(json!({ "Headers": [{ "Name": name, "Value": value }] }));
    let headers: Vec<Value> = (0..16).map(|n| json!({ "Name": format!("X-{n}"), "Value": "v" })).collect();
    let tags: Vec<Value> = (0..51).map(|n| json!({ "Name": format!("t{n}"), "Value": "v" })).collect();
    let twice = json!([{ "Name": "a", "Value": "1" }, { "Name": "a", "Value": "2" }]);
    let bad = "BadRequestException";
    for (changes, status, code) in [
        (json!({ "Destination": { "ToAddresses": many } }), 400, bad),
        (json!({ "Destination": {} }), 400, bad),
        (to("no address"), 400, bad),
        (json!({ "FromEmailAddress": null }), 400, bad),
        (json!({ "Content": {} }), 400, bad),
        (simple(json!({ "Body": {} })), 400, bad),
        (simple(json!({ "Subject": { "Data": "a\r\nBcc: x@y.z" } })), 400, bad),
        (header("Bad:Name", "v"), 400, bad),
        (header("Subject", "v"), 400, bad),
        (header("X", &"v".repeat(996)), 400, bad),
        (header(&"x".repeat(126), &"v".repeat(871)), 400, bad),
        (header("X-Ü", "v"), 400, bad),
        (simple(json!({ "Headers": headers })), 400, bad),
        (simple(json!({ "Body": { "Text": { "Data": "x".repeat(40 * 1024 * 1024) } } })), 400, bad),
        (json!({ "EmailTags": tags }), 400, bad),
        (json!({ "EmailTags": [{ "Name": "a b", "Value": "v" }] }), 400, bad),
        (json!({ "EmailTags": [{ "Name": "a", "Value": "" }] }), 400, bad),
        (json!({ "EmailTags": twice }), 400, bad),
        (json!({ "FromEmailAddress": "a@elsewhere.test" }), 400, "MessageRejected"),
        (json!({ "ConfigurationSetName": "none" }), 404, "NotFoundException"),
        (json!({ "ListManagementOptions": { "ContactListName": "none" } }), 404, "NotFoundException"),
        (json!({ "Content": { "Template": { "TemplateName": "t" } } }), 501, "NotImplementedException"),
    ] {
        let (found, kind, message) = bench.refused(changes.clone()).await;
        let shown: String = changes.to_string().chars().take(120).collect();
        assert_eq!((found, kind.as_str()), (status, code), "{shown}: {message}");
        assert!(!message.is_empty());
    }
    let longest = simple(json!({ "Headers": [{ "Name": "X", "Value": "v".repeat(995) }] }));
    bench.send(longest).await;
    assert_eq!(bench.all().len(), 1);
    let (status, _, kind) = bench.call("POST", "outbound-bulk-emails", json!({})).await;
    assert_eq!((status, kind.as_str()), (501, "NotImplementedException"));
}

#[tokio::test]
async fn the_simulator_behaves_as_its_addresses_say() {
    let bench = bench().await;
    for (local, types, sub_type) in [
        ("success", vec!["Send", "Delivery"], Value::Null),
        ("bounce+label", vec!["Send", "Bounce"], json!("General")),
        ("complaint", vec!["Send", "Delivery", "Complaint"], Value::Null),
        ("suppressionlist", vec!["Send", "Bounce"], json!("Suppressed")),
    ] {
        bench.send(to(&format!("{local}@simulator.amazonses.com"))).await;
        let events = bench.events().await;
        let found: Vec<_> =
            events.iter().map(|event| event["detail"]["eventType"].as_str().unwrap()).collect();
        assert_eq!(found, types, "{local}");
        assert_eq!(events.last().unwrap()["detail"]["bounce"]["bounceSubType"], sub_type, "{local}");
    }
    let (_, listed, _) = bench.call("GET", "suppression/addresses", Value::Null).await;
    assert_eq!(listed["SuppressedDestinationSummaries"], json!([]));
    let virus = concat!("EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE");
    bench.send(simple(json!({ "Body": { "Text": { "Data": virus } } }))).await;
    assert_eq!(bench.event_types().await, ["Reject"]);
}

#[tokio::test]
async fn plans_choose_what_becomes_of_messages() {
    let bench = bench().await;
    let broken = json!({ "code": "InternalFailure", "status": 500, "message": "m" });
    for plan in [
        json!({ "toContains": "ann", "skip": 1, "times": 1, "outcome": "bounce" }),
        json!({ "contentContains": "late", "outcome": "delay" }),
        json!({ "toContains": "quiet", "outcome": "silence" }),
        json!({ "toContains": "broken", "error": broken }),
        json!({ "toContains": "lost", "event": "lost" }),
        json!({ "toContains": "twice", "event": "duplicated" }),
    ] {
        bench.control("POST", "plans", plan).await;
    }
    bench.send(json!({})).await;
    assert_eq!(bench.event_types().await, ["Send", "Delivery"]);
    bench.send(json!({})).await;
    let events = bench.events().await;
    let bounce = &events[1]["detail"]["bounce"];
    assert_eq!(
        (&bounce["bounceType"], &bounce["bouncedRecipients"][0]["status"]),
        (&json!("Permanent"), &json!("5.1.1"))
    );
    // The hard bounce put the address on the account's list: it is accepted, and bounces again.
    bench.send(json!({})).await;
    let events = bench.events().await;
    assert_eq!(events[1]["detail"]["bounce"]["bounceSubType"], "OnAccountSuppressionList");
    let (_, entry, _) = bench.call("GET", "suppression/addresses/ANN@customer.test", Value::Null).await;
    assert_eq!(entry["SuppressedDestination"]["Reason"], "BOUNCE");
    bench.call("DELETE", "suppression/addresses/ann@customer.test", Value::Null).await;

    bench.send(to("quiet@customer.test")).await;
    assert_eq!(bench.event_types().await, ["Send"]);
    assert_eq!(bench.refused(to("broken@customer.test")).await, (500, "InternalFailure".into(), "m".into()));
    bench.send(to("lost@customer.test")).await;
    assert!(bench.event_types().await.is_empty());
    bench.send(to("twice@customer.test")).await;
    let events = bench.events().await;
    assert_eq!(events.len(), 4);
    assert_eq!(events[0]["id"], events[1]["id"]);

    bench.send(simple(json!({ "Body": { "Text": { "Data": "late" } } }))).await;
    let waits = bench.control("GET", "events", Value::Null).await;
    assert!(waits["waiting"].as_u64().unwrap() >= 1, "the delivery takes a minute: {waits}");
    bench.clock.advance(Duration::seconds(61));
    assert_eq!(bench.event_types().await, ["Send", "DeliveryDelay", "Delivery"]);
    assert_eq!(bench.all().len(), 7, "the refused one is not among them");
}

#[tokio::test]
async fn the_rate_and_the_quota_are_kept() {
    let bench = bench().await;
    bench.set(json!({ "maxSendRate": 3, "max24HourSend": 10 })).await;
    let three = json!({ "Destination": { "ToAddresses": ["a@c.test", "b@c.test", "c@c.test"] } });
    bench.send(three.clone()).await;
    let refused = bench.refused(json!({})).await;
    assert_eq!(refused, (429, "TooManyRequestsException".into(), "Maximum sending rate exceeded.".into()));
    bench.clock.advance(Duration::seconds(1));
    bench.send(three.clone()).await;
    bench.clock.advance(Duration::seconds(1));
    bench.send(three.clone()).await;
    let (_, account, _) = bench.call("GET", "account", Value::Null).await;
    let quota = json!({ "Max24HourSend": 10.0, "MaxSendRate": 3.0, "SentLast24Hours": 9.0 });
    assert_eq!((&account["SendQuota"], &account["ProductionAccessEnabled"]), (&quota, &json!(true)));
    bench.clock.advance(Duration::seconds(1));
    bench.send(three).await;
    bench.clock.advance(Duration::seconds(1));
    let refused = bench.refused(json!({})).await;
    assert_eq!((refused.0, refused.1.as_str()), (400, "LimitExceededException"));
    bench.send(to("success@simulator.amazonses.com")).await;
    bench.clock.advance(Duration::days(1));
    bench.send(json!({})).await;
    bench.set(json!({ "max24HourSend": 1, "dailyQuotaError": "TooManyRequestsException" })).await;
    let refused = bench.refused(json!({})).await;
    assert_eq!(refused, (429, "TooManyRequestsException".into(), "Daily message quota exceeded.".into()));
}

#[tokio::test]
async fn the_sandbox_and_paused_accounts_send_nothing_else() {
    let bench = bench().await;
    bench.set(json!({ "sandbox": true, "verifyIdentities": false })).await;
    assert_eq!(bench.refused(json!({})).await.1, "MessageRejected");
    bench.send(to("success@simulator.amazonses.com")).await;
    bench.send(to("bob@example.com")).await;
    bench.post("identities", json!({ "EmailIdentity": "customer.test" })).await;
    assert_eq!(bench.refused(json!({})).await.1, "MessageRejected", "it is not verified");
    bench.set(json!({ "sandbox": false })).await;
    bench.send(json!({})).await;
    bench.call("PUT", "account/sending", json!({ "SendingEnabled": false })).await;
    assert_eq!(bench.refused(json!({})).await.1, "SendingPausedException");
    bench.call("PUT", "account/sending", json!({ "SendingEnabled": true })).await;
    let paused = json!({ "ConfigurationSetName": "paused", "SendingOptions": { "SendingEnabled": false } });
    bench.post("configuration-sets", paused).await;
    assert_eq!(bench.refused(json!({ "ConfigurationSetName": "paused" })).await.1, "SendingPausedException");
}

#[tokio::test]
async fn raw_messages_are_read() {
    use base64::Engine;
    let bench = bench().await;
    let raw = "From: Shop <shop@example.com>\r\nTo: ann@customer.test\r\nBcc: bob@customer.test\r\n\
               Subject: Raw\r\n\
               Content-Type: text/plain\r\n\r\nhello\r\n";
    let data = base64::engine::general_purpose::STANDARD.encode(raw);
    let content = json!({ "Raw": { "Data": data } });
    bench.send(json!({ "Content": content, "FromEmailAddress": null, "Destination": null })).await;
    let message = bench.all().remove(0);
    assert_eq!((&message["subject"], &message["text"]), (&json!("Raw"), &json!("hello")));
    assert_eq!(
        (&message["to"], &message["bcc"]),
        (&json!(["ann@customer.test"]), &json!(["bob@customer.test"]))
    );
    bench.send(json!({ "Content": content })).await;
    assert_eq!(bench.all()[1]["bcc"], Value::Null, "the call's recipients count");
    let no_base64 = json!({ "Content": { "Raw": { "Data": "%" } } });
    assert_eq!(bench.refused(no_base64).await.1, "BadRequestException");
}

#[tokio::test]
async fn only_what_a_destination_asks_for_is_sent() {
    let bench = bench().await;
    bench.post("configuration-sets", json!({ "ConfigurationSetName": "few" })).await;
    bench.destination("few", "bounces", &["BOUNCE"]).await;
    bench.send(json!({ "ConfigurationSetName": "few" })).await;
    bench.send(json!({ "ConfigurationSetName": null })).await;
    assert!(bench.event_types().await.is_empty());
    let id = bench.send(json!({ "ConfigurationSetName": "few" })).await;
    bench.control("POST", "event", json!({ "messageId": id, "event": "bounce" })).await;
    let events = bench.events().await;
    assert_eq!((events.len(), &events[0]["detail"]["mail"]["messageId"]), (1, &id));
    // The same event again, with the same id.
    let index = bench.control("GET", "events", Value::Null).await["events"][0]["index"].clone();
    bench.control("POST", "redeliver", json!({ "index": index })).await;
    assert_eq!(bench.events().await, events);

    let elsewhere = "arn:aws:events:us-east-1:111122223333:event-bus/own";
    for (destination, status) in [
        (json!({ "EventBridgeDestination": { "EventBusArn": elsewhere } }), 400),
        (json!({ "SnsDestination": { "TopicArn": "arn:aws:sns:us-east-1:111122223333:t" } }), 501),
        (json!({}), 400),
    ] {
        let mut definition = destination.clone();
        definition["MatchingEventTypes"] = json!(["SEND"]);
        let body = json!({ "EventDestinationName": "x", "EventDestination": definition });
        let (found, _, _) = bench.call("POST", "configuration-sets/few/event-destinations", body).await;
        assert_eq!(found, status, "{destination}");
    }
}
