//! Contact lists, unsubscribing, suppression.

use super::*;

async fn with_list() -> Bench {
    let bench = bench().await;
    let mut topics = Vec::new();
    for (name, default) in [("sales", "OPT_IN"), ("news", "OPT_OUT")] {
        let topic = json!({ "TopicName": name, "DisplayName": name, "DefaultSubscriptionStatus": default });
        topics.push(topic);
    }
    let list = json!({ "ContactListName": "main", "Topics": topics });
    bench.post("contact-lists", list).await;
    bench
}

fn managed(topic: Option<&str>) -> Value {
    let thrice = ["{{amazonSESUnsubscribeUrl}}"; 3].join(" ");
    let mut changes = simple(json!({
        "Body": {
            "Text": { "Data": "off: {{amazonSESUnsubscribeUrl}}" },
            "Html": { "Data": thrice },
        },
        "Headers": [{ "Name": "List-Unsubscribe", "Value": "<https://own.test>" }],
    }));
    changes["ListManagementOptions"] = json!({ "ContactListName": "main", "TopicName": topic });
    changes
}

fn header(message: &Value, name: &str) -> Vec<String> {
    let headers = message["headers"].as_array().unwrap().iter();
    let named = headers.filter(|header| header["name"] == name);
    named.map(|header| header["value"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_click_unsubscribes_and_mail_then_bounces() {
    let bench = with_list().await;
    bench.send(managed(Some("sales"))).await;
    let message = bench.all().remove(0);
    let url = header(&message, "List-Unsubscribe").concat();
    let url = url.trim_matches(['<', '>']);
    assert_eq!(header(&message, "List-Unsubscribe-Post"), ["List-Unsubscribe=One-Click"]);
    assert_eq!(message["text"], format!("off: {url}"));
    assert_eq!(message["html"], format!("{url} {url} {{{{amazonSESUnsubscribeUrl}}}}"), "two at most");
    assert_eq!(bench.event_types().await, ["Send", "Delivery"]);

    let path = url.strip_prefix("http://local/_local/email/").unwrap();
    let page = bench.control("GET", path, Value::Null).await;
    assert!(page.as_str().unwrap().contains("<form"), "{page}");
    bench.send(managed(Some("sales"))).await;
    assert_eq!(bench.event_types().await, ["Send", "Delivery"], "looking changes nothing");

    bench.control("POST", path, json!("List-Unsubscribe=One-Click")).await;
    let event = bench.events().await.remove(0);
    assert_eq!(event["detail-type"], "Email Subscribed");
    let subscription = &event["detail"]["subscription"];
    assert_eq!(
        (&subscription["contactList"], &subscription["source"]),
        (&json!("main"), &json!("UnsubscribeHeader"))
    );
    let sales = |preferences: &Value| preferences["topicSubscriptionStatus"][0]["subscriptionStatus"].clone();
    assert_eq!(sales(&subscription["oldTopicPreferences"]), "OptIn");
    assert_eq!(sales(&subscription["newTopicPreferences"]), "OptOut");

    bench.send(managed(Some("sales"))).await;
    let events = bench.events().await;
    assert_eq!(events[1]["detail"]["bounce"]["bounceSubType"], "UnsubscribedRecipient");
    assert_eq!(
        events[1]["detail"]["bounce"]["bouncedRecipients"],
        json!([{ "emailAddress": "ann@customer.test" }])
    );
    let (_, listed, _) = bench.call("GET", "suppression/addresses", Value::Null).await;
    assert_eq!(listed["SuppressedDestinationSummaries"], json!([]), "that is no hard bounce");
    // Other topics, and mail without a list, still come.
    bench.send(managed(None)).await;
    assert_eq!(bench.event_types().await, ["Send", "Delivery"]);
    bench.send(managed(Some("news"))).await;
    assert_eq!(bench.event_types().await, ["Send", "Bounce"], "the topic is opt-in only");

    bench.control("POST", "unsubscribe", json!({ "address": "Ann@customer.test", "list": "main" })).await;
    bench.send(managed(None)).await;
    assert_eq!(bench.event_types().await, ["Send", "Bounce"]);
    bench.send(json!({})).await;
    assert_eq!(bench.event_types().await, ["Send", "Delivery"]);
    assert_eq!(bench.email.control(Method::GET, "unsubscribe/00".into(), Value::Null).await.status, 404);
}

#[tokio::test]
async fn links_are_for_a_single_recipient_and_contacts_come_by_themselves() {
    let bench = with_list().await;
    let mut two = managed(None);
    two["Destination"] = json!({ "ToAddresses": ["ann@customer.test", "bob@customer.test"] });
    bench.send(two).await;
    let message = bench.all().remove(0);
    assert_eq!(header(&message, "List-Unsubscribe"), ["<https://own.test>"]);
    assert!(message["text"].as_str().unwrap().contains("{{amazonSESUnsubscribeUrl}}"));
    let listed = bench.post("contact-lists/main/contacts/list", json!({})).await;
    assert_eq!(listed["Contacts"].as_array().unwrap().len(), 2);
    bench.control("POST", "unsubscribe", json!({ "address": "bob@customer.test", "list": "main" })).await;
    let mut two = managed(None);
    two["Destination"] = json!({ "ToAddresses": ["ann@customer.test", "bob@customer.test"] });
    bench.events().await;
    bench.send(two).await;
    let events = bench.events().await;
    assert_eq!(events[1]["detail"]["delivery"]["recipients"], json!(["ann@customer.test"]));
    assert_eq!(events[2]["detail"]["bounce"]["bouncedRecipients"][0]["emailAddress"], "bob@customer.test");
    assert_eq!(bench.all()[1]["outcome"], "mixed");
}

#[tokio::test]
async fn contacts_are_filtered_by_topic_and_status() {
    let bench = with_list().await;
    for (address, preferences, all) in [
        ("in@c.test", json!([{ "TopicName": "news", "SubscriptionStatus": "OPT_IN" }]), false),
        ("out@c.test", json!([{ "TopicName": "sales", "SubscriptionStatus": "OPT_OUT" }]), false),
        ("gone@c.test", json!([]), true),
        ("default@c.test", json!([]), false),
    ] {
        let contact =
            json!({ "EmailAddress": address, "TopicPreferences": preferences, "UnsubscribeAll": all });
        bench.post("contact-lists/main/contacts", contact).await;
    }
    let or_default = json!({ "TopicName": "sales", "UseDefaultIfPreferenceUnavailable": true });
    for (filter, expected) in [
        (json!({}), 4),
        (json!({ "FilteredStatus": "OPT_OUT" }), 1),
        (json!({ "FilteredStatus": "OPT_IN", "TopicFilter": { "TopicName": "news" } }), 1),
        (json!({ "FilteredStatus": "OPT_IN", "TopicFilter": or_default }), 2),
        (json!({ "FilteredStatus": "OPT_OUT", "TopicFilter": or_default }), 2),
    ] {
        let mut found = 0;
        let mut token = Value::Null;
        loop {
            let body = json!({ "Filter": filter, "PageSize": 1, "NextToken": token });
            let page = bench.post("contact-lists/main/contacts/list", body).await;
            found += page["Contacts"].as_array().unwrap().len();
            token = page["NextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter}");
    }
    let second = json!({ "ContactListName": "second" });
    let (status, _, kind) = bench.call("POST", "contact-lists", second).await;
    assert_eq!((status, kind.as_str()), (400, "LimitExceededException"), "one list an account");
}

#[tokio::test]
async fn suppressed_addresses_are_accepted_and_held_back() {
    let bench = bench().await;
    for (address, reason) in [("b@c.test", "BOUNCE"), ("c@c.test", "COMPLAINT")] {
        let body = json!({ "EmailAddress": address, "Reason": reason });
        assert_eq!(bench.call("PUT", "suppression/addresses", body).await.0, 200);
    }
    let (_, listed, _) = bench
        .call("GET", "suppression/addresses?Reason=COMPLAINT&Reason=BOUNCE&PageSize=1", Value::Null)
        .await;
    assert_eq!(listed["SuppressedDestinationSummaries"].as_array().unwrap().len(), 1);
    assert!(listed["NextToken"].is_string());
    bench.send(to("B@c.test")).await;
    let events = bench.events().await;
    assert_eq!(events[1]["detail"]["bounce"]["bounceSubType"], "OnAccountSuppressionList");
    bench.send(to("c@c.test")).await;
    let events = bench.events().await;
    assert_eq!(events.len(), 2, "it was not delivered");
    assert_eq!(events[1]["detail"]["complaint"]["complaintSubType"], "OnAccountSuppressionList");
    // The account, or the set in its place, says for which reasons mail is held back.
    bench.call("PUT", "account/suppression", json!({ "SuppressedReasons": ["COMPLAINT"] })).await;
    bench.send(to("b@c.test")).await;
    assert_eq!(bench.event_types().await, ["Send", "Delivery"]);
}
