//! The operations that are covered, by HTTP method and path (Security Hub service model).

use serde_json::Value;

use super::check::Object;
use crate::service::{Call, Reply};

const ROUTES: &[(&str, &str, &str)] = &[
    ("POST", "/findings/import", "BatchImportFindings"),
    ("PATCH", "/findings/batchupdate", "BatchUpdateFindings"),
    ("POST", "/findings", "GetFindings"),
    ("POST", "/findingHistory/get", "GetFindingHistory"),
    ("PATCH", "/findingsv2/batchupdatev2", "BatchUpdateFindingsV2"),
    ("POST", "/findingsv2", "GetFindingsV2"),
    ("POST", "/automationrules/create", "CreateAutomationRule"),
    ("GET", "/automationrules/list", "ListAutomationRules"),
    ("POST", "/automationrules/get", "BatchGetAutomationRules"),
    ("PATCH", "/automationrules/update", "BatchUpdateAutomationRules"),
    ("POST", "/automationrules/delete", "BatchDeleteAutomationRules"),
    ("POST", "/actionTargets", "CreateActionTarget"),
    ("POST", "/actionTargets/get", "DescribeActionTargets"),
    ("PATCH", "/actionTargets/", "UpdateActionTarget"),
    ("DELETE", "/actionTargets/", "DeleteActionTarget"),
    ("POST", "/accounts", "EnableSecurityHub"),
    ("DELETE", "/accounts", "DisableSecurityHub"),
    ("GET", "/accounts", "DescribeHub"),
    ("POST", "/hubv2", "EnableSecurityHubV2"),
    ("DELETE", "/hubv2", "DisableSecurityHubV2"),
    ("GET", "/hubv2", "DescribeSecurityHubV2"),
];

/// The operation of a call, if it is covered.
pub(super) fn operation(call: &Call) -> Option<&'static str> {
    ROUTES
        .iter()
        .find(|(method, path, _)| {
            let fits = if path.ends_with('/') {
                call.path.strip_prefix(path).is_some_and(|label| !label.is_empty())
            } else {
                call.path == *path
            };
            fits && call.method.as_str() == *method
        })
        .map(|(_, _, operation)| *operation)
}

/// The members of the operation's input, from body, query and path.
pub(super) fn input(call: &Call) -> Result<Object, Reply> {
    let mut input = match call.json()? {
        Value::Object(input) => input,
        _ => return Err(Reply::error(400, "SerializationException", "expected a JSON object")),
    };
    for (key, value) in &call.query {
        let number = (key == "MaxResults").then(|| value.parse::<i64>().ok()).flatten();
        input.insert(key.clone(), number.map_or_else(|| value.as_str().into(), Value::from));
    }
    if let Some(arn) = call.path.strip_prefix("/actionTargets/").filter(|_| call.method != "POST") {
        input.insert("ActionTargetArn".into(), arn.into());
    }
    Ok(input)
}
