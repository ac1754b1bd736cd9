//! Messages and events that are malformed or hostile, through the real templates: each ends in the failed queue with a
//! reason that repeats nothing of it, and harms none of the others.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use eventide_testing::{fixture, fixture_json, repository};
use eventide_tests::System;
use eventide_tests::findings::{about_role, with_severity};
use eventide_tests::trouble::ALL_ATTEMPTS;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// In every malformed message; to be seen in no log and no reason.
const CONTENT: &str = "hunter2";

/// The greatest size of a message, in bytes (SQS developer guide, message quotas).
const LARGEST: usize = 1_048_576;

async fn malformed_messages(system: &System) -> Result<Vec<String>, String> {
    let whole = system.work(CONTENT, CONTENT).await?;
    let with = |member: &str, value: Value| {
        let mut changed = whole.clone();
        changed[member] = value;
        changed.to_string()
    };
    let text = whole.to_string();
    let hostile = format!("{CONTENT}\u{0}\u{1b}[2J\r\n\u{202e}\u{feff}");
    Ok(vec![
        format!("{CONTENT} is no JSON"),
        text.chars().take(text.len() - 1).collect(),
        format!("{text}{text}"),
        with("version", json!("2")),
        with("version", json!(&hostile)),
        with("hop", json!(-1)),
        with("finding", json!({ hostile: 1 })),
        format!("{{\"run\":[\"{CONTENT}\",{}", "[".repeat(100_000)),
    ])
}

async fn send(system: &System, bodies: &[String]) -> Tested {
    let entries: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| json!({ "Id": n.to_string(), "MessageBody": body }))
        .collect();
    let request = json!({ "QueueUrl": system.output("WorkQueueUrl")?, "Entries": entries });
    let answer = system.cloud().aws_json("sqs", "AmazonSQS.SendMessageBatch", &request).await?;
    match answer["Failed"].as_array() {
        Some(failed) if !failed.is_empty() => Err(format!("not sent: {failed:?}")),
        _ => Ok(()),
    }
}

/// Starts or stops the mapping from the work queue to finding-enrich, so that a test decides what makes a batch.
async fn set_mapping(system: &System, enabled: bool) -> Tested {
    let path = "/2015-03-31/event-source-mappings/";
    let mappings = system.cloud().rest("lambda", Method::GET, path, None).await?;
    let id = mappings.pointer("/EventSourceMappings/0/UUID").and_then(Value::as_str).ok_or("no mapping")?;
    let change = json!({ "Enabled": enabled });
    system.cloud().rest("lambda", Method::PUT, &format!("{path}{id}"), Some(&change)).await?;
    Ok(())
}

#[tokio::test]
async fn malformed_work_is_set_aside_with_the_reason_and_harms_nobody() -> Tested {
    let system = System::start().await?;
    for id in ["first", "last"] {
        system.import(&[with_severity(about_role(id, "quiet-role")?, "LOW")]).await?;
    }
    let mut malformed = malformed_messages(&system).await?;
    let mut batch = malformed.clone();
    batch.insert(0, system.work("first", "quiet-role").await?.to_string());
    batch.push(system.work("last", "quiet-role").await?.to_string());
    set_mapping(&system, false).await?;
    send(&system, &batch).await?;
    set_mapping(&system, true).await?;
    for id in ["first", "last"] {
        system.await_stage(id, "complete").await?;
    }
    // To the length of a message its attributes count, so the second of these leaves no room for a reason.
    let of_size = |bytes: usize| format!("{{\"run\":\"{CONTENT}\"}}{}", " ".repeat(bytes - 17));
    let (large, largest) = (of_size(LARGEST - 1024), of_size(LARGEST));
    for message in [&large, &largest] {
        send(&system, std::slice::from_ref(message)).await?;
    }
    malformed.extend([large, largest.clone()]);

    let failed = system.await_messages("FailedQueueUrl", malformed.len()).await?;
    let mut cut = 0;
    for (body, attributes) in &failed {
        let attribute = |name: &str| attributes.get(name).map_or("", String::as_str);
        assert_eq!(attribute("error_type"), "Permanent.InvalidWork", "{attributes:?}");
        let mut reason = attribute("reason");
        if let Some((how_much, rest)) = reason.split_once(" of the body) ") {
            assert_eq!(how_much, format!("(only {} of {LARGEST} bytes", body.len()));
            assert!(largest.starts_with(body.as_str()), "its beginning");
            reason = rest;
            cut += 1;
        } else {
            assert!(malformed.contains(body), "the message as it came");
        }
        assert!(reason.starts_with("the message is no work of finding-investigate: "), "{reason}");
        assert!(!reason.chars().any(char::is_control));
        assert_eq!(attribute("receive_count"), "1", "it is not tried five times");
        assert!(!attributes.values().any(|value| value.contains(CONTENT)), "{attributes:?}");
    }
    assert_eq!((failed.len(), cut), (malformed.len(), 1));
    let set_aside = system.await_logged("EnrichFunction", "was set aside", malformed.len()).await?;
    assert_eq!(set_aside.len(), malformed.len());
    let logs = system.logs("EnrichFunction").await?;
    assert!(!logs.iter().any(|line| line.contains(CONTENT) || line.contains("panicked")), "{logs:?}");
    let together = first_batch(&set_aside);
    assert_eq!(set_aside.iter().filter(|line| Some(&line["request_id"]) == together.as_ref()).count(), 8);
    for run in ["run of first", "run of last"] {
        let worked_on = system.logged("EnrichFunction", run).await?;
        assert_eq!(first_batch(&worked_on), together, "in one batch with the malformed ones");
    }
    Ok(())
}

/// The invocation that wrote the first of these lines.
fn first_batch(lines: &[Value]) -> Option<Value> {
    lines.first().map(|line| line["request_id"].clone())
}

#[tokio::test]
async fn an_id_that_security_hub_refuses_spoils_none_of_the_other_nine() -> Tested {
    let system = System::start().await?;
    let ids: Vec<String> = (0..9).map(|n| format!("f{n}")).collect();
    let (mut findings, mut batch) = (Vec::new(), Vec::new());
    for id in &ids {
        findings.push(with_severity(about_role(id, "quiet-role")?, "LOW"));
        batch.push(system.work(id, "quiet-role").await?.to_string());
    }
    batch.insert(4, system.work(" ", "quiet-role").await?.to_string());
    system.import(&findings).await?;
    set_mapping(&system, false).await?;
    send(&system, &batch).await?;
    set_mapping(&system, true).await?;
    for id in &ids {
        system.await_stage(id, "complete").await?;
    }
    let failed = system.await_messages("FailedQueueUrl", 1).await?;
    let [(body, attributes)] = failed.as_slice() else { return Err(format!("set aside: {failed:?}")) };
    assert_eq!(*body, batch[4]);
    assert_eq!(attributes["error_type"], "Permanent.InvalidInput");
    assert_eq!(attributes["receive_count"], "1");
    let reason = &attributes["reason"];
    assert!(reason.contains("`securityhub:GetFindings` failed with `InvalidInputException`"), "{reason}");
    let together = first_batch(&system.await_logged("EnrichFunction", "was set aside", 1).await?);
    for id in &ids {
        let worked_on = system.logged("EnrichFunction", &format!("run of {id}\"")).await?;
        assert_eq!(first_batch(&worked_on), together, "in one batch with the malformed one");
    }
    assert_eq!(system.logged("EnrichFunction", "comes back").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_set_aside_comes_back_until_it_can() -> Tested {
    let system = System::start().await?;
    // Not while the SDK makes its attempts.
    system.comes_back_after(5).await?;
    let set_aside = json!({
        "caller": "finding-enrich", "service": "sqs", "operation": "SendMessageBatch", "body_contains": "error_type"
    });
    let down = json!({ "type": "error", "status": 500, "code": "InternalError" });
    system.fault(&json!({ "match": set_aside, "times": ALL_ATTEMPTS, "effect": down })).await?;
    send(&system, &["no JSON".to_owned()]).await?;
    let failed = system.await_messages("FailedQueueUrl", 1).await?;
    let (_, attributes) = failed.first().ok_or("no message")?;
    assert_eq!(attributes.get("receive_count").map(String::as_str), Some("2"));
    let refused = system.await_logged("EnrichFunction", "could not be set aside", 1).await?;
    assert_eq!(refused.len(), 1, "{refused:?}");
    Ok(())
}

/// Malformed and hostile events with the type of the error that each is to end with.
fn malformed_events() -> Result<Vec<(String, String)>, String> {
    let mut events = Vec::new();
    let folder = repository().join("events/finding-investigate");
    let files = std::fs::read_dir(&folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    for file in files {
        let file = file.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned();
        if !file.starts_with("malformed-") && file != "foreign-event.json" {
            continue;
        }
        let text = String::from_utf8(fixture(&format!("finding-investigate/{file}"))?);
        let text = text.map_err(|error| format!("`{file}`: {error}"))?;
        if serde_json::from_str::<Value>(&text).is_ok() {
            let recorded = fixture_json(&format!("answers/finding-investigate/{file}"))?;
            let expected = recorded["error"]["errorType"].as_str().ok_or("no error is recorded")?;
            events.push((text, expected.to_owned()));
        }
    }
    let whole = fixture_json("finding-investigate/imported-role-assumed.json")?;
    let with = |place: &str, value: Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(place).ok_or_else(|| format!("no `{place}`"))? = value;
        Ok::<_, String>(changed.to_string())
    };
    let long = || json!("x".repeat(1_000_000));
    let deep = with("/detail/findings/0/Resources", json!("deep"))?
        .replace("\"deep\"", &format!("{}{}", "[".repeat(500), "]".repeat(500)));
    for event in [
        with("/detail/findings", json!(vec![Value::Null; 1000]))?,
        with("/detail/findings/0/Id", json!([CONTENT]))?,
        with("/time", long())?,
        deep,
    ] {
        events.push((event, "Permanent.InvalidEvent".to_owned()));
    }
    // A finding like any other until DynamoDB refuses it as a key.
    events.push((with("/detail/findings/0/Id", long())?, "Permanent.Validation".to_owned()));
    Ok(events)
}

#[tokio::test]
async fn malformed_events_end_in_the_failed_queue_with_their_error() -> Tested {
    let system = System::start().await?;
    let path = format!("/2015-03-31/functions/{}/invocations", system.output("InvestigateFunction")?);
    let invoke = |event: Vec<u8>| {
        let headers = [("x-amz-invocation-type", "Event")];
        let (cloud, path) = (system.cloud(), &path);
        async move { cloud.send("lambda", Method::POST, path, &headers, event).await }
    };
    let events = malformed_events()?;
    assert!((8..=10).contains(&events.len()), "{} events; a receipt gives 10", events.len());
    for (event, _) in &events {
        assert_eq!(invoke(event.clone().into_bytes()).await?.status, 202);
    }
    let truncated = invoke(fixture("finding-investigate/malformed-truncated.json")?).await?;
    assert_eq!(truncated.status, 400, "Lambda itself refuses what is not JSON");

    let failed = system.await_messages("FailedQueueUrl", events.len()).await?;
    let mut seen = BTreeMap::new();
    for (record, attributes) in &failed {
        // One of the events is too deep to parse here, so Lambda's record is read as text.
        let after = |name: &str| record.split_once(name).map_or("", |(_, rest)| rest);
        let error_type = match attributes.get("error_type") {
            Some(error_type) => error_type,
            None => {
                assert!(after("\"requestPayload\"").len() > 20, "the event is kept");
                let error = after("\"responsePayload\"");
                assert!(error.len() < 1000, "the error is short whatever the event");
                assert!(!error.contains(CONTENT), "{error}");
                after("\"errorType\"").split('"').nth(1).unwrap_or_default()
            }
        };
        *seen.entry(error_type).or_insert(0) += 1;
    }
    let mut expected = BTreeMap::new();
    for (_, error_type) in &events {
        *expected.entry(error_type.as_str()).or_insert(0) += 1;
    }
    assert_eq!(seen, expected);

    // The function is as good as new, and none of it was logged.
    system.import(&[about_role("f", "quiet-role")?]).await?;
    system.await_stage("f", "complete").await?;
    let logs = system.logs("InvestigateFunction").await?;
    assert!(logs.iter().all(|line| line.len() < 4000), "no line grows with the event");
    assert!(!logs.iter().any(|line| line.contains("panicked") || line.contains(CONTENT)), "{logs:?}");
    Ok(())
}
