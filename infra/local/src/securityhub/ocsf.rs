//! Findings as the new Security Hub shows them: OCSF.
//!
//! Certain, from a published `Findings Imported V2` event of a GuardDuty IAM finding (schema 1.5.0, profiles
//! `cloud` and `datetime`), from the OCSF schema and from the API reference: the envelope; `activity_*`, `category_*`,
//! `class_*`, `type_*`; `cloud`; `comment`; `count`; `evidences[].api`; `finding_info` with its pairs of times
//! (milliseconds, and `_dt` to the millisecond); `metadata`, whose `uid` has 64 hexadecimal digits and is
//! also the event's only resource, and whose product ARN says `productv2`; `remediation`; resources with the
//! CloudFormation type, the bare access key id as `uid`, and `data` in snake case
//! (`access_key_id`, `principal_id`, `user_name`, `user_type`); `severity*`, `status*`, `vendor_attributes`.
//!
//! Assumed: `data` of other resource types (here ASFF's details of it); that an archived finding is sent
//! as activity `Close`; the account of the resource's owner; that attack-sequence actors appear as
//! `evidences[].actor`; that classes other than Detection Finding differ in `class_*` and `type_*` only.

use serde_json::{Value, json};

use super::check::{Object, parse_time};
use super::clock::{epoch_milliseconds, timestamp};
use super::path;
use super::store::{Ocsf, partition};

/// The finding as `GetFindingsV2` and `Findings Imported V2` show it.
pub(super) fn finding(ocsf: &Ocsf, region: &str) -> Value {
    let asff = Value::Object(ocsf.provider.clone());
    let text = |at: &str| path::text(&asff, at).unwrap_or_default();
    let archived = text("RecordState") == "ARCHIVED";
    let (activity_id, activity) = match (archived, ocsf.imports) {
        (true, _) => (3, "Close"),
        (false, 1) if ocsf.comment.is_none() => (1, "Create"),
        _ => (2, "Update"),
    };
    let (class_uid, class) = if asff.get("Compliance").is_some() {
        (2003, "Compliance Finding")
    } else if asff.get("Vulnerabilities").is_some() {
        (2002, "Vulnerability Finding")
    } else {
        (2004, "Detection Finding")
    };
    let provider_severity = severity_id(text("Severity.Label"));
    let severity = ocsf.severity_id.unwrap_or(provider_severity);
    let status = ocsf.status_id.unwrap_or(1);
    let updated = parse_time(text("UpdatedAt"));
    let mut finding = json!({
        "activity_id": activity_id,
        "activity_name": activity,
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": class,
        "class_uid": class_uid,
        "cloud": {
            "account": account(text("AwsAccountId")),
            "cloud_partition": partition(region),
            "provider": "AWS",
            "region": text("Region"),
        },
        "comment": ocsf.comment,
        "count": product_count(&asff),
        "evidences": evidences(&asff),
        "finding_info": finding_info(&asff),
        "metadata": {
            "product": {
                "name": text("ProductName"),
                "uid": product_uid(text("ProductArn")),
                "vendor_name": if text("CompanyName") == "Amazon" { "AWS" } else { text("CompanyName") },
            },
            "profiles": ["cloud", "datetime"],
            "uid": ocsf.uid,
            "version": "1.5.0",
        },
        "remediation": asff.pointer("/Remediation/Recommendation").map(|advice| json!({
            "desc": advice.get("Text"),
            "references": advice.get("Url").map(|url| json!([url])),
        })),
        "resources": path::values(&asff, "Resources").into_iter()
            .map(|resource| self::resource(resource, text("AwsAccountId"), text("Region")))
            .collect::<Vec<_>>(),
        "severity": severity_name(severity),
        "severity_id": severity,
        "status": status_name(status),
        "status_id": status,
        "time": updated.map(epoch_milliseconds),
        "time_dt": updated.map(timestamp),
        "type_name": format!("{class}: {activity}"),
        "type_uid": class_uid * 100 + activity_id,
        "vendor_attributes": { "severity": severity_name(provider_severity), "severity_id": provider_severity },
    });
    prune(&mut finding);
    finding
}

/// The product's ARN in the new Security Hub: `…:productv2/aws/guardduty`.
pub(super) fn product_uid(product_arn: &str) -> String {
    product_arn.replacen(":product/", ":productv2/", 1)
}

fn finding_info(asff: &Value) -> Value {
    let text = |at: &str| path::text(asff, at);
    let id = text("Id").unwrap_or_default();
    // GuardDuty's is the detector's ARN, of which the id is shown.
    let generator = text("GeneratorId").and_then(|generator| generator.rsplit('/').next());
    let types: Vec<String> =
        path::values(asff, "Types").into_iter().filter_map(Value::as_str).map(own_type).collect();
    let mut info = json!({
        "analytic": { "type": "Rule", "type_id": 1, "uid": generator },
        "desc": text("Description"),
        "product": { "uid": generator },
        "title": text("Title"),
        "types": types,
        "uid": id,
        "uid_alt": id.rsplit('/').next().filter(|last| *last != id),
    });
    let times = [
        ("created_time", "CreatedAt"),
        ("first_seen_time", "FirstObservedAt"),
        ("last_seen_time", "LastObservedAt"),
        ("modified_time", "UpdatedAt"),
    ];
    for (name, from) in times {
        if let (Some(at), Some(info)) = (text(from).and_then(parse_time), info.as_object_mut()) {
            info.insert(name.into(), epoch_milliseconds(at).into());
            info.insert(format!("{name}_dt"), timestamp(at).into());
        }
    }
    info
}

/// GuardDuty's own name for a finding type. Security Hub CSPM writes
/// `TTPs/Defense Evasion/Stealth:IAMUser-CloudTrailLoggingDisabled` for
/// `Stealth:IAMUser/CloudTrailLoggingDisabled`.
fn own_type(asff_type: &str) -> String {
    let last = asff_type.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        Some((purpose, rest)) if asff_type.matches('/').count() == 2 => {
            format!("{purpose}:{}", rest.replacen('-', "/", 1))
        }
        _ => asff_type.to_owned(),
    }
}

fn resource(asff: &Value, account_id: &str, region: &str) -> Value {
    let text = |at: &str| path::text(asff, at);
    let kind = text("Type").unwrap_or_default();
    let id = text("Id").unwrap_or_default();
    let (data, name) = if kind == "AwsIamAccessKey" {
        let detail = |key: &str| path::text(asff, &format!("Details.AwsIamAccessKey.{key}"));
        let data = json!({
            "access_key_id": detail("AccessKeyId").or(id.strip_prefix("AWS::IAM::AccessKey:")),
            "principal_id": detail("PrincipalId"),
            "user_name": detail("PrincipalName").or(detail("UserName")),
            "user_type": detail("PrincipalType"),
        });
        (data, detail("PrincipalName"))
    } else {
        (asff.pointer(&format!("/Details/{kind}")).cloned().unwrap_or(Value::Null), id.rsplit('/').next())
    };
    let owner = path::text(asff, "Details.AwsIamAccessKey.AccountId").unwrap_or(account_id);
    json!({
        "cloud_partition": text("Partition"),
        "data": data,
        "name": name,
        "owner": { "account": account(owner) },
        "region": text("Region").unwrap_or(region),
        "type": cloudformation_type(kind),
        "uid": id.strip_prefix("AWS::IAM::AccessKey:").unwrap_or(id),
    })
}

fn evidences(asff: &Value) -> Value {
    let mut evidences = Vec::new();
    if let Some(call) = asff.pointer("/Action/AwsApiCallAction") {
        evidences.push(json!({
            "api": {
                "operation": call.get("Api"),
                "service": { "name": call.get("ServiceName") },
            },
            "src_endpoint": { "ip": call.pointer("/RemoteIpDetails/IpAddressV4") },
        }));
    }
    for actor in path::values(asff, "Detection.Sequence.Actors") {
        evidences.push(json!({ "actor": {
            "user": {
                "name": actor.pointer("/User/Name"),
                "type": actor.pointer("/User/Type"),
                "uid": actor.pointer("/User/Uid"),
                "account": { "uid": actor.pointer("/User/Account/Uid") },
            },
            "session": { "uid": actor.pointer("/Session/Uid"), "issuer": actor.pointer("/Session/Issuer") },
        } }));
    }
    evidences.into()
}

fn product_count(asff: &Value) -> Option<u64> {
    asff.get("ProductFields")?.get("aws/guardduty/service/count")?.as_str()?.parse().ok()
}

fn account(id: &str) -> Value {
    json!({ "type": "AWS Account", "type_id": 10, "uid": id })
}

/// `AwsIamAccessKey` is `AWS::IAM::AccessKey`; what does not start with a known service stays as it is.
fn cloudformation_type(asff_type: &str) -> String {
    const SERVICES: [(&str, &str); 9] = [
        ("AwsIam", "IAM"),
        ("AwsEc2", "EC2"),
        ("AwsS3", "S3"),
        ("AwsEks", "EKS"),
        ("AwsEcs", "ECS"),
        ("AwsRds", "RDS"),
        ("AwsLambda", "Lambda"),
        ("AwsSqs", "SQS"),
        ("AwsCloudTrail", "CloudTrail"),
    ];
    let known =
        SERVICES.iter().find_map(|(prefix, service)| Some((service, asff_type.strip_prefix(prefix)?)));
    known.map_or_else(|| asff_type.to_owned(), |(service, kind)| format!("AWS::{service}::{kind}"))
}

fn severity_id(label: &str) -> i64 {
    match label {
        "INFORMATIONAL" => 1,
        "LOW" => 2,
        "MEDIUM" => 3,
        "HIGH" => 4,
        "CRITICAL" => 5,
        _ => 0,
    }
}

fn severity_name(id: i64) -> &'static str {
    match id {
        1 => "Informational",
        2 => "Low",
        3 => "Medium",
        4 => "High",
        5 => "Critical",
        6 => "Fatal",
        99 => "Other",
        _ => "Unknown",
    }
}

fn status_name(id: i64) -> &'static str {
    match id {
        1 => "New",
        2 => "In Progress",
        3 => "Suppressed",
        4 => "Resolved",
        5 => "Archived",
        99 => "Other",
        _ => "Unknown",
    }
}

/// Takes out what has no value: nulls, and objects and lists that hold nothing else.
fn prune(value: &mut Value) {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(prune);
            members.retain(|_, value| !is_empty(value));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(prune);
            items.retain(|value| !is_empty(value));
        }
        _ => {}
    }
}

/// Sets what `BatchUpdateFindingsV2` may change.
pub(super) fn set(ocsf: &mut Ocsf, change: &Object) {
    if let Some(comment) = change.get("Comment").and_then(Value::as_str) {
        ocsf.comment = Some(comment.to_owned());
    }
    if let Some(severity) = change.get("SeverityId").and_then(Value::as_i64) {
        ocsf.severity_id = Some(severity);
    }
    if let Some(status) = change.get("StatusId").and_then(Value::as_i64) {
        ocsf.status_id = Some(status);
    }
}

#[cfg(test)]
mod tests;
