//! The patterns of names in a header.
//!
//! Sources: cluster identifiers, Redshift API reference, `CreateCluster`; workgroups and secrets, the Data API's service
//! model; identifiers, Redshift database developer guide, "Names and identifiers"; IAM names, IAM user guide, "IAM and
//! AWS STS quotas"; event sources, EventBridge API reference, `PutEventsRequestEntry`.

use eventide_types::partition::is_account_id;

fn all(text: &str, length: std::ops::RangeInclusive<usize>, good: impl Fn(char) -> bool) -> bool {
    length.contains(&text.len()) && text.chars().all(good)
}

fn lower_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn begins(text: &str, good: impl Fn(char) -> bool) -> bool {
    text.chars().next().is_some_and(good)
}

/// `__` separates a relation's name from its version.
pub(crate) fn mart(name: &str) -> bool {
    all(name, 1..=100, |c| lower_or_digit(c) || c == '_')
        && begins(name, |c| c.is_ascii_lowercase())
        && !name.contains("__")
}

pub(crate) fn owner(name: &str) -> bool {
    all(name, 1..=63, |c| lower_or_digit(c) || c == '-') && !name.starts_with('-') && !name.ends_with('-')
}

pub(crate) fn parameter(name: &str) -> bool {
    all(name, 1..=64, |c| lower_or_digit(c) || c == '_') && begins(name, |c| c.is_ascii_lowercase())
}

pub(crate) fn database(name: &str) -> bool {
    all(name, 1..=127, |c| c.is_ascii_alphanumeric() || "_-$".contains(c))
        && begins(name, |c| c.is_ascii_alphabetic() || c == '_')
}

pub(crate) fn schema(name: &str) -> bool {
    all(name, 1..=127, |c| lower_or_digit(c) || "_$".contains(c))
        && begins(name, |c| c.is_ascii_lowercase() || c == '_')
        && !name.starts_with("pg_")
        && name != "information_schema"
}

pub(crate) fn column(name: &str) -> bool {
    all(name, 1..=127, |c| !c.is_control())
}

pub(crate) fn cluster(name: &str) -> bool {
    all(name, 1..=63, |c| lower_or_digit(c) || c == '-')
        && begins(name, |c| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
}

pub(crate) fn workgroup(name: &str) -> bool {
    let arn = || arn(name, "redshift-serverless").is_some_and(|rest| rest.starts_with("workgroup/"));
    all(name, 3..=63, |c| lower_or_digit(c) || c == '-') || arn()
}

pub(crate) fn secret(name: &str) -> bool {
    arn(name, "secretsmanager").is_some_and(|rest| rest.starts_with("secret:"))
}

/// What follows the account in the ARN of a regional resource.
fn arn<'a>(text: &'a str, service: &str) -> Option<&'a str> {
    let plain =
        text.len() <= 2_048 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_/+=.@!:".contains(c));
    let mut parts = text.splitn(6, ':');
    let (arn, partition, named) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let good = arn == "arn" && partition.starts_with("aws") && named == service && !region.is_empty();
    (plain && good && is_account_id(account)).then_some(rest)
}

pub(crate) fn user(name: &str) -> bool {
    all(name, 1..=127, |c| c.is_ascii_alphanumeric() || "_$.@-+".contains(c))
        && begins(name, |c| c.is_ascii_alphabetic() || c == '_')
        && !name.eq_ignore_ascii_case("public")
}

pub(crate) fn grantee(name: &str) -> bool {
    let iam = |name: &str| all(name, 1..=64, |c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    match name.split_once(':') {
        Some(("IAMR" | "IAM", name)) => iam(name),
        Some(_) => false,
        None => user(name),
    }
}

pub(crate) fn caller(caller: &str) -> bool {
    match caller {
        "invoke" | "schedule" => true,
        _ => match caller.strip_prefix("events:") {
            Some(source) => source_of_events(source),
            None => principal(caller),
        },
    }
}

fn source_of_events(source: &str) -> bool {
    let plain = all(source, 1..=256, |c| c.is_ascii_alphanumeric() || "/_.@-".contains(c));
    plain && source != "aws" && !source.starts_with("aws.")
}

fn principal(arn: &str) -> bool {
    let arn = arn.strip_suffix('*').unwrap_or(arn);
    let plain =
        arn.len() <= 2_048 && arn.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@/:-".contains(c));
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(partition), Some("iam"), Some(""), Some(account), Some(name)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let named = name.starts_with("role/") || name.starts_with("user/");
    plain && partition.starts_with("aws") && is_account_id(account) && named
}

pub(crate) fn prefix(prefix: &str) -> bool {
    let folder = |folder: &str| {
        !folder.is_empty()
            && folder != "."
            && folder.chars().all(|c| c.is_ascii_alphanumeric() || "-_.!'()".contains(c))
    };
    prefix.len() <= 200 && !prefix.contains("..") && prefix.split('/').all(folder)
}

pub(crate) fn namespace(id: &str) -> bool {
    let lengths = id.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12])
        && id.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// The key of a mart's file: `<owner>/….sql`, of letters, digits and `-_.`, so that it can be told in a statement's name.
pub(crate) fn key(key: &str) -> bool {
    let folder = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    key.len() <= 512 && key.contains('/') && key.ends_with(".sql") && key.split('/').all(folder)
}
