//! Logs and failure reasons hold ids, and nothing of what a finding tells about persons and their credentials.

use eventide_tests::System;
use eventide_tests::findings::{about, about_role, with_severity};
use serde_json::{Value, json};

type Tested = Result<(), String>;

/// Written into every place of a finding that may hold something personal or secret.
const MARKED: [&str; 8] = [
    "AKIAMARKEDKEY0000001",
    "AIDAMARKEDPRINCIPAL1:someone@example.com",
    "198.51.100.201",
    "marked-city",
    "marked-agent/1.0",
    "marked analyst",
    "marked note text",
    "marked description",
];

fn marked(id: &str) -> Result<Value, String> {
    let [key, principal, address, city, agent, _, _, description] = MARKED;
    let mut finding = about(
        id,
        &json!({
            "AccessKeyId": key, "PrincipalId": principal, "PrincipalName": "medium-role", "PrincipalType": "AssumedRole"
        }),
    )?;
    let members = finding.as_object_mut().ok_or("no finding")?;
    members.insert("Description".into(), json!(description));
    members.insert("Title".into(), json!(description));
    members.insert("ProductFields".into(), json!({ "aws/guardduty/service/userAgent": agent }));
    members.insert(
        "Action".into(),
        json!({ "ActionType": "AWS_API_CALL", "AwsApiCallAction": {
            "Api": "ListBuckets", "ServiceName": "s3.amazonaws.com", "CallerType": "remoteIp",
            "RemoteIpDetails": { "IpAddressV4": address, "City": { "CityName": city } }
        } }),
    );
    Ok(finding)
}

#[tokio::test]
async fn no_log_line_and_no_reason_holds_what_is_not_an_id() -> Tested {
    let system = System::start().await?;
    let [.., analyst, text, _] = MARKED;
    system
        .import(&[marked("f")?, with_severity(marked("asked")?, "LOW"), about_role("gone", "failed-role")?])
        .await?;
    system.annotate("asked", text, analyst).await?;
    system.custom_action(&["asked"], false).await?;
    let gone = json!({ "findingIdContains": "gone", "code": "InvalidInput", "message": "marked description", "times": 9 });
    system.cloud().control(http::Method::POST, "securityhub/unprocessed", Some(&gone)).await?;
    let mut broken = eventide_testing::fixture_json("finding-investigate/custom-action-one-finding.json")?;
    if let Some(finding) = broken.pointer_mut("/detail/findings/0") {
        *finding = json!({ "Id": ["marked description"], "Title": "marked note text" });
    }
    let failed = system.invoke("InvestigateFunction", broken.to_string().as_bytes()).await?;
    let failed = failed.err().ok_or("a broken finding was taken")?;
    system.await_stage("f", "complete").await?;
    system.await_stage("asked", "complete").await?;
    let set_aside = system.await_messages("FailedQueueUrl", 1).await?;

    let mut said = vec![failed.to_string()];
    said.extend(set_aside.into_iter().flat_map(|(_, attributes)| attributes.into_values()));
    for function in ["InvestigateFunction", "EnrichFunction"] {
        let lines = system.logs(function).await?;
        assert!(lines.iter().any(|line| line.contains("\"correlation_id\"")), "{function} logs its work");
        said.extend(lines);
    }
    for line in &said {
        for marked in MARKED {
            assert!(!line.contains(marked), "`{marked}` in {line}");
        }
        for secret in ["AWS_SECRET", "SecurityToken", "Credential="] {
            assert!(!line.contains(secret), "`{secret}` in {line}");
        }
    }
    Ok(())
}
