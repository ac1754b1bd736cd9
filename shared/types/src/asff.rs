//! Findings in the AWS Security Finding Format, reduced to what Eventide reads.
//!
//! Every member is optional here, because AWS and its partners leave out and null what the format requires;
//! what a decision needs and does not find is that decision's to report.
//!
//! Source: Security Hub user guide, AWS Security Finding Format; `AwsSecurityFinding` in the API reference.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::finding::{self, Reference, Settled, recorded_window, timestamp};
use crate::partition::{Arn, is_region, of_region};
use crate::principal::{Kind, Reason, Subject, distinct};
use crate::work::field;

/// A finding as Security Hub CSPM sends it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Finding {
    /// Unique within the product.
    pub id: Option<String>,
    /// `arn:partition:securityhub:region::product/company/product`.
    pub product_arn: Option<String>,
    /// The account the finding is about.
    pub aws_account_id: Option<String>,
    /// The Region the finding was made in.
    pub region: Option<String>,
    /// `ACTIVE` or `ARCHIVED`.
    pub record_state: Option<String>,
    /// Where an analyst's work on it stands.
    pub workflow: Option<Workflow>,
    /// RFC 3339.
    pub first_observed_at: Option<String>,
    /// RFC 3339.
    pub last_observed_at: Option<String>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub processed_at: Option<String>,
    /// Fields that analysts and automation rules add.
    #[serde(deserialize_with = "null_is_empty")]
    pub user_defined_fields: BTreeMap<String, Option<String>>,
    /// What the finding is about.
    #[serde(deserialize_with = "null_is_empty")]
    pub resources: Vec<Resource>,
    /// What an attack-sequence finding adds.
    pub detection: Option<Detection>,
}

/// `Workflow`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Workflow {
    /// `NEW`, `NOTIFIED`, `RESOLVED` or `SUPPRESSED`.
    pub status: Option<String>,
}

/// `Resource`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Resource {
    /// For example `AwsIamRole`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    /// An ARN where the resource has one.
    pub id: Option<String>,
    /// Details by type.
    pub details: Option<Details>,
}

/// `ResourceDetails`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Details {
    /// Of an access key, and of the sessions that GuardDuty reports as one.
    pub aws_iam_access_key: Option<AccessKey>,
}

/// `AwsIamAccessKeyDetails`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AccessKey {
    /// The account of the key.
    pub account_id: Option<String>,
    /// The unique id: `AIDA…` of a user, `AROA…:session` of a role's session.
    pub principal_id: Option<String>,
    /// The name of the user or role, without its path.
    pub principal_name: Option<String>,
    /// `IAMUser`, `AssumedRole`, `Role`, `Root`, `FederatedUser`, `AWSService`, `AWSAccount`, …
    pub principal_type: Option<String>,
    /// The session, where the key is temporary.
    pub session_context: Option<SessionContext>,
}

/// `AwsIamAccessKeySessionContext`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SessionContext {
    /// Who gave the session.
    pub session_issuer: Option<SessionIssuer>,
}

/// `AwsIamAccessKeySessionContextSessionIssuer`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SessionIssuer {
    /// The role's ARN, path included.
    pub arn: Option<String>,
}

/// `Detection`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Detection {
    /// The sequence of an attack.
    pub sequence: Option<Sequence>,
}

/// `Sequence`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Sequence {
    /// Who took part in it, at most 10.
    #[serde(deserialize_with = "null_is_empty")]
    pub actors: Vec<Actor>,
}

/// `Actor`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Actor {
    /// The user behind the calls.
    pub user: Option<ActorUser>,
    /// The session the calls were made in.
    pub session: Option<ActorSession>,
}

/// `ActorUser`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ActorUser {
    /// The name of the user or role.
    pub name: Option<String>,
    /// The type of principal, in the words of CloudTrail.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    /// The unique id.
    pub uid: Option<String>,
    /// The account.
    pub account: Option<UserAccount>,
}

/// `UserAccount`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UserAccount {
    /// 12 digits.
    pub uid: Option<String>,
}

/// `ActorSession`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ActorSession {
    /// The ARN of the role that gave the session.
    pub issuer: Option<String>,
}

pub(crate) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Finding {
    /// The finding as the enrichment sees it. `Err` names the member without which it cannot be told from
    /// others or placed in an account and Region.
    pub fn reduce(&self) -> Result<finding::Finding, &'static str> {
        let id = present(&self.id).ok_or("Id")?;
        let product_arn = present(&self.product_arn).ok_or("ProductArn")?;
        let product = Arn::parse(product_arn).ok_or("ProductArn")?;
        let account = present(&self.aws_account_id).ok_or("AwsAccountId")?;
        let region = present(&self.region).unwrap_or(product.region);
        if !is_region(region) {
            return Err("Region");
        }
        let investigated = self.user_defined(field::WINDOW);
        Ok(finding::Finding {
            reference: Reference::Asff { id: id.to_owned(), product_arn: product_arn.to_owned() },
            region: region.to_owned(),
            settled: self.settled(),
            investigate: self.user_defined(field::INVESTIGATE).map(str::to_owned),
            investigated: recorded_window(investigated),
            first_observed: timestamp(self.first_observed_at.as_deref()),
            last_observed: timestamp(self.last_observed_at.as_deref()),
            created: timestamp(self.created_at.as_deref()),
            processed: timestamp(self.processed_at.as_deref()),
            commented: false,
            subjects: self.subjects(of_region(region), account),
        })
    }

    fn user_defined(&self, name: &str) -> Option<&str> {
        self.user_defined_fields.get(name)?.as_deref()
    }

    fn settled(&self) -> Option<Settled> {
        let workflow = self.workflow.as_ref().and_then(|workflow| workflow.status.as_deref());
        match (self.record_state.as_deref(), workflow) {
            (Some("ARCHIVED"), _) => Some(Settled::Archived),
            (_, Some("SUPPRESSED")) => Some(Settled::Suppressed),
            (_, Some("RESOLVED")) => Some(Settled::Resolved),
            _ => None,
        }
    }

    fn subjects(&self, partition: &str, account: &str) -> Vec<Subject> {
        let resources = self.resources.iter().filter_map(|resource| resource.subject(partition, account));
        let sequence = self.detection.as_ref().and_then(|detection| detection.sequence.as_ref());
        let actors = sequence.iter().flat_map(|sequence| &sequence.actors);
        distinct(resources.chain(actors.filter_map(|actor| actor.subject(partition, account))))
    }
}

impl Resource {
    pub(crate) fn subject(&self, partition: &str, account: &str) -> Option<Subject> {
        match self.kind.as_deref()? {
            "AwsIamRole" | "AwsIamUser" => {
                let id = self.id.as_deref().unwrap_or_default();
                Subject::from_arn(id).or_else(|| Some(Subject::unsupported(id, Reason::Unidentified)))
            }
            "AwsIamAccessKey" => {
                let details = self.details.as_ref().and_then(|details| details.aws_iam_access_key.as_ref());
                match details {
                    Some(key) => Some(key.subject(partition, account)),
                    None => Some(Subject::unsupported(
                        self.id.as_deref().unwrap_or_default(),
                        Reason::Unidentified,
                    )),
                }
            }
            _ => None,
        }
    }
}

impl AccessKey {
    fn subject(&self, partition: &str, account: &str) -> Subject {
        let issuer = self.session_context.as_ref().and_then(|context| context.session_issuer.as_ref());
        let issuer = issuer.filter(|_| is_session(present(&self.principal_type)));
        if let Some(subject) = issuer.and_then(|issuer| Subject::from_arn(issuer.arn.as_deref()?)) {
            return subject;
        }
        described(
            present(&self.principal_type),
            present(&self.principal_id),
            present(&self.principal_name),
            partition,
            present(&self.account_id).unwrap_or(account),
        )
    }
}

impl Actor {
    fn subject(&self, partition: &str, account: &str) -> Option<Subject> {
        let kind = self.user.as_ref().and_then(|user| present(&user.kind));
        let issuer = self.session.as_ref().and_then(|session| session.issuer.as_deref());
        if let Some(subject) = issuer.filter(|_| is_session(kind)).and_then(Subject::from_arn) {
            return Some(subject);
        }
        let user = self.user.as_ref()?;
        let own_account = user.account.as_ref().and_then(|account| present(&account.uid));
        Some(described(
            present(&user.kind),
            present(&user.uid),
            present(&user.name),
            partition,
            own_account.unwrap_or(account),
        ))
    }
}

/// Whether a session's issuer tells who acted: of a role's session it does. Behind a federated user it is the broker,
/// who is not under suspicion.
pub(crate) fn is_session(kind: Option<&str>) -> bool {
    matches!(kind, None | Some("AssumedRole" | "Role"))
}

/// The subject that a principal type, unique id and name describe, in CloudTrail's terms.
///
/// Sources: CloudTrail user guide, `userIdentity` element; IAM user guide, unique identifiers (`AROA` names a
/// role, `AIDA` a user).
pub(crate) fn described(
    kind: Option<&str>,
    unique_id: Option<&str>,
    name: Option<&str>,
    partition: &str,
    account: &str,
) -> Subject {
    let shown = name.or(unique_id).unwrap_or_default();
    let kind = match kind {
        Some("AssumedRole" | "Role") => Kind::Role,
        Some("IAMUser") => Kind::User,
        Some("Root") => return Subject::unsupported(shown, Reason::Root),
        Some("FederatedUser") => return Subject::unsupported(shown, Reason::FederatedUser),
        Some("AWSService") => return Subject::unsupported(shown, Reason::AwsService),
        Some("AWSAccount") => return Subject::unsupported(shown, Reason::AwsAccount),
        _ => match unique_id {
            Some(id) if id.starts_with("AROA") => Kind::Role,
            Some(id) if id.starts_with("AIDA") => Kind::User,
            _ => return Subject::unsupported(shown, Reason::Unidentified),
        },
    };
    match name {
        Some(name) => Subject::named(kind, partition, account, name),
        None => Subject::unsupported(shown, Reason::Unidentified),
    }
}

pub(crate) fn present(member: &Option<String>) -> Option<&str> {
    member.as_deref().filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::Principal;
    use serde_json::{Value, json};

    fn finding(changes: Value) -> Result<finding::Finding, &'static str> {
        let mut whole = json!({
            "Id": "arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f",
            "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty",
            "AwsAccountId": "111122223333",
            "Region": "us-east-1",
            "Resources": []
        });
        for (name, value) in changes.as_object().unwrap() {
            whole[name] = value.clone();
        }
        serde_json::from_value::<Finding>(whole).unwrap().reduce()
    }

    fn subjects(resources: Value) -> Vec<Subject> {
        finding(json!({ "Resources": resources })).unwrap().subjects
    }

    fn access_key(details: Value) -> Value {
        json!([{ "Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:ASIAEXAMPLE",
                 "Details": { "AwsIamAccessKey": details } }])
    }

    #[test]
    fn access_keys_name_their_principal_by_type() {
        for (details, expected) in [
            (json!({ "PrincipalType": "AssumedRole", "PrincipalName": "Admin" }), Ok("role/Admin")),
            (json!({ "PrincipalType": "Role", "PrincipalName": "Admin" }), Ok("role/Admin")),
            (json!({ "PrincipalType": "IAMUser", "PrincipalName": "alice" }), Ok("user/alice")),
            (json!({ "PrincipalId": "AROAEXAMPLE:session", "PrincipalName": "Admin" }), Ok("role/Admin")),
            (json!({ "PrincipalId": "AIDAEXAMPLE", "PrincipalName": "alice" }), Ok("user/alice")),
            (json!({ "PrincipalType": "Root", "PrincipalName": "Root" }), Err(Reason::Root)),
            (json!({ "PrincipalType": "FederatedUser", "PrincipalName": "b" }), Err(Reason::FederatedUser)),
            (json!({ "PrincipalType": "AWSService", "PrincipalName": "s" }), Err(Reason::AwsService)),
            (json!({ "PrincipalType": "AWSAccount" }), Err(Reason::AwsAccount)),
            (json!({ "PrincipalType": "AssumedRole", "PrincipalName": null }), Err(Reason::Unidentified)),
            (json!({ "PrincipalType": "Martian", "PrincipalName": "m" }), Err(Reason::Unidentified)),
            (json!({}), Err(Reason::Unidentified)),
        ] {
            let found = subjects(access_key(details.clone()));
            match (found.as_slice(), expected) {
                ([Subject::Principal(principal)], Ok(resource)) => {
                    assert_eq!(principal.arn, format!("arn:aws:iam::111122223333:{resource}"), "{details}");
                    assert!(!principal.path_known);
                }
                ([Subject::Unsupported(unsupported)], Err(reason)) => {
                    assert_eq!(unsupported.reason, reason, "{details}");
                }
                (found, _) => panic!("{details}: {found:?}"),
            }
        }
    }

    #[test]
    fn the_session_issuer_gives_the_path() {
        let arn = "arn:aws:iam::444455556666:role/team/Admin";
        let found = subjects(access_key(json!({
            "PrincipalType": "AssumedRole", "PrincipalName": "Admin",
            "SessionContext": { "SessionIssuer": { "Arn": arn } }
        })));
        let [Subject::Principal(Principal { arn: found, path_known: true, account, .. })] = found.as_slice()
        else {
            panic!("{found:?}");
        };
        assert_eq!((found.as_str(), account.as_str()), (arn, "444455556666"));
    }

    #[test]
    fn a_federated_user_is_not_its_broker() {
        let found = subjects(access_key(json!({
            "PrincipalType": "FederatedUser", "PrincipalName": "bob",
            "SessionContext": { "SessionIssuer": { "Arn": "arn:aws:iam::111122223333:user/broker" } }
        })));
        let [Subject::Unsupported(unsupported)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(unsupported.reason, Reason::FederatedUser);
    }

    #[test]
    fn attack_sequence_actors_count_through_their_session_issuer() {
        let found = finding(json!({ "Detection": { "Sequence": { "Actors": [
            { "User": { "Name": "Admin", "Type": "AssumedRole" },
              "Session": { "Issuer": "arn:aws:iam::111122223333:role/Admin" } },
            { "User": { "Name": "alice", "Type": "IAMUser", "Account": { "Uid": "444455556666" } } },
            { "User": null, "Session": null }
        ] } } }));
        let arns: Vec<_> = found.unwrap().subjects.iter().map(|subject| format!("{subject:?}")).collect();
        assert_eq!(arns.len(), 2, "{arns:?}");
        assert!(arns.iter().any(|arn| arn.contains("arn:aws:iam::444455556666:user/alice")));
    }

    #[test]
    fn the_partition_is_that_of_the_region() {
        let found = finding(json!({ "Region": "us-gov-west-1", "Resources": access_key(json!({
            "PrincipalType": "IAMUser", "PrincipalName": "alice" })) }));
        let subjects = found.unwrap().subjects;
        assert!(format!("{subjects:?}").contains("arn:aws-us-gov:iam::111122223333:user/alice"));
    }

    #[test]
    fn archived_suppressed_and_resolved_findings_are_settled() {
        for (changes, expected) in [
            (json!({ "RecordState": "ARCHIVED" }), Some(Settled::Archived)),
            (json!({ "Workflow": { "Status": "SUPPRESSED" } }), Some(Settled::Suppressed)),
            (json!({ "Workflow": { "Status": "RESOLVED" } }), Some(Settled::Resolved)),
            (json!({ "RecordState": "ACTIVE", "Workflow": { "Status": "NOTIFIED" } }), None),
            (json!({ "Workflow": null, "UserDefinedFields": null, "Detection": null }), None),
        ] {
            assert_eq!(finding(changes.clone()).unwrap().settled, expected, "{changes}");
        }
    }

    #[test]
    fn what_identifies_a_finding_must_be_there() {
        for (changes, member) in [
            (json!({ "Id": null }), "Id"),
            (json!({ "Id": "" }), "Id"),
            (json!({ "ProductArn": "no arn" }), "ProductArn"),
            (json!({ "AwsAccountId": null }), "AwsAccountId"),
            (json!({ "Region": "us-east-1.evil.example" }), "Region"),
        ] {
            assert_eq!(finding(changes.clone()).unwrap_err(), member, "{changes}");
        }
        assert_eq!(finding(json!({ "Region": null })).unwrap().region, "us-east-1");
    }
}
