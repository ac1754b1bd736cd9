//! Who a finding is about: IAM users and roles, which Detective investigates, and everything else, which it
//! does not.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::partition::{Arn, is_account_id};
use crate::printable;

/// What Detective can investigate.
///
/// Source: Detective API reference, `EntityType` (`IAM_ROLE`, `IAM_USER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An IAM role.
    Role,
    /// An IAM user.
    User,
}

impl Kind {
    /// `role` or `user`, as in an ARN.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
        }
    }
}

/// An IAM user or role.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// Role or user.
    pub kind: Kind,
    /// The account it belongs to: 12 digits.
    pub account: String,
    /// Its name without path.
    pub name: String,
    /// Its ARN. With its path if `path_known`, else as if it had none.
    pub arn: String,
    /// Whether the ARN came whole from AWS. GuardDuty names most principals by their name alone, and a path
    /// cannot be guessed from that.
    pub path_known: bool,
}

/// Why something is not investigated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unsupported {
    /// What the finding calls it, fit to be shown.
    pub what: String,
    /// The reason.
    pub reason: Reason,
}

/// The reasons for which Detective cannot investigate somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The account's root user.
    Root,
    /// A federated user (`sts:GetFederationToken`).
    FederatedUser,
    /// An AWS service.
    AwsService,
    /// An account as a whole.
    AwsAccount,
    /// The finding does not say enough to name an IAM user or role.
    Unidentified,
    /// The finding names no IAM principal at all.
    NoPrincipal,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "the root user cannot be investigated, only IAM users and roles can",
            Self::FederatedUser => "a federated user cannot be investigated, only IAM users and roles can",
            Self::AwsService => "an AWS service cannot be investigated, only IAM users and roles can",
            Self::AwsAccount => "an account cannot be investigated, only IAM users and roles can",
            Self::Unidentified => "the finding does not say which IAM user or role it was",
            Self::NoPrincipal => "the finding names no IAM user or role",
        })
    }
}

/// Somebody a finding names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// Detective can investigate it.
    Principal(Principal),
    /// Detective cannot.
    Unsupported(Unsupported),
}

impl Subject {
    /// The subject that an ARN names: an IAM role or user, an assumed-role session (its role), or one of the
    /// principals that cannot be investigated. `None` if it names no principal.
    pub fn from_arn(text: &str) -> Option<Self> {
        let arn = Arn::parse(text)?;
        let (kind, rest) = arn.resource.split_once('/').unwrap_or((arn.resource, ""));
        let last = rest.rsplit('/').next().unwrap_or_default();
        match (arn.service, kind) {
            ("iam", "role") => Some(Self::whole(Kind::Role, arn, last)),
            ("iam", "user") => Some(Self::whole(Kind::User, arn, last)),
            ("sts", "assumed-role") => {
                let role = rest.split('/').next().unwrap_or_default();
                Some(Self::named(Kind::Role, arn.partition, arn.account, role))
            }
            ("sts", "federated-user") => Some(Self::unsupported(text, Reason::FederatedUser)),
            ("iam" | "sts", "root") => Some(Self::unsupported(text, Reason::Root)),
            _ => None,
        }
    }

    /// The subject with this name in this account; its path is not known.
    pub fn named(kind: Kind, partition: &str, account: &str, name: &str) -> Self {
        if !is_iam_name(name) || !is_account_id(account) {
            return Self::unsupported(name, Reason::Unidentified);
        }
        Self::Principal(Principal {
            kind,
            account: account.to_owned(),
            name: name.to_owned(),
            arn: format!("arn:{partition}:iam::{account}:{}/{name}", kind.as_str()),
            path_known: false,
        })
    }

    /// Somebody who cannot be investigated.
    pub fn unsupported(what: &str, reason: Reason) -> Self {
        Self::Unsupported(Unsupported { what: printable(what, 128), reason })
    }

    fn whole(kind: Kind, arn: Arn<'_>, name: &str) -> Self {
        match Self::named(kind, arn.partition, arn.account, name) {
            Self::Principal(principal) if is_iam_path(arn.resource) => {
                Self::Principal(Principal { arn: arn.to_string(), path_known: true, ..principal })
            }
            Self::Principal(_) | Self::Unsupported(_) => {
                Self::unsupported(arn.resource, Reason::Unidentified)
            }
        }
    }
}

/// Every distinct subject, in the order of first mention; of two mentions of one principal the one whose path
/// is known stays.
pub fn distinct(subjects: impl IntoIterator<Item = Subject>) -> Vec<Subject> {
    let mut kept: Vec<Subject> = Vec::new();
    for subject in subjects {
        let same = kept.iter_mut().find(|other| match (&**other, &subject) {
            (Subject::Principal(a), Subject::Principal(b)) => {
                (a.kind, &a.account, &a.name) == (b.kind, &b.account, &b.name)
            }
            (a, b) => *a == *b,
        });
        match (same, subject) {
            (Some(Subject::Principal(old)), Subject::Principal(new)) if new.path_known && !old.path_known => {
                *old = new;
            }
            (Some(_), _) => {}
            (None, subject) => kept.push(subject),
        }
    }
    kept
}

/// Source: IAM user guide, name requirements: alphanumeric and `+=,.@_-`, at most 64 characters.
fn is_iam_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte))
}

/// Source: IAM API reference, `Path`: printable ASCII, at most 512 characters.
fn is_iam_path(resource: &str) -> bool {
    resource.len() <= 512 + 70 && resource.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn_of(subject: &Subject) -> (&str, bool) {
        match subject {
            Subject::Principal(principal) => (&principal.arn, principal.path_known),
            Subject::Unsupported(_) => panic!("{subject:?}"),
        }
    }

    #[test]
    fn arns_name_roles_users_and_others() {
        let role = "arn:aws:iam::111122223333:role/aws-service-role/guardduty.amazonaws.com/Scan";
        assert_eq!(arn_of(&Subject::from_arn(role).unwrap()), (role, true));
        let user = "arn:aws-cn:iam::111122223333:user/division/alice";
        assert_eq!(arn_of(&Subject::from_arn(user).unwrap()), (user, true));
        let session =
            Subject::from_arn("arn:aws-us-gov:sts::111122223333:assumed-role/Admin/session").unwrap();
        assert_eq!(arn_of(&session), ("arn:aws-us-gov:iam::111122223333:role/Admin", false));
        for (arn, reason) in [
            ("arn:aws:iam::111122223333:root", Reason::Root),
            ("arn:aws:sts::111122223333:federated-user/bob", Reason::FederatedUser),
            ("arn:aws:iam::111122223333:role/", Reason::Unidentified),
            ("arn:aws:iam::1111:role/Admin", Reason::Unidentified),
            ("arn:aws:iam::111122223333:role/a\u{202e}b/Admin", Reason::Unidentified),
        ] {
            match Subject::from_arn(arn) {
                Some(Subject::Unsupported(unsupported)) => assert_eq!(unsupported.reason, reason, "{arn}"),
                other => panic!("{arn}: {other:?}"),
            }
        }
        for other in ["arn:aws:s3:::bucket", "AWS::IAM::AccessKey:ASIAEXAMPLE", ""] {
            assert_eq!(Subject::from_arn(other), None, "{other}");
        }
    }

    #[test]
    fn hostile_names_never_reach_an_arn() {
        for name in ["", "a/b", "a b", "x:y", "a\nb", "*", &"n".repeat(65)] {
            let subject = Subject::named(Kind::Role, "aws", "111122223333", name);
            assert!(matches!(subject, Subject::Unsupported(_)), "{name}");
        }
    }

    #[test]
    fn one_principal_is_one_subject_and_the_known_path_stays() {
        let bare = Subject::named(Kind::Role, "aws", "111122223333", "Admin");
        let whole = Subject::from_arn("arn:aws:iam::111122223333:role/team/Admin").unwrap();
        let user = Subject::named(Kind::User, "aws", "111122223333", "Admin");
        let root = Subject::unsupported("root", Reason::Root);
        let found = distinct([bare.clone(), root.clone(), whole.clone(), user.clone(), root.clone(), bare]);
        assert_eq!(found, [whole, root, user]);
    }
}
