use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

fn finding() -> Value {
    json!({
        "Id": "f-1",
        "Title": "Role used from outside",
        "ProductName": "GuardDuty",
        "CreatedAt": "2026-11-20T12:00:00Z",
        "Severity": { "Label": "HIGH", "Normalized": 70 },
        "Types": ["TTPs/Discovery", "TTPs/Persistence"],
        "Resources": [
            { "Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:ASIAEXAMPLE", "Tags": { "team": "red" } },
            { "Type": "AwsEc2Instance", "Id": "arn:aws:ec2:us-east-1:111122223333:instance/i-1",
              "Details": { "AwsEc2Instance": { "IpV4Addresses": ["198.51.100.7"] } } },
        ],
        "UserDefinedFields": { "investigate": "true", "owner": "soc team" },
        "Sample": false,
    })
}

fn passes(criteria: Value, asker: Asker) -> Checked<bool> {
    let object = criteria.as_object().unwrap();
    let conditions = match asker {
        Asker::AutomationRule => super::criteria(object),
        _ => filters(object),
    }?;
    Ok(conditions.iter().all(|condition| condition.holds(&finding(), NOW)))
}

fn text(comparison: &str, value: &str) -> Value {
    json!({ "Comparison": comparison, "Value": value })
}

fn pair(key: &str, comparison: &str, value: &str) -> Value {
    json!({ "Key": key, "Comparison": comparison, "Value": value })
}

#[test]
fn string_filters_join_as_documented() {
    let cases = [
        ("Id", vec![text("EQUALS", "f-1")], true),
        ("Id", vec![text("EQUALS", "F-1")], false),
        ("Id", vec![text("EQUALS", "f-2"), text("EQUALS", "f-1")], true),
        ("Id", vec![text("NOT_EQUALS", "f-2"), text("NOT_EQUALS", "f-3")], true),
        ("Id", vec![text("NOT_EQUALS", "f-2"), text("NOT_EQUALS", "f-1")], false),
        ("Id", vec![text("PREFIX", "f-")], true),
        ("Id", vec![text("PREFIX_NOT_EQUALS", "f-")], false),
        ("ResourceType", vec![text("PREFIX", "AwsIam"), text("NOT_EQUALS", "AwsIamPolicy")], true),
        ("ResourceType", vec![text("PREFIX", "AwsIam"), text("NOT_EQUALS", "AwsEc2Instance")], false),
        ("Type", vec![text("EQUALS", "TTPs/Persistence")], true),
        ("SeverityLabel", vec![text("EQUALS", "HIGH"), text("EQUALS", "CRITICAL")], true),
        ("NoteText", vec![text("NOT_EQUALS", "x")], true),
        ("NoteText", vec![text("EQUALS", "x")], false),
    ];
    for (name, tests, expected) in cases {
        let filter = json!({ name: tests });
        assert_eq!(passes(filter.clone(), Asker::GetFindings), Ok(expected), "{filter}");
    }
}

#[test]
fn map_filters_join_as_documented() {
    let states = ["running", "complete", "failed", "timed-out", "unsupported"];
    let not_states: Vec<Value> =
        states.iter().map(|state| pair("investigate", "NOT_EQUALS", state)).collect();
    let cases = [
        (vec![pair("investigate", "EQUALS", "true")], true),
        (vec![pair("investigate", "EQUALS", "false"), pair("investigate", "EQUALS", "true")], true),
        (vec![pair("absent", "EQUALS", "true")], false),
        (vec![pair("absent", "NOT_EQUALS", "true")], true),
        (vec![pair("absent", "NOT_CONTAINS", "true")], true),
        (not_states, true),
        (
            vec![pair("investigate", "NOT_EQUALS", "running"), pair("investigate", "NOT_EQUALS", "true")],
            false,
        ),
        (vec![pair("owner", "CONTAINS", "soc")], true),
        (vec![pair("owner", "NOT_CONTAINS", "soc")], false),
    ];
    for (tests, expected) in cases {
        let filter = json!({ "UserDefinedFields": tests });
        assert_eq!(passes(filter.clone(), Asker::AutomationRule), Ok(expected), "{filter}");
    }
    let untouched = json!({ "ResourceTags": [pair("team", "NOT_EQUALS", "blue")] });
    assert_eq!(passes(untouched, Asker::GetFindings), Ok(true));
}

#[test]
fn other_filters() {
    let cases = [
        (json!({ "SeverityNormalized": [{ "Gte": 70, "Lte": 70 }] }), true),
        (json!({ "SeverityNormalized": [{ "Gt": 70 }, { "Eq": 70.0 }] }), true),
        (json!({ "SeverityNormalized": [{ "Lt": 70 }] }), false),
        (json!({ "CreatedAt": [{ "DateRange": { "Value": 4, "Unit": "DAYS" } }] }), true),
        (
            json!({ "CreatedAt": [{ "DateRange": { "Value": 2, "Unit": "DAYS", "Comparison": "WITHIN" } }] }),
            false,
        ),
        (
            json!({ "CreatedAt": [{ "DateRange": { "Value": 2, "Unit": "DAYS", "Comparison": "OLDER_THAN" } }] }),
            true,
        ),
        (json!({ "CreatedAt": [{ "Start": "2026-11-20T00:00:00Z", "End": "2026-11-21T00:00:00Z" }] }), true),
        (json!({ "CreatedAt": [{ "Start": "2026-11-21T00:00:00Z" }] }), false),
        (json!({ "ResourceAwsEc2InstanceIpV4Addresses": [{ "Cidr": "198.51.100.0/24" }] }), true),
        (json!({ "ResourceAwsEc2InstanceIpV4Addresses": [{ "Cidr": "198.51.100.8/32" }] }), false),
        (json!({ "ResourceAwsEc2InstanceIpV4Addresses": [{ "Cidr": "0.0.0.0/0" }] }), true),
        (json!({ "Keyword": [{ "Value": "OUTSIDE" }] }), true),
        (json!({ "Sample": [{ "Value": false }] }), true),
        (json!({ "Sample": [{ "Value": true }] }), false),
        (json!({ "Id": [text("EQUALS", "f-1")], "Title": [text("PREFIX", "User")] }), false),
        (json!({}), true),
    ];
    for (filter, expected) in cases {
        assert_eq!(passes(filter.clone(), Asker::GetFindings), Ok(expected), "{filter}");
    }
}

#[test]
fn what_aws_refuses_is_refused() {
    let many = |count| -> Vec<Value> { (0..count).map(|n| text("EQUALS", &n.to_string())).collect() };
    let cases = [
        (json!({ "Id": [text("EQUALS", "a"), text("NOT_EQUALS", "b")] }), Asker::GetFindings, "combined"),
        (
            json!({ "Id": [text("EQUALS", "a"), text("PREFIX_NOT_EQUALS", "b")] }),
            Asker::GetFindings,
            "combined",
        ),
        (json!({ "Id": [text("CONTAINS", "a"), text("EQUALS", "b")] }), Asker::AutomationRule, "combined"),
        (json!({ "Id": [text("CONTAINS", "a")] }), Asker::GetFindings, "cannot be used"),
        (json!({ "Id": [text("LIKE", "a")] }), Asker::GetFindings, "no comparison"),
        (json!({ "Id": [text("EQUALS", " ")] }), Asker::GetFindings, "blank"),
        (json!({ "Id": [{ "Value": "a" }] }), Asker::GetFindings, "`Comparison`"),
        (json!({ "UserDefinedFields": [pair("a", "PREFIX", "b")] }), Asker::GetFindings, "cannot be used"),
        (json!({ "UserDefinedFields": [text("EQUALS", "b")] }), Asker::GetFindings, "`Key`"),
        (json!({ "Colour": [text("EQUALS", "red")] }), Asker::GetFindings, "`Colour`"),
        (json!({ "Region": [text("EQUALS", "us-east-1")] }), Asker::AutomationRule, "`Region`"),
        (json!({ "Id": many(21) }), Asker::GetFindings, "21 items"),
        (json!({ "ResourceType": many(21) }), Asker::AutomationRule, "21 items"),
        (json!({ "ResourceId": many(101) }), Asker::AutomationRule, "101 items"),
        (json!({}), Asker::AutomationRule, "at least one"),
        (json!({ "CreatedAt": [{}] }), Asker::GetFindings, "needs Start"),
        (json!({ "CreatedAt": [{ "Start": "yesterday" }] }), Asker::GetFindings, "no timestamp"),
        (json!({ "Confidence": [{}] }), Asker::GetFindings, "needs Gte"),
        (json!({ "NetworkSourceIpV4": [{ "Cidr": "10.0.0.0/33" }] }), Asker::GetFindings, "no address range"),
    ];
    for (filter, asker, expected) in cases {
        let message = passes(filter.clone(), asker).unwrap_err();
        assert!(message.contains(expected), "{filter}: {message}");
    }
    assert_eq!(passes(json!({ "ResourceId": many(100) }), Asker::AutomationRule), Ok(false));
}
