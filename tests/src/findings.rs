//! Findings for tests: real-shaped ones out of `events/`, changed as a test needs them.

use eventide_testing::fixture_json;
use serde_json::{Value, json};

/// The first finding of an event file in `events/finding-investigate`, as GuardDuty would import it: without what
/// Security Hub, automation rules and analysts add.
///
/// # Errors
///
/// If there is no such file or no finding in it.
pub fn from_event(file: &str) -> Result<Value, String> {
    let event = fixture_json(&format!("finding-investigate/{file}"))?;
    let mut finding =
        event.pointer("/detail/findings/0").cloned().ok_or_else(|| format!("`{file}` holds no finding"))?;
    if let Some(members) = finding.as_object_mut() {
        for added in ["UserDefinedFields", "ProcessedAt", "Note"] {
            members.remove(added);
        }
    }
    Ok(finding)
}

/// A GuardDuty finding with this id about a session of this role of account 111122223333.
///
/// # Errors
///
/// If the event file it is made from is gone.
pub fn about_role(id: &str, role: &str) -> Result<Value, String> {
    about(
        id,
        &json!({
            "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "PrincipalId": "AROAIOSFODNN7EXAMPLE:session",
            "PrincipalName": role,
            "PrincipalType": "AssumedRole"
        }),
    )
}

/// A GuardDuty finding with this id about an access key with these details.
///
/// # Errors
///
/// If the event file it is made from is gone.
pub fn about(id: &str, access_key: &Value) -> Result<Value, String> {
    let mut finding = from_event("imported-role-assumed.json")?;
    let members = finding.as_object_mut().ok_or("the finding is no object")?;
    members.insert("Id".into(), json!(id));
    members.insert(
        "Resources".into(),
        json!([{
            "Type": "AwsIamAccessKey",
            "Id": "AWS::IAM::AccessKey:ASIAIOSFODNN7EXAMPLE",
            "Partition": "aws",
            "Region": "us-east-1",
            "Details": { "AwsIamAccessKey": access_key }
        }]),
    );
    Ok(finding)
}

/// The finding with another severity, in both places where GuardDuty says it.
pub fn with_severity(mut finding: Value, label: &str) -> Value {
    if let Some(members) = finding.as_object_mut() {
        let severity = json!({ "Label": label });
        if let Some(provider) = members.get_mut("FindingProviderFields").and_then(Value::as_object_mut) {
            provider.insert("Severity".into(), severity.clone());
        }
        members.insert("Severity".into(), severity);
    }
    finding
}
