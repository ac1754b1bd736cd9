//! Services that fail, through the real templates: nothing is lost, nothing is done twice, and the logs and the
//! failed queue say what was wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use eventide_testing::eventually;
use eventide_tests::System;
use eventide_tests::findings::{about_role, with_severity};
use eventide_tests::system::PATIENCE;
use eventide_tests::trouble::ALL_ATTEMPTS;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const ENRICH: &str = "finding-enrich";

/// The reads among the calls to Detective; each may be repeated at will.
const READS: [&str; 4] = [
    "detective:ListGraphs",
    "detective:ListInvestigations",
    "detective:GetInvestigation",
    "detective:ListIndicators",
];

fn throttle() -> Value {
    json!({ "type": "throttle" })
}

fn error(status: u16, code: &str) -> Value {
    json!({ "type": "error", "status": status, "code": code })
}

fn note(finding: &Value) -> &str {
    finding.pointer("/Note/Text").and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn a_throttling_detective_is_waited_out() -> Tested {
    let system = System::start().await?;
    for call in READS.into_iter().chain(["detective:StartInvestigation"]) {
        system.fail(ENRICH, call, &throttle(), ALL_ATTEMPTS).await?;
    }
    system.import(&[about_role("f", "compromised-role")?]).await?;
    let finding = system.await_stage("f", "complete").await?;
    assert_eq!(finding["UserDefinedFields"]["investigationSeverity"], "CRITICAL");
    assert_eq!(finding["UserDefinedFields"]["investigationIndicators.TTP_OBSERVED"], "10");
    system.come_to_rest(1).await?;
    let waited = system.await_logged("EnrichFunction", "will look again", 5).await?;
    assert!(waited.iter().all(|line| line["error_type"] == "Throttled"), "{waited:?}");
    // Waiting is the messages' business: nothing failed, so nothing came back.
    assert_eq!(system.logged("EnrichFunction", "comes back").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn a_detective_that_is_down_is_waited_out() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    let reset = || json!({ "type": "reset" });
    let down = |status| error(status, "InternalServerException");
    for (call, effect) in READS.into_iter().zip([down(500), reset(), down(503), reset()]) {
        system.fail(ENRICH, call, &effect, ALL_ATTEMPTS).await?;
    }
    system.import(&[about_role("f", "medium-role")?]).await?;
    let finding = system.await_stage("f", "complete").await?;
    assert_eq!(finding["UserDefinedFields"]["investigationSeverity"], "MEDIUM");
    system.come_to_rest(1).await
}

#[tokio::test]
async fn a_missing_permission_is_named_once_a_batch_and_loses_nothing() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    let ids: Vec<String> = (0..20).map(|n| format!("f{n}")).collect();
    let findings: Result<Vec<_>, _> =
        ids.iter().map(|id| Ok::<_, String>(with_severity(about_role(id, "quiet-role")?, "LOW"))).collect();
    system.import(&findings?).await?;
    let denied = json!({ "match": { "caller": ENRICH, "service": "detective" }, "effect": error(403, "AccessDeniedException") });
    system.fault(&denied).await?;
    system.custom_action(&ids.iter().map(String::as_str).collect::<Vec<_>>(), true).await?;
    let named = eventually("a report of all 20", PATIENCE, || async {
        let named = system.logged("EnrichFunction", "records come back").await.ok()?;
        let records: u64 = named.iter().filter_map(|line| line["records"].as_u64()).sum();
        (records >= 20).then_some(named)
    });
    let named = named.await?;
    for line in &named {
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["error_type"], "Environment.AccessDenied");
        let reason = line["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("`detective:ListGraphs` failed with `AccessDeniedException`"), "{line}");
    }
    let invocations: BTreeSet<_> = named.iter().map(|line| line["request_id"].to_string()).collect();
    assert_eq!(invocations.len(), named.len(), "one line a batch: {named:?}");
    assert_eq!(system.stage("f0").await?, "", "nothing is claimed to run");

    system.lift_faults().await?;
    for id in &ids {
        system.await_stage(id, "complete").await?;
    }
    system.come_to_rest(1).await
}

#[tokio::test]
async fn a_permission_to_start_that_was_missing_leaves_nothing_in_the_way() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    let denied = error(403, "AccessDeniedException");
    system.fail(ENRICH, "detective:StartInvestigation", &denied, 2).await?;
    system.import(&[about_role("f", "quiet-role")?]).await?;
    system.await_stage("f", "complete").await?;
    system.come_to_rest(1).await
}

#[tokio::test]
async fn a_start_without_an_answer_is_settled_by_what_detective_lists() -> Tested {
    let system = System::start().await?;
    let start = "detective:StartInvestigation";
    system.fail(ENRICH, start, &json!({ "type": "lost_response" }), 1).await?;
    system.import(&[about_role("f", "medium-role")?, about_role("g", "medium-role")?]).await?;
    system.await_stage("f", "complete").await?;
    system.await_stage("g", "complete").await?;
    system.come_to_rest(1).await?;
    assert_eq!(system.count(ENRICH, start).await?, 1, "it was there, so it was not asked for again");
    Ok(())
}

#[tokio::test]
async fn a_start_that_failed_is_repeated_only_once_detective_must_have_listed_it() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    let start = "detective:StartInvestigation";
    for effect in [error(500, "InternalServerException"), json!({ "type": "reset" })] {
        system.fail(ENRICH, start, &effect, 1).await?;
    }
    system.import(&[about_role("f", "medium-role-1")?, about_role("g", "medium-role-2")?]).await?;
    for id in ["f", "g"] {
        system.await_stage(id, "running").await?;
    }
    let lists = || system.count(ENRICH, "detective:ListInvestigations");
    let before = lists().await?;
    eventually("several looks for both", PATIENCE, || async {
        (lists().await.ok()? >= before + 6).then_some(())
    })
    .await?;
    assert_eq!(system.count(ENRICH, start).await?, 2, "they may yet be listed");

    assert_eq!(system.age_claims(Duration::from_secs(300)).await?, 2);
    for id in ["f", "g"] {
        system.await_stage(id, "complete").await?;
    }
    system.come_to_rest(2).await?;
    assert_eq!(system.count(ENRICH, start).await?, 4);
    Ok(())
}

#[tokio::test]
async fn a_throttled_table_and_failing_queues_are_waited_out() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    for call in ["dynamodb:UpdateItem", "dynamodb:PutItem"] {
        system.fail(ENRICH, call, &throttle(), ALL_ATTEMPTS).await?;
    }
    let down = error(500, "InternalError");
    for function in [ENRICH, "finding-investigate"] {
        system.fail(function, "sqs:SendMessageBatch", &down, ALL_ATTEMPTS).await?;
    }
    // The writes in the middle of a finding's way: the settlement of the claim, the record of the hand-over.
    for skip in [6, 12] {
        let updates = json!({ "caller": ENRICH, "service": "dynamodb", "operation": "UpdateItem" });
        let rule = json!({ "match": updates, "skip": skip, "times": ALL_ATTEMPTS, "effect": throttle() });
        system.fault(&rule).await?;
    }
    system.import(&[about_role("f", "medium-role")?]).await?;
    system.await_stage("f", "complete").await?;
    system.come_to_rest(1).await
}

#[tokio::test]
async fn a_failing_security_hub_is_waited_out() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    for (call, effect) in [
        ("securityhub:GetFindings", error(500, "InternalException")),
        ("securityhub:BatchUpdateFindings", throttle()),
    ] {
        system.fail(ENRICH, call, &effect, ALL_ATTEMPTS).await?;
    }
    system.import(&[about_role("f", "medium-role")?]).await?;
    system.await_stage("f", "complete").await?;
    system.come_to_rest(1).await
}

#[tokio::test]
async fn unprocessed_findings_are_retried_or_set_aside_with_the_reason() -> Tested {
    let system = System::start().await?;
    system.comes_back_after(2).await?;
    for (id, code) in [("busy", "ConcurrentUpdateError"), ("gone", "FindingNotFound")] {
        let rule = json!({ "findingIdContains": id, "code": code, "times": 1 });
        system.cloud().control(Method::POST, "securityhub/unprocessed", Some(&rule)).await?;
    }
    let findings = ["busy", "gone", "unharmed"].map(|id| about_role(id, "quiet-role"));
    system.import(&findings.into_iter().collect::<Result<Vec<_>, _>>()?).await?;
    system.await_stage("busy", "complete").await?;
    system.await_stage("unharmed", "complete").await?;
    let gone = system.await_stage("gone", "failed").await?;
    assert!(note(&gone).contains("FindingNotFound"), "{gone}");
    let failed = system.await_messages("FailedQueueUrl", 1).await?;
    let (body, attributes) = failed.first().ok_or("no message")?;
    let work: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    assert_eq!(work["finding"]["asff"]["id"], "gone");
    let attribute = |name: &str| attributes.get(name).map_or("", String::as_str);
    assert_eq!(attribute("error_type"), "Permanent.FindingNotFound");
    assert!(attribute("reason").contains("FindingNotFound"), "{attributes:?}");
    assert_eq!(attribute("receive_count"), "1", "it is not tried five times");
    assert!(attribute("function").contains("EnrichFunction"), "{attributes:?}");
    assert!(!attribute("source_message_id").is_empty());
    assert_eq!(failed.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_finding_that_is_given_up_says_so_and_can_be_asked_for_again() -> Tested {
    let system = System::start().await?;
    // `running` cannot be written at the last receipt.
    system.import(&[with_severity(about_role("busy", "quiet-role")?, "LOW")]).await?;
    let busy = json!({ "findingIdContains": "busy", "code": "ConcurrentUpdateError", "times": 1 });
    system.cloud().control(Method::POST, "securityhub/unprocessed", Some(&busy)).await?;
    let answer = system.hand(&[("m", &system.work("busy", "quiet-role").await?)], 5).await?;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let finding = system.finding("busy").await?;
    assert_eq!(finding["UserDefinedFields"]["investigate"], "failed");
    assert!(note(&finding).contains("ConcurrentUpdateError"), "{finding}");

    // Nothing can be asked of Detective at any receipt.
    system.comes_back_after(2).await?;
    let denied = error(403, "AccessDeniedException");
    let detective = json!({ "match": { "caller": ENRICH, "service": "detective" }, "effect": denied });
    system.fault(&detective).await?;
    system.import(&[about_role("denied", "quiet-role")?]).await?;
    let finding = system.await_stage("denied", "failed").await?;
    assert!(note(&finding).contains("failed with `AccessDeniedException`"), "{finding}");

    let failed = system.await_messages("FailedQueueUrl", 2).await?;
    let mut reasons = BTreeSet::new();
    for (body, attributes) in &failed {
        let work: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let attribute = |name: &str| attributes.get(name).map_or("", String::as_str);
        assert_eq!(attribute("receive_count"), "5", "{attributes:?}");
        let id = work["finding"]["asff"]["id"].as_str().unwrap_or_default();
        reasons.insert((id.to_owned(), attribute("error_type").to_owned()));
        let finding = system.finding(id).await?;
        assert!(note(&finding).contains(attribute("reason")), "{attributes:?}: {finding}");
    }
    let expected = [("busy", "Retryable.ConcurrentUpdateError"), ("denied", "Environment.AccessDenied")];
    assert_eq!(reasons, expected.map(|(id, reason)| (id.to_owned(), reason.to_owned())).into());

    // A person asks by the custom action, or by setting the field.
    system.lift_faults().await?;
    system.custom_action(&["busy"], false).await?;
    system.mark("denied", "true").await?;
    for id in ["busy", "denied"] {
        let finding = system.await_stage(id, "complete").await?;
        assert!(note(&finding).starts_with("Detective: "), "{finding}");
    }
    Ok(())
}
