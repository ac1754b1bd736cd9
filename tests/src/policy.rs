//! Least privilege, proven: the calls that functions made against the grants of their roles.
//!
//! What IAM decides by is taken from the Service Authorization Reference: the action behind an operation and the
//! resource that it is checked against.

use std::collections::BTreeSet;

use serde_json::Value;

/// An action on a resource, both possibly with wildcards: one grant of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// For example `sqs:SendMessage`.
    pub action: String,
    /// An ARN or `*`.
    pub resource: String,
}

impl Grant {
    /// An action on a resource.
    pub fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned() }
    }

    fn covers(&self, call: &Grant) -> bool {
        glob(&self.action, &call.action) && glob(&self.resource, &call.resource)
    }
}

/// What the comparison found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Calls that no grant covers.
    pub denied: BTreeSet<Grant>,
    /// Grants that no call used.
    pub unused: BTreeSet<Grant>,
}

/// Holds `calls` against `grants`.
pub fn judge(calls: &BTreeSet<Grant>, grants: &BTreeSet<Grant>) -> Verdict {
    let denied = calls.iter().filter(|call| !grants.iter().any(|grant| grant.covers(call)));
    let unused = grants.iter().filter(|grant| !calls.iter().any(|call| grant.covers(call)));
    Verdict { denied: denied.cloned().collect(), unused: unused.cloned().collect() }
}

/// Every grant of a policy document.
///
/// # Errors
///
/// A statement in a form that this does not understand: everything but a plain Allow.
pub fn grants(document: &Value) -> Result<BTreeSet<Grant>, String> {
    let mut grants = BTreeSet::new();
    for statement in list(document.get("Statement")) {
        let known = ["Action", "Condition", "Effect", "Resource", "Sid"];
        let members = statement.as_object().ok_or_else(|| format!("no statement: {statement}"))?;
        if members.keys().any(|name| !known.contains(&name.as_str())) || statement["Effect"] != "Allow" {
            return Err(format!("not a plain Allow: {statement}"));
        }
        for action in list(statement.get("Action")) {
            for resource in list(statement.get("Resource")) {
                let text =
                    |value: &Value| value.as_str().map(str::to_owned).ok_or(format!("no text: {value}"));
                grants.insert(Grant { action: text(action)?, resource: text(resource)? });
            }
        }
    }
    Ok(grants)
}

fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    }
}

/// What IAM is asked for a call in the journal.
///
/// # Errors
///
/// A call that this does not know how to judge.
pub fn asked(entry: &Value) -> Result<Grant, String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let named = |name: &str| {
        let resource = entry.get("resources").and_then(|resources| resources.get(name));
        resource.and_then(Value::as_str).ok_or_else(|| format!("the journal names no `{name}`: {entry}"))
    };
    let (service, operation, region) = (text("service"), text("operation"), text("region"));
    let account = "111122223333";
    let hub = |kind: &str| format!("arn:aws:securityhub:{region}:{account}:{kind}");
    Ok(match (service, operation) {
        ("sqs", "SendMessage" | "SendMessageBatch") => {
            let queue = named("QueueUrl")?.rsplit('/').next().unwrap_or_default();
            Grant::new("sqs:SendMessage", &format!("arn:aws:sqs:{region}:{account}:{queue}"))
        }
        ("dynamodb", operation) => {
            let table = format!("arn:aws:dynamodb:{region}:{account}:table/{}", named("TableName")?);
            Grant::new(&format!("dynamodb:{operation}"), &table)
        }
        ("detective", "ListGraphs") => Grant::new("detective:ListGraphs", "*"),
        ("detective", operation) => Grant::new(&format!("detective:{operation}"), named("GraphArn")?),
        ("securityhub", "GetFindings") => Grant::new("securityhub:GetFindings", &hub("hub/default")),
        ("securityhub", "BatchUpdateFindings") => {
            Grant::new("securityhub:BatchUpdateFindings", &hub("hub/default"))
        }
        ("securityhub", "BatchUpdateFindingsV2") => {
            Grant::new("securityhub:BatchUpdateFindings", &hub("hubv2/an-id"))
        }
        ("iam", "GetRole") => {
            Grant::new("iam:GetRole", &format!("arn:aws:iam::{account}:role/{}", named("RoleName")?))
        }
        ("iam", "GetUser") => {
            Grant::new("iam:GetUser", &format!("arn:aws:iam::{account}:user/{}", named("UserName")?))
        }
        ("sts", "AssumeRole") => Grant::new("sts:AssumeRole", named("RoleArn")?),
        _ => return Err(format!("`{service}:{operation}` is not known here: say what IAM checks")),
    })
}

/// Whether `text` matches a pattern of IAM's, in which `*` is any run of characters and `?` any one.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // reachable[i]: the pattern read so far matches the first i characters.
    let mut reachable = vec![false; text.len() + 1];
    if let Some(first) = reachable.first_mut() {
        *first = true;
    }
    for wanted in pattern {
        let mut next = vec![false; text.len() + 1];
        let mut any_before = false;
        for (index, here) in reachable.iter().enumerate() {
            any_before |= here;
            if wanted == '*' {
                if let Some(slot) = next.get_mut(index) {
                    *slot = any_before;
                }
            } else if *here
                && text.get(index).is_some_and(|found| wanted == '?' || wanted == *found)
                && let Some(slot) = next.get_mut(index + 1)
            {
                *slot = true;
            }
        }
        reachable = next;
    }
    reachable.last().copied().unwrap_or_default()
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
    fn a_missing_grant_and_a_superfluous_one_are_found() {
        let document = json!({ "Statement": [
            { "Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:PurgeQueue"], "Resource": "arn:q" },
            { "Effect": "Allow", "Action": "iam:GetRole", "Resource": ["arn:role/*", "arn:other/*"] }
        ] });
        let calls = BTreeSet::from([
            Grant::new("sqs:SendMessage", "arn:q"),
            Grant::new("sqs:SendMessage", "arn:another"),
            Grant::new("iam:GetRole", "arn:role/A"),
        ]);
        let verdict = judge(&calls, &grants(&document).unwrap());
        assert_eq!(verdict.denied, [Grant::new("sqs:SendMessage", "arn:another")].into());
        let unused = [Grant::new("sqs:PurgeQueue", "arn:q"), Grant::new("iam:GetRole", "arn:other/*")];
        assert_eq!(verdict.unused, unused.into());
    }

    #[test]
    fn statements_that_are_no_plain_allow_are_refused() {
        for statement in [
            json!({ "Effect": "Deny", "Action": "*", "Resource": "*" }),
            json!({ "Effect": "Allow", "NotAction": "a", "Resource": "*" }),
        ] {
            assert!(grants(&json!({ "Statement": statement })).is_err());
        }
    }
}
