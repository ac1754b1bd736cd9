//! Least privilege, proven: the calls that were made against the grants of the roles that made them.
//!
//! What IAM decides by is taken from the Service Authorization Reference: the action behind an operation, the
//! resource that it is checked against, and the condition keys that its request sets.

mod asked;
mod role;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use asked::asked;
pub use role::{Deployed, deployed, granted};

/// What IAM is asked for one call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// For example `sqs:SendMessage`.
    pub action: String,
    /// The ARN that the action is checked against; `*` if the action knows no resources.
    pub resource: String,
    /// The condition keys that the request sets, with their values. Those that say which members it has have none.
    keys: BTreeMap<String, String>,
}

impl Call {
    /// A call whose request sets no condition keys.
    pub fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), keys: BTreeMap::new() }
    }
}

/// One action on one resource of a policy, both possibly with wildcards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// For example `sqs:SendMessage`.
    pub action: String,
    /// An ARN or `*`.
    pub resource: String,
    /// The condition keys that a request must not have.
    absent: BTreeSet<String>,
    /// The condition keys that a request must have, with their values.
    equal: BTreeMap<String, String>,
}

impl Grant {
    /// A grant without conditions.
    pub fn new(action: &str, resource: &str) -> Self {
        let (action, resource) = (action.to_owned(), resource.to_owned());
        Self { action, resource, absent: BTreeSet::new(), equal: BTreeMap::new() }
    }

    /// Whether it allows a call.
    pub fn covers(&self, call: &Call) -> bool {
        glob(&self.action, &call.action)
            && glob(&self.resource, &call.resource)
            && !self.absent.iter().any(|key| call.keys.contains_key(key))
            && self.equal.iter().all(|(key, value)| call.keys.get(key) == Some(value))
    }
}

/// Everything that is wrong with `grants` for who makes exactly these `calls`, in sentences: a call that is not
/// granted, a grant without which every call would still be granted, a grant of more than one action, and one
/// on more than one resource that is not in `wide`, which holds pairs of an action (or a pattern) and a resource.
pub fn faults(calls: &BTreeSet<Call>, grants: &BTreeSet<Grant>, wide: &[(&str, &str)]) -> Vec<String> {
    let mut faults = Vec::new();
    for Call { action, resource, keys } in
        calls.iter().filter(|call| !grants.iter().any(|grant| grant.covers(call)))
    {
        faults.push(format!("{action} on {resource} with {keys:?} is not granted"));
    }
    for grant in grants {
        let Grant { action, resource, .. } = grant;
        let others = || grants.iter().filter(|other| *other != grant);
        let mut covered = calls.iter().filter(|call| grant.covers(call));
        if covered.all(|call| others().any(|other| other.covers(call))) {
            faults.push(format!("{action} on {resource} is not needed"));
        }
        if action.contains(['*', '?']) {
            faults.push(format!("{action} is more than one action"));
        }
        let known = wide.iter().any(|(of, known)| glob(of, action) && known == resource);
        if resource.contains(['*', '?']) && !known {
            faults.push(format!("{action} on {resource} is on more than it has to be"));
        }
    }
    faults
}

/// Every grant of a policy document.
///
/// # Errors
///
/// A statement in a form that this does not understand: everything but an Allow without a condition, or with the
/// conditions that members of the request are absent or that keys have one value.
pub fn grants(document: &Value) -> Result<BTreeSet<Grant>, String> {
    let mut grants = BTreeSet::new();
    for statement in list(document.get("Statement")) {
        let known = ["Action", "Condition", "Effect", "Resource", "Sid"];
        let members = statement.as_object().ok_or_else(|| format!("no statement: {statement}"))?;
        if members.keys().any(|name| !known.contains(&name.as_str())) || statement["Effect"] != "Allow" {
            return Err(format!("not a plain Allow: {statement}"));
        }
        let (absent, equal) = conditions(members.get("Condition"))?;
        for action in list(statement.get("Action")) {
            for resource in list(statement.get("Resource")) {
                let text =
                    |value: &Value| value.as_str().map(str::to_owned).ok_or(format!("no text: {value}"));
                let (action, resource) = (text(action)?, text(resource)?);
                grants.insert(Grant { action, resource, absent: absent.clone(), equal: equal.clone() });
            }
        }
    }
    Ok(grants)
}

/// The keys that have to be absent, and those that have to have a value.
type Conditions = (BTreeSet<String>, BTreeMap<String, String>);

fn conditions(condition: Option<&Value>) -> Result<Conditions, String> {
    let (mut absent, mut equal) = Conditions::default();
    let Some(condition) = condition else { return Ok((absent, equal)) };
    let refusal =
        || format!("a condition of another form than `Null: {{key: 'true'}}` or `StringEquals`: {condition}");
    for (operator, keys) in condition.as_object().ok_or_else(refusal)? {
        for (key, value) in keys.as_object().ok_or_else(refusal)? {
            match (operator.as_str(), value.as_str()) {
                ("Null", Some("true")) => absent.extend([key.clone()]),
                ("StringEquals", Some(value)) => equal.extend([(key.clone(), value.to_owned())]),
                _ => return Err(refusal()),
            }
        }
    }
    Ok((absent, equal))
}

fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    }
}

/// Whether `text` matches a pattern of IAM's, in which `*` is any run of characters and `?` any one.
fn glob(pattern: &str, text: &str) -> bool {
    let mut wanted = pattern.chars();
    match (wanted.next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), found) => glob(wanted.as_str(), text) || (found.is_some() && glob(pattern, rest(text))),
        (Some(first), Some(found)) => (first == '?' || first == found) && glob(wanted.as_str(), rest(text)),
        _ => false,
    }
}

fn rest(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_match_as_iam_has_them() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("sqs:Send*", "sqs:SendMessage", true),
            ("sqs:Send*", "sqs:ReceiveMessage", false),
            ("arn:aws:iam::*:role/X", "arn:aws:iam::444455556666:role/X", true),
            ("arn:aws:iam::*:role/X", "arn:aws:iam::444455556666:role/Xy", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn grants_fit_the_calls_or_the_fault_is_named() {
        let calls = [Call::new("sqs:SendMessage", "arn:q"), Call::new("iam:GetRole", "arn:role/A")].into();
        let fitting = || {
            BTreeSet::from([Grant::new("sqs:SendMessage", "arn:q"), Grant::new("iam:GetRole", "arn:role/*")])
        };
        let wide = [("iam:GetRole", "arn:role/*")];
        assert_eq!(faults(&calls, &fitting(), &wide), Vec::<String>::new());

        let without = [Grant::new("iam:GetRole", "arn:role/*")].into();
        let not_granted = "sqs:SendMessage on arn:q with {} is not granted";
        assert_eq!(faults(&calls, &without, &wide), [not_granted]);
        for (more, expected) in [
            (("sqs:PurgeQueue", "arn:q"), "sqs:PurgeQueue on arn:q is not needed"),
            (("sqs:SendMessage", "arn:other"), "sqs:SendMessage on arn:other is not needed"),
            (("sqs:*", "arn:q"), "sqs:* is more than one action"),
            (("sqs:SendMessage", "*"), "sqs:SendMessage on * is on more than it has to be"),
            (("sqs:SendMessage", "arn:role/*"), "sqs:SendMessage on arn:role/* is on more than it has to be"),
        ] {
            let mut grants = fitting();
            grants.insert(Grant::new(more.0, more.1));
            let found = faults(&calls, &grants, &wide);
            assert!(found.iter().any(|fault| fault == expected), "{more:?}: {found:?}");
            // In place of the grant that fits, too.
            grants.remove(&Grant::new("sqs:SendMessage", "arn:q"));
            assert_ne!(faults(&calls, &grants, &wide), Vec::<String>::new(), "{more:?}");
        }
    }

    #[test]
    fn a_request_with_a_member_that_has_to_be_absent_is_not_granted() {
        let condition = json!({ "Null": { "securityhub:ASFFSyntaxPath/Severity.Label": "true" } });
        let statement = json!({
            "Effect": "Allow", "Action": "securityhub:BatchUpdateFindings", "Resource": "*", "Condition": condition
        });
        let grants = grants(&json!({ "Statement": [statement] })).unwrap();
        for (body, granted) in [
            (json!({ "Note": { "Text": "t" }, "UserDefinedFields": { "Severity.Label": "x" } }), true),
            (json!({ "Severity": { "Normalized": 1 } }), true),
            (json!({ "Severity": { "Label": "LOW" } }), false),
        ] {
            let entry = json!({
                "service": "securityhub", "operation": "BatchUpdateFindings", "region": "us-east-1",
                "body": body.to_string()
            });
            let calls = asked(&entry).unwrap();
            let covered = calls.iter().all(|call| grants.iter().any(|grant| grant.covers(call)));
            assert_eq!(covered, granted, "{body}");
        }
    }

    #[test]
    fn a_request_with_another_value_than_the_condition_says_is_not_granted() {
        let statement = json!({
            "Effect": "Allow", "Action": "events:PutEvents", "Resource": "*",
            "Condition": { "StringEquals": { "events:source": "ours" } }
        });
        let grants = grants(&json!({ "Statement": statement })).unwrap();
        for (sources, granted) in
            [(vec!["ours"], true), (vec!["theirs"], false), (vec!["ours", "theirs"], false)]
        {
            let entries: Vec<_> = sources.iter().map(|source| json!({ "Source": source })).collect();
            let entry = json!({
                "service": "events", "operation": "PutEvents", "region": "us-east-1",
                "body": json!({ "Entries": entries }).to_string()
            });
            let calls = asked(&entry).unwrap();
            let covered = calls.iter().all(|call| grants.iter().any(|grant| grant.covers(call)));
            assert_eq!(covered, granted, "{sources:?}");
        }
    }

    #[test]
    fn statements_that_are_not_understood_are_refused() {
        for statement in [
            json!({ "Effect": "Deny", "Action": "*", "Resource": "*" }),
            json!({ "Effect": "Allow", "NotAction": "a", "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "a", "Resource": "*", "Condition": { "Null": { "k": "false" } } }),
            json!({ "Effect": "Allow", "Action": "a", "Resource": "*", "Condition": { "Bool": { "k": "true" } } }),
            json!({ "Effect": "Allow", "Action": "a", "Resource": "*", "Condition": { "StringEquals": { "k": ["a"] } } }),
        ] {
            assert!(grants(&json!({ "Statement": statement })).is_err(), "{statement}");
        }
    }
}
