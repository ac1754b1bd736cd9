//! Findings in OCSF, as the new Security Hub sends them in `Findings Imported V2`, reduced to what Eventide
//! reads.
//!
//! AWS documents the envelope of the event (Security Hub user guide, EventBridge event formats) and refers to
//! OCSF's Detection Finding for its content. Principals are therefore taken from every place where OCSF 1.x
//! can put them: `evidences[].actor`, `actor`, and the resources, whose `data` carries GuardDuty's details or ASFF's.

use serde::{Deserialize, Deserializer};

use crate::asff::{self, described, is_session, null_is_empty, present};
use crate::finding::{self, Reference, Settled, timestamp};
use crate::partition::{is_region, of_region};
use crate::principal::{Reason, Subject, distinct};
use crate::work::COMMENT_MARK;

/// A Detection Finding.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// Where the finding comes from.
    pub metadata: Option<Metadata>,
    /// What was found.
    pub finding_info: Option<FindingInfo>,
    /// The account and Region.
    pub cloud: Option<Cloud>,
    /// 3 is `Close`: the product no longer reports it.
    pub activity_id: Option<i64>,
    /// 1 `New`, 2 `In Progress`, 3 `Suppressed`, 4 `Resolved`, 5 `Archived`; 0 and 99 leave it to `status`.
    pub status_id: Option<i64>,
    /// The same in words.
    pub status: Option<String>,
    /// Milliseconds since the epoch.
    pub time: Option<i64>,
    /// What somebody said about it (`BatchUpdateFindingsV2`).
    pub comment: Option<String>,
    /// Who acted.
    pub actor: Option<Actor>,
    /// What supports the finding.
    #[serde(deserialize_with = "null_is_empty")]
    pub evidences: Vec<Evidence>,
    /// What the finding is about.
    #[serde(deserialize_with = "null_is_empty")]
    pub resources: Vec<Resource>,
}

/// `metadata`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Unique in Security Hub.
    pub uid: Option<String>,
    /// The product.
    pub product: Option<Product>,
}

/// `metadata.product`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Product {
    /// An ARN for AWS's own products.
    pub uid: Option<String>,
}

/// `finding_info`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct FindingInfo {
    /// The product's own id.
    pub uid: Option<String>,
    /// Milliseconds since the epoch.
    pub created_time: Option<i64>,
    /// Milliseconds since the epoch.
    pub first_seen_time: Option<i64>,
    /// Milliseconds since the epoch.
    pub last_seen_time: Option<i64>,
    /// RFC 3339, where the profile `datetime` is on.
    pub created_time_dt: Option<String>,
    /// RFC 3339, likewise.
    pub first_seen_time_dt: Option<String>,
    /// RFC 3339, likewise.
    pub last_seen_time_dt: Option<String>,
}

/// `cloud`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Cloud {
    /// The account.
    pub account: Option<Account>,
    /// The Region.
    pub region: Option<String>,
}

/// `account`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Account {
    /// 12 digits.
    pub uid: Option<String>,
}

/// `evidences[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Who acted.
    pub actor: Option<Actor>,
}

/// `actor`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Actor {
    /// The user behind the calls.
    pub user: Option<User>,
    /// The session.
    pub session: Option<Session>,
}

/// `user`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct User {
    /// The name.
    pub name: Option<String>,
    /// The type of principal, in the words of CloudTrail.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The unique id or an ARN.
    pub uid: Option<String>,
    /// The account.
    pub account: Option<Account>,
}

/// `session`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Session {
    /// The ARN of the role that gave the session.
    pub issuer: Option<String>,
}

/// `resources[]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// `AwsIamRole` or `AWS::IAM::Role`, and so on.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// An ARN where the resource has one.
    pub uid: Option<String>,
    /// The account it belongs to, where that is not the finding's.
    pub owner: Option<Owner>,
    /// Free in form; absent here if it is in neither of the forms known to us.
    #[serde(deserialize_with = "known_or_none")]
    pub data: Option<Data>,
}

/// `resources[].owner`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Owner {
    /// The account.
    pub account: Option<Account>,
}

/// `resources[].data` of an access key: GuardDuty's own details, or ASFF's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Data {
    /// The name of the user or role.
    pub user_name: Option<String>,
    /// The type of principal, in the words of CloudTrail.
    pub user_type: Option<String>,
    /// The unique id.
    pub principal_id: Option<String>,
    /// ASFF's details.
    #[serde(rename = "AwsIamAccessKey")]
    pub aws_iam_access_key: Option<asff::AccessKey>,
}

fn known_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Data>, D::Error> {
    let data = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(data.and_then(|data| serde_json::from_value(data).ok()))
}

impl Finding {
    /// The finding as the enrichment sees it. `Err` names the member without which it cannot be told from
    /// others or placed in an account and Region.
    pub fn reduce(&self) -> Result<finding::Finding, &'static str> {
        let metadata = self.metadata.as_ref().ok_or("metadata")?;
        let product = metadata.product.as_ref().ok_or("metadata.product")?;
        let product_uid = present(&product.uid).ok_or("metadata.product.uid")?;
        let info = self.finding_info.as_ref().ok_or("finding_info")?;
        let finding_uid = present(&info.uid).ok_or("finding_info.uid")?;
        let cloud = self.cloud.as_ref().ok_or("cloud")?;
        let account = cloud.account.as_ref().and_then(|account| present(&account.uid));
        let account = account.ok_or("cloud.account.uid")?;
        let region = present(&cloud.region).filter(|region| is_region(region)).ok_or("cloud.region")?;
        Ok(finding::Finding {
            reference: Reference::Ocsf {
                metadata_uid: present(&metadata.uid).map(str::to_owned),
                account: account.to_owned(),
                finding_uid: finding_uid.to_owned(),
                product_uid: product_uid.to_owned(),
            },
            region: region.to_owned(),
            settled: self.settled(),
            investigate: None,
            investigated: None,
            first_observed: either(info.first_seen_time, &info.first_seen_time_dt),
            last_observed: either(info.last_seen_time, &info.last_seen_time_dt),
            created: either(info.created_time, &info.created_time_dt),
            processed: either(self.time, &None),
            commented: present(&self.comment).is_some_and(|comment| !comment.starts_with(COMMENT_MARK)),
            subjects: self.subjects(of_region(region), account),
        })
    }

    fn settled(&self) -> Option<Settled> {
        if self.activity_id == Some(3) {
            return Some(Settled::Archived);
        }
        match (self.status_id, self.status.as_deref()) {
            // `status` follows the number (Security Hub API reference, `BatchUpdateFindingsV2`).
            (Some(3), _) => Some(Settled::Suppressed),
            (Some(4), _) => Some(Settled::Resolved),
            (Some(5), _) => Some(Settled::Archived),
            (Some(1 | 2), _) => None,
            (_, Some("Suppressed")) => Some(Settled::Suppressed),
            (_, Some("Resolved")) => Some(Settled::Resolved),
            (_, Some("Archived")) => Some(Settled::Archived),
            _ => None,
        }
    }

    fn subjects(&self, partition: &str, account: &str) -> Vec<Subject> {
        let actors = self.evidences.iter().filter_map(|evidence| evidence.actor.as_ref()).chain(&self.actor);
        let resources = self.resources.iter().filter_map(|resource| resource.subject(partition, account));
        distinct(resources.chain(actors.filter_map(|actor| actor.subject(partition, account))))
    }
}

impl Actor {
    fn subject(&self, partition: &str, account: &str) -> Option<Subject> {
        let issuer = self.session.as_ref().and_then(|session| session.issuer.as_deref());
        let user = self.user.as_ref();
        let kind = user.and_then(|user| present(&user.kind));
        let by_arn = issuer.filter(|_| is_session(kind)).and_then(Subject::from_arn);
        let by_arn = by_arn.or_else(|| Subject::from_arn(user?.uid.as_deref()?));
        by_arn.or_else(|| {
            let user = user?;
            let own_account = user.account.as_ref().and_then(|account| present(&account.uid));
            let described = described(
                present(&user.kind),
                present(&user.uid),
                present(&user.name),
                partition,
                own_account.unwrap_or(account),
            );
            // OCSF's actors need not be AWS's: a Kubernetes service account, for instance, is none of IAM's.
            let foreign =
                matches!(&described, Subject::Unsupported(who) if who.reason == Reason::Unidentified);
            (!foreign).then_some(described)
        })
    }
}

impl Resource {
    fn subject(&self, partition: &str, account: &str) -> Option<Subject> {
        let owner = self.owner.as_ref().and_then(|owner| present(&owner.account.as_ref()?.uid));
        let account = owner.unwrap_or(account);
        let kind = match self.kind.as_deref()? {
            "AwsIamRole" | "AWS::IAM::Role" => "AwsIamRole",
            "AwsIamUser" | "AWS::IAM::User" => "AwsIamUser",
            "AwsIamAccessKey" | "AWS::IAM::AccessKey" => "AwsIamAccessKey",
            _ => return None,
        };
        let resource = asff::Resource {
            kind: Some(kind.to_owned()),
            id: self.uid.clone(),
            details: self.data.as_ref().map(Data::details),
        };
        resource.subject(partition, account)
    }
}

impl Data {
    fn details(&self) -> asff::Details {
        let own = || asff::AccessKey {
            principal_id: self.principal_id.clone(),
            principal_name: self.user_name.clone(),
            principal_type: self.user_type.clone(),
            ..asff::AccessKey::default()
        };
        let key = self.aws_iam_access_key.clone().unwrap_or_else(own);
        asff::Details { aws_iam_access_key: Some(key) }
    }
}

fn either(milliseconds: Option<i64>, text: &Option<String>) -> Option<time::OffsetDateTime> {
    let at = milliseconds
        .and_then(|at| time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000).ok());
    at.or_else(|| timestamp(text.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use time::macros::datetime;

    fn whole() -> Value {
        json!({
            "metadata": { "uid": "m", "product": { "uid": "arn:aws:securityhub:us-east-1::productv2/aws/guardduty", "name": "GuardDuty" } },
            "finding_info": { "uid": "f", "first_seen_time": 1_795_176_000_000_i64, "last_seen_time_dt": "2026-11-21T12:00:00Z" },
            "cloud": { "account": { "uid": "111122223333" }, "region": "us-east-1" },
            "status": "New",
            "evidences": [{ "actor": { "user": { "type": "AssumedRole", "name": "Admin", "uid": "AROAEXAMPLE:s" } } }],
            "resources": [{ "type": "AWS::IAM::AccessKey", "uid": "AWS::IAM::AccessKey:ASIAEXAMPLE", "data": {
                "AwsIamAccessKey": { "PrincipalType": "AssumedRole", "PrincipalName": "Admin" } } }]
        })
    }

    fn reduce(value: Value) -> Result<finding::Finding, &'static str> {
        serde_json::from_value::<Finding>(value).unwrap().reduce()
    }

    #[test]
    fn a_detection_finding_reduces() {
        let finding = reduce(whole()).unwrap();
        assert_eq!(finding.reference.id(), "f");
        assert_eq!(finding.first_observed, Some(datetime!(2026-11-20 12:00 UTC)));
        assert_eq!(finding.last_observed, Some(datetime!(2026-11-21 12:00 UTC)));
        let [Subject::Principal(principal)] = finding.subjects.as_slice() else { panic!("{finding:?}") };
        assert_eq!(principal.arn, "arn:aws:iam::111122223333:role/Admin");
    }

    #[test]
    fn closed_archived_suppressed_and_resolved_findings_are_settled() {
        for (member, value, expected) in [
            ("status_id", json!(3), Some(Settled::Suppressed)),
            ("status_id", json!(4), Some(Settled::Resolved)),
            ("status_id", json!(5), Some(Settled::Archived)),
            ("status_id", json!(1), None),
            ("status_id", json!(2), None),
            ("activity_id", json!(3), Some(Settled::Archived)),
            ("activity_id", json!(2), None),
            ("status", json!("Archived"), Some(Settled::Archived)),
            ("status", json!("Suppressed"), Some(Settled::Suppressed)),
            ("status", json!("Resolved"), Some(Settled::Resolved)),
            ("status", json!("In Progress"), None),
            ("status", json!(null), None),
        ] {
            let mut finding = whole();
            finding[member] = value.clone();
            assert_eq!(reduce(finding).unwrap().settled, expected, "{member} {value}");
        }
        for (id, status, expected) in [
            (0, "Resolved", Some(Settled::Resolved)),
            (99, "Suppressed", Some(Settled::Suppressed)),
            (99, "Parked", None),
            (1, "Resolved", None),
            (4, "Erledigt", Some(Settled::Resolved)),
        ] {
            let mut finding = whole();
            (finding["status_id"], finding["status"]) = (json!(id), json!(status));
            assert_eq!(reduce(finding).unwrap().settled, expected, "{id} {status}");
        }
    }

    #[test]
    fn resources_tell_principals_in_either_form_and_no_other_form_hurts() {
        for (data, expected) in [
            (json!({ "user_type": "IAMUser", "user_name": "alice" }), Some("user/alice")),
            (json!({ "principal_id": "AROAEXAMPLE:s", "user_name": "Admin" }), Some("role/Admin")),
            (
                json!({ "AwsIamAccessKey": { "PrincipalType": "Role", "PrincipalName": "Admin" } }),
                Some("role/Admin"),
            ),
            (json!("text"), None),
            (json!({ "user_name": 7 }), None),
            (json!(null), None),
        ] {
            let mut value = whole();
            value["evidences"] = json!([]);
            value["resources"][0]["data"] = data.clone();
            value["resources"][0]["owner"] = json!({ "account": { "uid": "444455556666" } });
            let subjects = reduce(value).unwrap().subjects;
            match (subjects.as_slice(), expected) {
                ([Subject::Principal(principal)], Some(resource)) => {
                    assert_eq!(principal.arn, format!("arn:aws:iam::444455556666:{resource}"), "{data}");
                }
                ([Subject::Unsupported(_)], None) => {}
                (subjects, _) => panic!("{data}: {subjects:?}"),
            }
        }
    }

    #[test]
    fn what_identifies_a_finding_must_be_there() {
        for (pointer, member) in [
            ("/metadata", "metadata"),
            ("/metadata/product/uid", "metadata.product.uid"),
            ("/finding_info/uid", "finding_info.uid"),
            ("/cloud/account/uid", "cloud.account.uid"),
            ("/cloud/region", "cloud.region"),
        ] {
            let mut value = whole();
            *value.pointer_mut(pointer).unwrap() = Value::Null;
            assert_eq!(reduce(value).unwrap_err(), member);
        }
    }
}
