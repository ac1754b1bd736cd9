//! What goes wrong on the way, through the real templates: nothing is lost and nothing is done twice.

use eventide_testing::eventually;
use eventide_tests::System;
use eventide_tests::findings::about_role;
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// More failures of one call than the SDK's own three attempts hide.
const BEYOND_THE_SDK: u32 = 4;

async fn soon_visible(system: &System) -> Tested {
    let body =
        json!({ "QueueUrl": system.output("WorkQueueUrl")?, "Attributes": { "VisibilityTimeout": "2" } });
    system.cloud().aws_json("sqs", "AmazonSQS.SetQueueAttributes", &body).await?;
    Ok(())
}

fn by(function: &str, service: &str, operation: &str) -> Value {
    json!({ "caller": function, "service": service, "operation": operation })
}

#[tokio::test]
async fn a_throttled_and_failing_detective_is_waited_out() -> Tested {
    let system = System::start().await?;
    for operation in
        ["ListGraphs", "ListInvestigations", "StartInvestigation", "GetInvestigation", "ListIndicators"]
    {
        let matching = by("finding-enrich", "detective", operation);
        let throttle =
            json!({ "match": matching, "times": BEYOND_THE_SDK, "effect": { "type": "throttle" } });
        system.fault(&throttle).await?;
        if operation != "StartInvestigation" {
            let error = json!({ "type": "error", "status": 500, "code": "InternalServerException" });
            system.fault(&json!({ "match": matching, "times": BEYOND_THE_SDK, "effect": error })).await?;
        }
    }
    system.import(&[about_role("f", "compromised-role")?]).await?;
    let finding = system.await_stage("f", "complete").await?;
    assert_eq!(finding["UserDefinedFields"]["investigationSeverity"], "CRITICAL");
    assert_eq!(system.investigations().await?.len(), 1);
    assert!(system.messages("FailedQueueUrl").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_missing_permission_is_named_once_a_batch_and_loses_nothing() -> Tested {
    let system = System::start().await?;
    soon_visible(&system).await?;
    let denied = json!({ "type": "error", "status": 403, "code": "AccessDeniedException", "message": "no" });
    system.fault(&json!({ "match": by("finding-enrich", "detective", "ListGraphs"), "times": 2, "effect": denied })).await?;
    let findings: Result<Vec<_>, _> = (0..5).map(|n| about_role(&format!("f{n}"), "quiet-role")).collect();
    system.import(&findings?).await?;
    for n in 0..5 {
        system.await_stage(&format!("f{n}"), "complete").await?;
    }
    let logs = system.logs("EnrichFunction").await?;
    let named: Vec<_> = logs.iter().filter(|line| line.contains("Environment.AccessDenied")).collect();
    let invocations: std::collections::BTreeSet<_> = named
        .iter()
        .filter_map(|line| {
            serde_json::from_str::<Value>(line).ok()?.get("request_id")?.as_str().map(str::to_owned)
        })
        .collect();
    assert!(!named.is_empty());
    assert_eq!(named.len(), invocations.len(), "{named:?}");
    Ok(())
}

#[tokio::test]
async fn a_lost_response_never_starts_a_second_investigation() -> Tested {
    let system = System::start().await?;
    let start = by("finding-enrich", "detective", "StartInvestigation");
    system.fault(&json!({ "match": start, "times": 1, "effect": { "type": "lost_response" } })).await?;
    system.import(&[about_role("f", "medium-role")?, about_role("g", "medium-role")?]).await?;
    system.await_stage("f", "complete").await?;
    system.await_stage("g", "complete").await?;
    assert_eq!(system.investigations().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_function_killed_after_any_of_its_writes_is_carried_on() -> Tested {
    let system = System::start().await?;
    soon_visible(&system).await?;
    for (n, (service, operation)) in [
        ("dynamodb", "UpdateItem"),
        ("detective", "StartInvestigation"),
        ("securityhub", "BatchUpdateFindings"),
        ("sqs", "SendMessageBatch"),
    ]
    .into_iter()
    .enumerate()
    {
        let kill = by("finding-enrich", service, operation);
        system.fault(&json!({ "match": kill, "times": 1, "effect": { "type": "kill" } })).await?;
        let id = format!("killed after {operation}");
        system.import(&[about_role(&id, &format!("medium-role-{n}"))?]).await?;
        let finding = system.await_stage(&id, "complete").await?;
        assert!(finding["Note"]["Text"].is_string(), "{operation}");
        assert_eq!(system.investigations().await?.len(), n + 1, "{operation}");
    }
    let faults = system.cloud().control(Method::GET, "faults", None).await?;
    let applied =
        faults["rules"].as_array().map(|rules| rules.iter().filter(|rule| rule["applied"] == 1).count());
    assert_eq!(applied, Some(4), "every kill took place: {faults}");
    Ok(())
}

#[tokio::test]
async fn duplicates_and_reordering_change_nothing() -> Tested {
    let system = System::start().await?;
    soon_visible(&system).await?;
    let duplicate = json!({ "type": "duplicate" });
    for function in ["finding-investigate", "finding-enrich"] {
        let sends = by(function, "sqs", "SendMessageBatch");
        system.fault(&json!({ "match": sends, "effect": duplicate })).await?;
    }
    system.import(&[about_role("f", "medium-role")?]).await?;
    system.await_stage("f", "running").await?;
    system.cloud().control(Method::POST, "securityhub/redeliver", Some(&json!({ "index": 0 }))).await?;
    system.await_stage("f", "complete").await?;
    system.cloud().control(Method::POST, "securityhub/redeliver", Some(&json!({ "index": 0 }))).await?;

    // Messages of two findings overtake each other.
    let held = json!({ "type": "hold", "until": "next" });
    let sends = by("finding-enrich", "sqs", "SendMessageBatch");
    system.cloud().control(Method::DELETE, "faults", None).await?;
    system.fault(&json!({ "match": sends, "times": 2, "effect": held })).await?;
    system.import(&[about_role("g", "medium-role-2")?]).await?;
    system.import(&[about_role("h", "medium-role-3")?]).await?;
    system.await_stage("g", "complete").await?;
    system.await_stage("h", "complete").await?;
    assert_eq!(system.investigations().await?.len(), 3, "one a role");
    assert!(system.messages("FailedQueueUrl").await?.is_empty());
    let drained = eventually("an empty work queue", PATIENCE, || async {
        system.messages("WorkQueueUrl").await.ok()?.is_empty().then_some(())
    });
    drained.await?;
    assert_eq!(system.stage("f").await?, "complete");
    Ok(())
}

#[tokio::test]
async fn unprocessed_findings_are_retried_or_set_aside_with_the_reason() -> Tested {
    let system = System::start().await?;
    soon_visible(&system).await?;
    for (id, code) in [("busy", "ConcurrentUpdateError"), ("gone", "FindingNotFound")] {
        let rule = json!({ "findingIdContains": id, "code": code, "times": 1 });
        system.cloud().control(Method::POST, "securityhub/unprocessed", Some(&rule)).await?;
    }
    system.import(&[about_role("busy", "quiet-role")?, about_role("gone", "quiet-role")?]).await?;
    system.await_stage("busy", "complete").await?;
    let failed = system.await_messages("FailedQueueUrl", 1).await?;
    let (body, attributes) = failed.first().ok_or("no message")?;
    assert!(body.contains("gone"), "{body}");
    assert_eq!(attributes.get("error_type").map(String::as_str), Some("Permanent.FindingNotFound"));
    assert_eq!(attributes.get("function").map(|name| name.contains("EnrichFunction")), Some(true));
    assert!(attributes.contains_key("reason") && attributes.contains_key("source_message_id"));
    Ok(())
}

#[tokio::test]
async fn poison_ends_in_the_failed_queue_with_a_reason_and_harms_nobody() -> Tested {
    let system = System::start().await?;
    let secret = "hunter2";
    let deep = format!("[\"{secret}\",{}", "[".repeat(50_000));
    let long = format!("{{\"version\":\"1\",\"run\":\"{}\"}}", secret.repeat(100_000));
    let poison = [
        "no json".to_owned(),
        format!("[\"{secret}\"]"),
        deep,
        long,
        format!("{{\"version\":\"{secret}\"}}"),
    ];
    for body in &poison {
        let message = json!({ "QueueUrl": system.output("WorkQueueUrl")?, "MessageBody": body });
        system.cloud().aws_json("sqs", "AmazonSQS.SendMessage", &message).await?;
    }
    system.import(&[about_role("f", "quiet-role")?]).await?;
    let failed = system.await_messages("FailedQueueUrl", poison.len()).await?;
    for (body, attributes) in &failed {
        assert!(poison.contains(body), "the message as it came");
        assert_eq!(attributes.get("error_type").map(String::as_str), Some("Permanent.InvalidWork"));
        assert!(!attributes.values().any(|value| value.contains(secret)), "{attributes:?}");
    }
    system.await_stage("f", "complete").await?;
    let logs = system.logs("EnrichFunction").await?.join("\n");
    assert!(!logs.contains(secret) && !logs.contains("panicked"), "{logs}");
    Ok(())
}

#[tokio::test]
async fn events_that_are_not_ours_end_in_the_failed_queue_with_their_error() -> Tested {
    let system = System::start().await?;
    let nulls = json!({ "detail": { "findings": vec![Value::Null; 1000] } }).to_string();
    let huge = json!({ "id": "x".repeat(1_000_000) }).to_string();
    let deep = format!("{{\"detail\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let events = [
        String::from_utf8_lossy(&eventide_testing::fixture("finding-investigate/foreign-event.json")?)
            .into_owned(),
        String::from_utf8_lossy(&eventide_testing::fixture("finding-investigate/malformed-no-detail.json")?)
            .into_owned(),
        nulls,
        huge,
        deep,
    ];
    let path = format!("/2015-03-31/functions/{}/invocations", system.output("InvestigateFunction")?);
    for event in &events {
        let headers = [("x-amz-invocation-type", "Event")];
        let answer = system.cloud().send("lambda", Method::POST, &path, &headers, event.clone()).await?;
        assert_eq!(answer.status, 202);
    }
    let failed = system.await_messages("FailedQueueUrl", events.len()).await?;
    for (body, _) in &failed {
        // Too deep for a parser, as one of the events is.
        assert!(body.contains(r#""errorType": "Permanent."#), "{}", body.get(..2000).unwrap_or(body));
        assert!(body.contains(r#""requestPayload""#), "the event is kept");
    }
    let logs = system.logs("InvestigateFunction").await?.join("\n");
    assert!(!logs.contains("panicked"));
    Ok(())
}

#[tokio::test]
async fn a_burst_over_few_roles_under_throttling_starts_one_investigation_a_role() -> Tested {
    let system = System::start().await?;
    for skip in [10, 50, 100, 200] {
        let rule = json!({ "match": { "service": "detective" }, "skip": skip, "times": 5, "effect": { "type": "throttle" } });
        system.fault(&rule).await?;
    }
    let findings: Result<Vec<_>, _> =
        (0..100).map(|n| about_role(&format!("f{n}"), &format!("quiet-role-{}", n % 20))).collect();
    system.import(&findings?).await?;
    for n in 0..100 {
        system.await_stage(&format!("f{n}"), "complete").await?;
    }
    assert_eq!(system.investigations().await?.len(), 20);
    Ok(())
}
