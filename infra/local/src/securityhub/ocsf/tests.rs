use serde_json::json;

use super::*;

fn view(changes: Value) -> Ocsf {
    let mut provider = json!({
        "Id": "arn:aws:guardduty:us-east-1:111122223333:detector/b4c7/finding/06c9",
        "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty",
        "ProductName": "GuardDuty",
        "CompanyName": "Amazon",
        "GeneratorId": "arn:aws:guardduty:us-east-1:111122223333:detector/b4c7",
        "AwsAccountId": "111122223333",
        "Region": "us-east-1",
        "Types": ["TTPs/Defense Evasion/Stealth:IAMUser-CloudTrailLoggingDisabled"],
        "CreatedAt": "2024-10-24T10:37:06.938Z",
        "UpdatedAt": "2025-07-22T03:02:34.272Z",
        "FirstObservedAt": "2024-10-24T10:21:26Z",
        "Severity": { "Label": "LOW", "Normalized": 1 },
        "Title": "A trail was disabled.",
        "Description": "d",
        "RecordState": "ACTIVE",
        "ProductFields": { "aws/guardduty/service/count": "264" },
        "Resources": [{
            "Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:ASIAEXAMPLE", "Partition": "aws",
            "Details": { "AwsIamAccessKey": {
                "PrincipalId": "AROAEXAMPLE:session", "PrincipalName": "deployer", "PrincipalType": "AssumedRole",
            } },
        }],
    });
    provider.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    Ocsf {
        uid: "ab".repeat(32),
        provider: provider.as_object().unwrap().clone(),
        imports: 2,
        comment: None,
        severity_id: None,
        status_id: None,
    }
}

#[test]
fn a_guardduty_finding_has_the_shape_that_was_observed() {
    let finding = finding(&view(json!({})), "us-east-1");
    assert_eq!(
        finding,
        json!({
            "activity_id": 2, "activity_name": "Update",
            "category_name": "Findings", "category_uid": 2,
            "class_name": "Detection Finding", "class_uid": 2004,
            "cloud": {
                "account": { "type": "AWS Account", "type_id": 10, "uid": "111122223333" },
                "cloud_partition": "aws", "provider": "AWS", "region": "us-east-1",
            },
            "count": 264,
            "finding_info": {
                "analytic": { "type": "Rule", "type_id": 1, "uid": "b4c7" },
                "created_time": 1_729_766_226_938_i64, "created_time_dt": "2024-10-24T10:37:06.938Z",
                "desc": "d",
                "first_seen_time": 1_729_765_286_000_i64, "first_seen_time_dt": "2024-10-24T10:21:26.000Z",
                "modified_time": 1_753_153_354_272_i64, "modified_time_dt": "2025-07-22T03:02:34.272Z",
                "product": { "uid": "b4c7" },
                "title": "A trail was disabled.",
                "types": ["Stealth:IAMUser/CloudTrailLoggingDisabled"],
                "uid": "arn:aws:guardduty:us-east-1:111122223333:detector/b4c7/finding/06c9",
                "uid_alt": "06c9",
            },
            "metadata": {
                "product": {
                    "name": "GuardDuty", "vendor_name": "AWS",
                    "uid": "arn:aws:securityhub:us-east-1::productv2/aws/guardduty",
                },
                "profiles": ["cloud", "datetime"],
                "uid": "ab".repeat(32),
                "version": "1.5.0",
            },
            "resources": [{
                "cloud_partition": "aws",
                "data": {
                    "access_key_id": "ASIAEXAMPLE", "principal_id": "AROAEXAMPLE:session",
                    "user_name": "deployer", "user_type": "AssumedRole",
                },
                "name": "deployer",
                "owner": { "account": { "type": "AWS Account", "type_id": 10, "uid": "111122223333" } },
                "region": "us-east-1", "type": "AWS::IAM::AccessKey", "uid": "ASIAEXAMPLE",
            }],
            "severity": "Low", "severity_id": 2, "status": "New", "status_id": 1,
            "time": 1_753_153_354_272_i64, "time_dt": "2025-07-22T03:02:34.272Z",
            "type_name": "Detection Finding: Update", "type_uid": 200_402,
            "vendor_attributes": { "severity": "Low", "severity_id": 2 },
        })
    );
}

#[test]
fn a_customers_changes_leave_the_vendors_word_and_the_times() {
    let mut ocsf = view(json!({}));
    let before = finding(&ocsf, "us-east-1");
    set(&mut ocsf, json!({ "Comment": "c", "SeverityId": 5, "StatusId": 3 }).as_object().unwrap());
    let after = finding(&ocsf, "us-east-1");
    assert_eq!(
        (&after["comment"], &after["severity"], &after["status"]),
        (&json!("c"), &json!("Critical"), &json!("Suppressed"))
    );
    for same in ["vendor_attributes", "time", "time_dt", "finding_info"] {
        assert_eq!(before[same], after[same], "{same}");
    }
}

#[test]
fn classes_activities_and_resources() {
    for (changes, pointer, expected) in [
        (json!({ "Compliance": { "Status": "FAILED" } }), "/class_uid", json!(2003)),
        (json!({ "Vulnerabilities": [{ "Id": "CVE" }] }), "/class_uid", json!(2002)),
        (json!({ "RecordState": "ARCHIVED" }), "/activity_name", json!("Close")),
        (json!({ "Types": ["Effects"] }), "/finding_info/types/0", json!("Effects")),
        (
            json!({ "Resources": [{ "Type": "AwsIamRole", "Id": "arn:aws:iam::111122223333:role/a/b" }] }),
            "/resources/0/type",
            json!("AWS::IAM::Role"),
        ),
        (
            json!({ "Detection": { "Sequence": { "Actors": [{ "Session": { "Issuer": "arn:x" } }] } } }),
            "/evidences/0/actor/session/issuer",
            json!("arn:x"),
        ),
    ] {
        assert_eq!(
            finding(&view(changes.clone()), "us-east-1").pointer(pointer),
            Some(&expected),
            "{changes}"
        );
    }
}
