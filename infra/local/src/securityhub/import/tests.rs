use serde_json::{Value, json};
use time::macros::datetime;

use super::*;

fn minimal() -> Value {
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": "arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f",
        "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty",
        "GeneratorId": "arn:aws:guardduty:us-east-1:111122223333:detector/d",
        "AwsAccountId": "111122223333",
        "Types": ["TTPs/Discovery/Recon:IAMUser-MaliciousIPCaller.Custom"],
        "CreatedAt": "2026-11-20T12:00:00Z",
        "UpdatedAt": "2026-11-20T12:00:00Z",
        "Severity": { "Label": "MEDIUM" },
        "Title": "t",
        "Description": "d",
        "Resources": [{ "Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:ASIAEXAMPLE" }],
    })
}

fn with(changes: Value) -> Object {
    let mut finding = minimal().as_object().unwrap().clone();
    finding.extend(changes.as_object().unwrap().clone());
    finding
}

fn merged(given: &Object, stored: Option<(&Object, &[&str])>) -> Value {
    let set = stored.map(|(_, set)| set.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>());
    let stored = stored.map(|(stored, _)| stored).zip(set.as_ref());
    Value::Object(merge(given, stored, "us-east-1", datetime!(2026-11-23 12:00 UTC)))
}

#[test]
fn every_required_member_is_required() {
    assert_eq!(check_finding(&with(json!({})), "111122223333"), Ok(()));
    for key in [
        "SchemaVersion",
        "Id",
        "ProductArn",
        "GeneratorId",
        "AwsAccountId",
        "Types",
        "CreatedAt",
        "UpdatedAt",
        "Severity",
        "Title",
        "Description",
        "Resources",
    ] {
        let (code, message) = check_finding(&with(json!({ key: null })), "111122223333").unwrap_err();
        assert_eq!(code, "InvalidInput");
        assert!(message.contains(&format!("`{key}`: it is required")), "{key}: {message}");
    }
    let nested = json!({
        "Severity": null, "Types": null,
        "FindingProviderFields": { "Severity": { "Label": "LOW" }, "Types": ["TTPs"] },
    });
    assert_eq!(check_finding(&with(nested), "111122223333"), Ok(()));
}

#[test]
fn limits_are_those_of_aws() {
    let resources = |count: usize| json!({ "Resources": vec![json!({ "Type": "Other", "Id": "x" }); count] });
    let pairs = |count: usize| -> Value {
        (0..count).map(|n| (n.to_string(), json!("v"))).collect::<Object>().into()
    };
    for (changes, expected) in [
        (json!({ "Title": "t".repeat(257) }), "at most 256"),
        (json!({ "Description": "d".repeat(1025) }), "at most 1024"),
        (json!({ "Id": "i".repeat(513) }), "at most 512"),
        (json!({ "SchemaVersion": "2019-01-01" }), "2018-10-08"),
        (json!({ "AwsAccountId": "1111" }), "12 digits"),
        (json!({ "UpdatedAt": "2026-11-20" }), "no timestamp"),
        (json!({ "ProductArn": "guardduty" }), "no product ARN"),
        (json!({ "Severity": {} }), "needs Label or Normalized"),
        (json!({ "Severity": { "Label": "SEVERE" } }), "`SEVERE` is none of"),
        (json!({ "Types": ["a/b/c/d"] }), "namespace/category/classifier"),
        (json!({ "Types": vec!["TTPs"; 51] }), "51 items"),
        (json!({ "RecordState": "GONE" }), "`GONE` is none of"),
        (json!({ "Workflow": { "Status": "DONE" } }), "`DONE` is none of"),
        (json!({ "UserDefinedFields": { "a;b": "c" } }), "key `a;b`"),
        (json!({ "UserDefinedFields": pairs(51) }), "51 pairs"),
        (json!({ "ProductFields": pairs(51) }), "51 pairs"),
        (resources(0), "0 items"),
        (resources(33), "33 items"),
    ] {
        let (code, message) = check_finding(&with(changes), "111122223333").unwrap_err();
        assert_eq!(code, "InvalidInput");
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let huge = with(json!({ "Network": { "Direction": "x".repeat(FINDING_BYTES) } }));
    assert_eq!(check_finding(&huge, "111122223333").unwrap_err().0, "FindingSizeExceeded");
    let default = "arn:aws:securityhub:us-east-1:111122223333:product/111122223333/default";
    let foreign = with(json!({ "ProductArn": default, "AwsAccountId": "444455556666" }));
    assert_eq!(check_finding(&foreign, "111122223333").unwrap_err().0, "InvalidAccess");
}

#[test]
fn only_a_later_update_counts() {
    let stored = with(json!({}));
    for (updated, newer) in [
        ("2026-11-20T12:00:00Z", false),
        ("2026-11-20T11:59:59.999Z", false),
        ("2026-11-20T12:00:00.001Z", true),
        ("2026-11-20T14:00:00+01:00", true),
    ] {
        assert_eq!(is_newer(&with(json!({ "UpdatedAt": updated })), &stored), newer, "{updated}");
    }
}

#[test]
fn a_new_finding_is_completed() {
    let finding = merged(&with(json!({ "UserDefinedFields": { "a": "b" } })), None);
    assert_eq!(finding["Severity"], json!({ "Label": "MEDIUM", "Normalized": 40 }));
    assert_eq!(finding["FindingProviderFields"]["Severity"], json!({ "Label": "MEDIUM" }));
    assert_eq!(finding["FindingProviderFields"]["Types"], finding["Types"]);
    assert_eq!(finding["ProductName"], "GuardDuty");
    assert_eq!(finding["CompanyName"], "Amazon");
    assert_eq!(finding["Region"], "us-east-1");
    assert_eq!(finding["RecordState"], "ACTIVE");
    assert_eq!(finding["Workflow"], json!({ "Status": "NEW" }));
    assert_eq!(finding["UserDefinedFields"], json!({ "a": "b" }));
    let id = "arn:aws:securityhub:us-east-1::product/aws/guardduty/arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f";
    assert_eq!(finding["ProductFields"]["aws/securityhub/FindingId"], id);
}

#[test]
fn an_update_leaves_what_customers_own() {
    let mut stored = with(json!({
        "Note": { "Text": "mine", "UpdatedBy": "me", "UpdatedAt": "2026-11-20T13:00:00Z" },
        "UserDefinedFields": { "investigate": "complete" },
        "VerificationState": "TRUE_POSITIVE",
        "Workflow": { "Status": "SUPPRESSED" },
    }));
    stored.insert("Severity".into(), json!({ "Label": "LOW", "Normalized": 1 }));
    let update = with(json!({
        "UpdatedAt": "2026-11-21T12:00:00Z",
        "Title": "again",
        "Severity": { "Label": "CRITICAL" },
        "Note": { "Text": "theirs", "UpdatedBy": "they", "UpdatedAt": "2026-11-21T12:00:00Z" },
        "UserDefinedFields": { "investigate": "true" },
        "VerificationState": "UNKNOWN",
        "Workflow": { "Status": "NEW" },
    }));
    let held = merged(&update, Some((&stored, &["Severity"])));
    assert_eq!(held["Title"], "again");
    assert_eq!(held["Note"]["Text"], "mine");
    assert_eq!(held["UserDefinedFields"], json!({ "investigate": "complete" }));
    assert_eq!(held["VerificationState"], "TRUE_POSITIVE");
    assert_eq!(held["Workflow"]["Status"], "SUPPRESSED");
    assert_eq!(held["Severity"]["Label"], "LOW");
    assert_eq!(held["FindingProviderFields"]["Severity"]["Label"], "CRITICAL");
    let free = merged(&update, Some((&stored, &[])));
    assert_eq!(free["Severity"]["Label"], "CRITICAL", "no customer has set it");
}

#[test]
fn a_settled_workflow_reopens_with_the_finding() {
    for (before, after, status, expected) in [
        ("ARCHIVED", "ACTIVE", "RESOLVED", "NEW"),
        ("ARCHIVED", "ACTIVE", "NOTIFIED", "NEW"),
        ("ARCHIVED", "ACTIVE", "SUPPRESSED", "SUPPRESSED"),
        ("ACTIVE", "ACTIVE", "RESOLVED", "RESOLVED"),
        ("ACTIVE", "ARCHIVED", "RESOLVED", "RESOLVED"),
    ] {
        let stored = with(json!({ "RecordState": before, "Workflow": { "Status": status } }));
        let finding = merged(&with(json!({ "RecordState": after })), Some((&stored, &[])));
        assert_eq!(finding["Workflow"]["Status"], expected, "{before} to {after} with {status}");
    }
}
