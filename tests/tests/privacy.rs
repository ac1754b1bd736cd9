//! Logs and failure reasons hold ids, and nothing of what a finding or an investigation tells about persons and
//! their credentials. Shown at the most verbose level that the template allows.

use std::collections::BTreeSet;

use eventide_tests::System;
use eventide_tests::findings::{about, about_role, with_severity};
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const MEMBER_ACCOUNT: &str = "444455556666";
const MEMBER_ROLE: &str = "EventideFindingEnrichmentRead";

const KEY: &str = "AKIAMARKEDKEY0000001";
const PRINCIPAL_ID: &str = "AIDAMARKEDPRINCIPAL1:someone@example.com";
const ADDRESS: &str = "198.51.100.201";
const CITY: &str = "marked-city";
const AGENT: &str = "marked-agent/1.0";
const PERSON: &str = "marked.person";
const DESCRIPTION: &str = "marked description";
const TAG: &str = "marked tag";
const FIELD: &str = "marked field";
const ANALYST: &str = "marked analyst";
const NOTE: &str = "marked note text";
const BODY: &str = "marked body";
const FLAGGED_ADDRESS: &str = "198.51.100.202";
const INDICATED_AGENT: &str = "marked-indicator/2.0";
const INDICATED_LOCATION: &str = "marked-location";
const REFUSED: &str = "marked value in a refusal";

/// Written into every place that may hold something personal or secret.
const MARKED: [&str; 16] = [
    KEY,
    PRINCIPAL_ID,
    PERSON,
    ADDRESS,
    CITY,
    AGENT,
    DESCRIPTION,
    TAG,
    FIELD,
    ANALYST,
    NOTE,
    BODY,
    FLAGGED_ADDRESS,
    INDICATED_AGENT,
    INDICATED_LOCATION,
    REFUSED,
];

/// What a signature or the environment of a function would show.
const CREDENTIALS: [&str; 6] =
    ["AWS_SECRET", "AWS_SESSION_TOKEN", "SecurityToken", "x-amz-security-token", "Credential=", "Signature="];

fn marked(id: &str, role: &str) -> Result<Value, String> {
    let mut finding = about(
        id,
        &json!({
            "AccessKeyId": KEY, "PrincipalId": PRINCIPAL_ID, "PrincipalName": role, "PrincipalType": "AssumedRole"
        }),
    )?;
    if let Some(resource) = finding.pointer_mut("/Resources/0").and_then(Value::as_object_mut) {
        resource.insert("Tags".into(), json!({ "owner": TAG }));
    }
    let members = finding.as_object_mut().ok_or("no finding")?;
    members.insert("Description".into(), json!(DESCRIPTION));
    members.insert("Title".into(), json!(DESCRIPTION));
    members.insert("UserDefinedFields".into(), json!({ "team": FIELD }));
    members.insert("ProductFields".into(), json!({ "aws/guardduty/service/userAgent": AGENT }));
    members.insert(
        "Action".into(),
        json!({ "ActionType": "AWS_API_CALL", "AwsApiCallAction": {
            "Api": "ListBuckets", "ServiceName": "s3.amazonaws.com", "CallerType": "remoteIp",
            "RemoteIpDetails": { "IpAddressV4": ADDRESS, "City": { "CityName": CITY } }
        } }),
    );
    Ok(finding)
}

/// An investigation with what Detective tells of persons.
fn scenario() -> Value {
    let indicator = |kind: &str, detail: Value| json!({ "IndicatorType": kind, "IndicatorDetail": detail });
    let flagged = json!({ "IpAddress": FLAGGED_ADDRESS, "Reason": "AWS_THREAT_INTELLIGENCE" });
    let agent = json!({ "UserAgent": INDICATED_AGENT, "IsNewForEntireAccount": true });
    let location = json!({
        "Location": INDICATED_LOCATION, "IpAddress": FLAGGED_ADDRESS, "IsNewForEntireAccount": true
    });
    json!({
        "name": "marked", "entities": ["*/marked-role"], "outcome": "SUCCESSFUL", "severity": "HIGH",
        "indicators": [
            indicator("FLAGGED_IP_ADDRESS", json!({ "FlaggedIpAddressDetail": flagged })),
            indicator("NEW_USER_AGENT", json!({ "NewUserAgentDetail": agent })),
            indicator("NEW_GEOLOCATION", json!({ "NewGeolocationDetail": location })),
        ]
    })
}

/// Makes a function log all it can. The template allows TRACE, too; the tests run it at DEBUG.
async fn log_everything(system: &System, function_output: &str) -> Tested {
    let path = format!("/2015-03-31/functions/{}/configuration", system.output(function_output)?);
    let configuration = system.cloud().rest("lambda", Method::GET, &path, None).await?;
    let mut environment = configuration.get("Environment").cloned().ok_or("a function without variables")?;
    let variables = environment.get_mut("Variables").and_then(Value::as_object_mut);
    variables.ok_or("a function without variables")?.insert("AWS_LAMBDA_LOG_LEVEL".into(), json!("TRACE"));
    let update = json!({ "Environment": environment });
    system.cloud().rest("lambda", Method::PUT, &path, Some(&update)).await?;
    Ok(())
}

#[tokio::test]
async fn no_log_line_and_no_reason_holds_what_is_not_an_id() -> Tested {
    let system = System::start_with(&[("MemberRoleName", MEMBER_ROLE)]).await?;
    for function in ["InvestigateFunction", "EnrichFunction"] {
        log_everything(&system, function).await?;
    }
    let member = system.aws().clone().with_access_key(MEMBER_ACCOUNT);
    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let role = [("RoleName", MEMBER_ROLE), ("AssumeRolePolicyDocument", trust)];
    member.query("iam", "CreateRole", &role).await?;
    system.scenario(&scenario()).await?;
    let unprocessed =
        json!({ "findingIdContains": "gone", "code": "InvalidInput", "message": DESCRIPTION, "times": 9 });
    system.cloud().control(Method::POST, "securityhub/unprocessed", Some(&unprocessed)).await?;
    let refusal = json!({
        "type": "error", "status": 400, "code": "ValidationException",
        "message": format!("Value '{REFUSED}' at 'entityArn' failed to satisfy constraint")
    });
    let matching = json!({
        "caller": "finding-enrich", "operation": "StartInvestigation", "body_contains": "refused-role"
    });
    system.fault(&json!({ "match": matching, "effect": refusal })).await?;

    let there =
        json!({ "AccountId": MEMBER_ACCOUNT, "PrincipalName": "quiet-there", "PrincipalType": "Role" });
    system
        .import(&[
            marked("f", "marked-role")?,
            marked("refused", "refused-role")?,
            about("there", &there)?,
            about("person", &json!({ "PrincipalName": PERSON, "PrincipalType": "IAMUser" }))?,
            with_severity(marked("asked", "marked-role")?, "LOW"),
            about_role("gone", "failed-role")?,
        ])
        .await?;
    system.annotate("asked", NOTE, ANALYST).await?;
    system.custom_action(&["asked"], false).await?;
    for body in [BODY.to_owned(), json!({ "version": BODY, "run": BODY, "hop": BODY }).to_string()] {
        let message = json!({ "QueueUrl": system.output("WorkQueueUrl")?, "MessageBody": body });
        system.cloud().aws_json("sqs", "AmazonSQS.SendMessage", &message).await?;
    }
    let mut broken = eventide_testing::fixture_json("finding-investigate/custom-action-one-finding.json")?;
    if let Some(finding) = broken.pointer_mut("/detail/findings/0") {
        *finding = json!({ "Id": [DESCRIPTION], "Title": NOTE });
    }
    let failed = system.invoke("InvestigateFunction", broken.to_string().as_bytes()).await?;
    let failed = failed.err().ok_or("a broken finding was taken")?;

    let finding = system.await_stage("f", "complete").await?;
    let note = finding.pointer("/Note/Text").and_then(Value::as_str).unwrap_or_default();
    assert!(note.contains(FLAGGED_ADDRESS), "the function has seen what is marked: {note}");
    system.await_stage("asked", "complete").await?;
    system.await_stage("refused", "unsupported").await?;
    system.await_stage("there", "complete").await?;
    system.await_stage("person", "complete").await?;
    let set_aside = system.await_messages("FailedQueueUrl", 3).await?;

    let mut said = vec![failed.to_string()];
    said.extend(set_aside.into_iter().flat_map(|(_, attributes)| attributes.into_values()));
    for function in ["InvestigateFunction", "EnrichFunction"] {
        let lines = system.logs(function).await?;
        assert!(lines.iter().any(|line| line.contains("\"correlation_id\"")), "{function} logs its work");
        assert!(lines.iter().any(|line| line.contains("\"DEBUG\"")), "{function} logs all it can");
        said.extend(lines);
    }
    let keys = temporary_keys(&system).await?;
    assert!(!keys.is_empty(), "the member role was assumed");
    for line in &said {
        let lower = line.to_lowercase();
        for marked in MARKED.into_iter().chain(keys.iter().map(String::as_str)).chain(CREDENTIALS) {
            assert!(!lower.contains(&marked.to_lowercase()), "`{marked}` in {line}");
        }
    }
    Ok(())
}

/// The ids of the keys that the worker got for the member role.
async fn temporary_keys(system: &System) -> Result<BTreeSet<String>, String> {
    let journal = system.cloud().control(Method::GET, "journal?caller=finding-enrich", None).await?;
    let entries = journal.get("entries").and_then(Value::as_array).into_iter().flatten();
    let borrowed = entries.filter(|entry| entry.get("role_arn").is_some());
    Ok(borrowed.filter_map(|entry| Some(entry.get("access_key")?.as_str()?.to_owned())).collect())
}
