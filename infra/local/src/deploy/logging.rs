//! What Lambda tells a function of its `LoggingConfig`, in variables that MiniStack does not set.

use serde_json::{Map, Value, json};

const FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";
const LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";

/// Adds the variables to every function with a `LoggingConfig`, its own or the template's `Globals`. A variable that
/// the template sets itself stays. Levels go with the format JSON only (Lambda developer guide, log-level filtering).
pub(super) fn tell_functions(template: &mut Value) {
    let of_all = template.pointer("/Globals/Function/LoggingConfig").cloned();
    let resources = template.get_mut("Resources").and_then(Value::as_object_mut);
    for resource in resources.into_iter().flat_map(Map::values_mut) {
        let shared = match resource.get("Type").and_then(Value::as_str) {
            Some("AWS::Serverless::Function") => of_all.as_ref(),
            Some("AWS::Lambda::Function") => None,
            _ => continue,
        };
        let Some(properties) = resource.get_mut("Properties").and_then(Value::as_object_mut) else {
            continue;
        };
        let own = properties.get("LoggingConfig");
        let says =
            |member| [own, shared].into_iter().flatten().find_map(|config| config.get(member)).cloned();
        let Some(format) = says("LogFormat") else { continue };
        let level = says("ApplicationLogLevel").filter(|_| format != "Text");

        let environment = properties.entry("Environment").or_insert_with(|| json!({}));
        let variables =
            environment.as_object_mut().map(|it| it.entry("Variables").or_insert_with(|| json!({})));
        if let Some(variables) = variables.and_then(Value::as_object_mut) {
            for (variable, value) in [(FORMAT, Some(format)), (LEVEL, level)] {
                if let Some(value) = value {
                    variables.entry(variable).or_insert(value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_told_what_their_logging_configuration_says() {
        let level = json!({ "Ref": "LogLevel" });
        let function = |kind: &str, properties: Value| json!({ "Type": kind, "Properties": properties });
        let cases = [
            // Own configuration; its values may be references.
            (
                function(
                    "AWS::Serverless::Function",
                    json!({
                        "LoggingConfig": { "LogFormat": "JSON", "ApplicationLogLevel": level, "LogGroup": "g" },
                        "Environment": { "Variables": { "A": "1" } },
                    }),
                ),
                json!({ "A": "1", "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level }),
            ),
            // Text has no levels.
            (
                function("AWS::Serverless::Function", json!({ "LoggingConfig": { "LogFormat": "Text" } })),
                json!({ "AWS_LAMBDA_LOG_FORMAT": "Text" }),
            ),
            // What it does not say itself comes from the globals, as SAM merges them.
            (
                function(
                    "AWS::Serverless::Function",
                    json!({ "LoggingConfig": { "ApplicationLogLevel": "WARN" } }),
                ),
                json!({ "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN" }),
            ),
            (
                function("AWS::Serverless::Function", json!({})),
                json!({ "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG" }),
            ),
            // The template's own variable stays.
            (
                function(
                    "AWS::Serverless::Function",
                    json!({ "Environment": { "Variables": { "AWS_LAMBDA_LOG_LEVEL": "TRACE" } } }),
                ),
                json!({ "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "TRACE" }),
            ),
            // Globals are SAM's alone.
            (function("AWS::Lambda::Function", json!({})), Value::Null),
            (
                function("AWS::Lambda::Function", json!({ "LoggingConfig": { "LogFormat": "JSON" } })),
                json!({ "AWS_LAMBDA_LOG_FORMAT": "JSON" }),
            ),
            (function("AWS::SQS::Queue", json!({ "LoggingConfig": { "LogFormat": "JSON" } })), Value::Null),
        ];
        for (resource, expected) in cases {
            let mut template = json!({
                "Globals": { "Function": {
                    "LoggingConfig": { "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG" },
                } },
                "Resources": { "R": resource },
            });
            tell_functions(&mut template);
            let variables = template.pointer("/Resources/R/Properties/Environment/Variables").cloned();
            assert_eq!(variables.unwrap_or_default(), expected, "{resource}");
        }
    }
}
