//! Every call that a function makes is granted to its role, and every grant is used: shown on the deployed
//! policies, for every way that the system takes.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use eventide_testing::eventually;
use eventide_tests::System;
use eventide_tests::findings::{about, about_role, from_event, with_severity};
use eventide_tests::policy::{Grant, asked, grants, judge};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// Actions that AWS takes in the function's name, so that the function itself never does.
const BY_AWS: [(&str, &str); 7] = [
    ("logs:CreateLogStream", "Lambda writes the function's log"),
    ("logs:PutLogEvents", "Lambda writes the function's log"),
    ("sqs:ReceiveMessage", "Lambda polls the queue of an event source mapping"),
    ("sqs:DeleteMessage", "Lambda polls the queue of an event source mapping"),
    ("sqs:GetQueueAttributes", "Lambda polls the queue of an event source mapping"),
    ("kms:Decrypt", "SQS uses the key of an encrypted queue for its caller"),
    ("kms:GenerateDataKey", "SQS uses the key of an encrypted queue for its caller"),
];

async fn drive_every_way(system: &System) -> Tested {
    let aws = system.aws().clone().with_access_key("444455556666");
    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let role = [("RoleName", "EventideFindingEnrichment"), ("AssumeRolePolicyDocument", trust)];
    aws.query("iam", "CreateRole", &role).await?;
    system.cloud().control(Method::POST, "securityhub/settings", Some(&json!({ "v2": true }))).await?;
    let gone = json!({ "findingIdContains": "gone", "code": "FindingNotFound", "times": 1 });
    system.cloud().control(Method::POST, "securityhub/unprocessed", Some(&gone)).await?;

    let there =
        json!({ "AccountId": "444455556666", "PrincipalName": "quiet-there", "PrincipalType": "Role" });
    let mut several = with_severity(from_event("imported-several-principals.json")?, "HIGH");
    several["Id"] = json!("several");
    let mut root = with_severity(from_event("imported-root.json")?, "HIGH");
    root["Id"] = json!("root");
    let asked_for = with_severity(about_role("asked", "failed-role")?, "LOW");
    system
        .import(&[about("there", &there)?, several, root, asked_for, about_role("gone", "quiet-role")?])
        .await?;
    system.custom_action(&["asked"], true).await?;
    for (id, stage) in
        [("there", "complete"), ("several", "complete"), ("root", "unsupported"), ("asked", "failed")]
    {
        system.await_stage(id, stage).await?;
    }
    system.await_messages("FailedQueueUrl", 1).await?;
    let commented = eventually("a comment on an OCSF finding", PATIENCE, || async {
        let comments = system.count("finding-enrich", "securityhub:BatchUpdateFindingsV2").await.ok()?;
        (comments > 0).then_some(())
    });
    commented.await
}

/// The grants of a role's only inline policy, as IAM has it.
async fn granted(system: &System, role: &str, policy: &str) -> Result<BTreeSet<Grant>, String> {
    let xml =
        system.cloud().query("iam", "GetRolePolicy", &[("RoleName", role), ("PolicyName", policy)]).await?;
    let document = xml
        .split_once("<PolicyDocument>")
        .and_then(|(_, rest)| Some(rest.split_once("</PolicyDocument>")?.0))
        .ok_or_else(|| format!("no document: {xml}"))?;
    let document: Value = serde_json::from_str(&decoded(document)?).map_err(|error| error.to_string())?;
    grants(&document)
}

/// IAM percent-encodes policy documents.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).collect();
        let digits = std::str::from_utf8(&digits).map_err(|error| error.to_string())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|error| error.to_string())?);
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

async fn role_of(system: &System, function_output: &str) -> Result<String, String> {
    let path = format!("/2015-03-31/functions/{}/configuration", system.output(function_output)?);
    let configuration = system.cloud().rest("lambda", Method::GET, &path, None).await?;
    let role = configuration["Role"].as_str().unwrap_or_default();
    Ok(role.rsplit('/').next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_call_is_granted_and_every_grant_is_used() -> Tested {
    let parameters = [("OcsfFindings", "ENABLED"), ("MemberRoleName", "EventideFindingEnrichment")];
    let system = System::start_with(&parameters).await?;
    drive_every_way(&system).await?;

    let journal = system.cloud().control(Method::GET, "journal", None).await?;
    let entries = journal["entries"].as_array().cloned().unwrap_or_default();
    let mut calls: BTreeMap<&str, BTreeSet<Grant>> = BTreeMap::new();
    let mut in_member_account = BTreeSet::new();
    for entry in &entries {
        let caller = entry["caller"].as_str().unwrap_or_default();
        if !caller.starts_with("finding-") {
            continue;
        }
        let call = asked(entry)?;
        // With the member role's temporary key, that role is asked, not the function's.
        let borrowed =
            entry["role_arn"].as_str().is_some_and(|role| role.contains("EventideFindingEnrichment"));
        if borrowed {
            in_member_account.insert(call.action);
        } else {
            calls.entry(caller).or_default().insert(call);
        }
    }
    assert_eq!(in_member_account, ["iam:GetRole".to_owned()].into(), "what the member role is for");

    for (function, output) in
        [("finding-investigate", "InvestigateFunction"), ("finding-enrich", "EnrichFunction")]
    {
        let granted = granted(&system, &role_of(&system, output).await?, function).await?;
        let made = calls.remove(function).unwrap_or_default();
        let verdict = judge(&made, &granted);
        assert_eq!(verdict.denied, BTreeSet::new(), "{function} called what it may not");
        let on_failure = Grant::new("sqs:SendMessage", &arn_of(&system, "FailedQueueUrl")?);
        let superfluous: Vec<_> = verdict
            .unused
            .iter()
            .filter(|grant| !BY_AWS.iter().any(|(action, _)| *action == grant.action))
            // Lambda delivers what failed for good, in the name of the function that failed.
            .filter(|grant| function != "finding-investigate" || **grant != on_failure)
            .collect();
        assert!(superfluous.is_empty(), "{function} may more than it does: {superfluous:#?}");
    }
    assert!(calls.is_empty(), "calls of a function that is not known: {calls:?}");
    Ok(())
}

fn arn_of(system: &System, queue_output: &str) -> Result<String, String> {
    let url = system.output(queue_output)?;
    Ok(format!("arn:aws:sqs:us-east-1:111122223333:{}", url.rsplit('/').next().unwrap_or_default()))
}
