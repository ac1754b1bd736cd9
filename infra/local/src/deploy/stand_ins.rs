use std::collections::BTreeMap;
use std::fmt;

use eventide_testing::template::Resolver;
use http::Method;
use serde_json::{Map, Value, json};

use super::Deployer;

/// A resource that a stand-in holds for a stack.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    name: String,
    kind: Kind,
    properties: Value,
    arn: String,
}

impl Applied {
    pub(super) fn arn(&self) -> &str {
        &self.arn
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name, self.kind.type_name(), self.arn)
    }
}

/// The resource types that are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    AutomationRule,
    ActionTarget,
}

impl Kind {
    const ALL: [Self; 2] = [Self::AutomationRule, Self::ActionTarget];

    fn type_name(self) -> &'static str {
        match self {
            Self::AutomationRule => "AWS::SecurityHub::AutomationRule",
            Self::ActionTarget => "AWS::SecurityHub::ActionTarget",
        }
    }

    fn of(resource: &Value) -> Option<Self> {
        let name = resource.get("Type").and_then(Value::as_str)?;
        Self::ALL.into_iter().find(|kind| kind.type_name() == name)
    }

    /// Path of the creating operation, and the member of its answer that is the ARN.
    fn creation(self) -> (&'static str, &'static str) {
        match self {
            Self::AutomationRule => ("/automationrules/create", "RuleArn"),
            Self::ActionTarget => ("/actionTargets", "ActionTargetArn"),
        }
    }
}

impl Deployer {
    /// Takes the resources out of the template that belong to stand-ins, creates them there, and replaces
    /// references to them by their values. What was created is in `applied`, in case of an error too.
    pub(super) async fn apply(
        &self,
        template: &mut Value,
        resolver: &mut Resolver,
        applied: &mut Vec<Applied>,
    ) -> Result<(), String> {
        for (name, kind, resource) in take_out(template) {
            if !condition_holds(&resource, resolver)? {
                replace_references(template, &name, None);
                continue;
            }
            let properties = resolver
                .resolve(resource.get("Properties").unwrap_or(&Value::Null))
                .map_err(|error| format!("`{name}`: {error}"))?;
            let properties = typed(properties);
            let arn = self.create(kind, &properties).await.map_err(|error| format!("`{name}`: {error}"))?;
            let attributes = BTreeMap::from([(kind.creation().1.to_owned(), arn.clone())]);
            replace_references(template, &name, Some((&arn, &attributes)));
            resolver.know(&name, &arn, attributes);
            applied.push(Applied { name, kind, properties, arn });
        }
        Ok(())
    }

    /// Creates the same resource once more, in a stand-in that forgot it.
    pub(super) async fn recreate(&self, resource: &Applied) -> Result<Applied, String> {
        let arn = self.create(resource.kind, &resource.properties).await?;
        Ok(Applied { arn, ..resource.clone() })
    }

    /// Deletes resources from the stand-ins; one that is gone already is no error.
    pub(super) async fn undo(&self, applied: &[Applied]) -> Result<(), String> {
        for resource in applied {
            let (method, path, body) = match resource.kind {
                Kind::AutomationRule => {
                    let body = json!({ "AutomationRulesArns": [resource.arn] });
                    (Method::POST, "/automationrules/delete".to_owned(), Some(body))
                }
                Kind::ActionTarget => (Method::DELETE, format!("/actionTargets/{}", resource.arn), None),
            };
            match self.aws.rest("securityhub", method, &path, body.as_ref()).await {
                Err(error) if error.code != "ResourceNotFoundException" => return Err(error.to_string()),
                _ => {}
            }
        }
        Ok(())
    }

    async fn create(&self, kind: Kind, properties: &Value) -> Result<String, String> {
        let (path, member) = kind.creation();
        let answer = self.aws.rest("securityhub", Method::POST, path, Some(properties)).await?;
        let arn = answer.get(member).and_then(Value::as_str);
        arn.map(str::to_owned).ok_or_else(|| format!("{}: no `{member}` in `{answer}`", kind.type_name()))
    }
}

fn take_out(template: &mut Value) -> Vec<(String, Kind, Value)> {
    let Some(resources) = template.get_mut("Resources").and_then(Value::as_object_mut) else {
        return Vec::new();
    };
    let all = std::mem::take(resources);
    let mut taken = Vec::new();
    for (name, resource) in all {
        match Kind::of(&resource) {
            Some(kind) => taken.push((name, kind, resource)),
            None => {
                resources.insert(name, resource);
            }
        }
    }
    taken
}

pub(super) fn condition_holds(resource: &Value, resolver: &Resolver) -> Result<bool, String> {
    resource.get("Condition").and_then(Value::as_str).map_or(Ok(true), |name| resolver.condition(name))
}

/// CloudFormation converts parameters, which are text, to the type that a property has; the API does not.
fn typed(mut properties: Value) -> Value {
    if let Some(members) = properties.as_object_mut() {
        for name in ["RuleOrder", "IsTerminal"] {
            let converted = members.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok());
            if let Some(value) = converted {
                members.insert(name.to_owned(), value);
            }
        }
    }
    properties
}

/// Replaces `Ref`, `Fn::GetAtt` and `Fn::Sub` of a resource by its values, `None` by `AWS::NoValue`, and
/// takes it out of every `DependsOn`.
pub(super) fn replace_references(
    value: &mut Value,
    name: &str,
    values: Option<(&str, &BTreeMap<String, String>)>,
) {
    let absent = || json!({ "Ref": "AWS::NoValue" });
    match value {
        Value::Object(object) => {
            if let Some(replacement) = reference_to(object, name) {
                *value = match (values, replacement) {
                    (None, _) => absent(),
                    (Some((reference, _)), None) => json!(reference),
                    (Some((_, attributes)), Some(attribute)) => {
                        attributes.get(&attribute).map_or_else(absent, |value| json!(value))
                    }
                };
                return;
            }
            remove_dependency(object, name);
            if let Some(format) = object.get_mut("Fn::Sub") {
                let format = match format {
                    Value::Array(parts) => parts.first_mut(),
                    format => Some(format),
                };
                if let (Some(Value::String(format)), Some((reference, attributes))) = (format, values) {
                    *format = format.replace(&format!("${{{name}}}"), reference);
                    for (attribute, value) in attributes {
                        *format = format.replace(&format!("${{{name}.{attribute}}}"), value);
                    }
                }
            }
            object.values_mut().for_each(|member| replace_references(member, name, values));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace_references(item, name, values)),
        _ => {}
    }
}

/// `Some(None)` for a `Ref` to the resource, `Some(Some(attribute))` for a `Fn::GetAtt`.
fn reference_to(object: &Map<String, Value>, name: &str) -> Option<Option<String>> {
    if object.get("Ref").and_then(Value::as_str) == Some(name) {
        return Some(None);
    }
    match object.get("Fn::GetAtt")?.as_array()?.as_slice() {
        [Value::String(resource), Value::String(attribute)] if resource == name => {
            Some(Some(attribute.clone()))
        }
        _ => None,
    }
}

fn remove_dependency(object: &mut Map<String, Value>, name: &str) {
    match object.get_mut("DependsOn") {
        Some(Value::Array(names)) => names.retain(|other| other != name),
        Some(Value::String(only)) if only == name => {
            object.remove("DependsOn");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_values() {
        let attributes = BTreeMap::from([("Arn".to_owned(), "arn:x".to_owned())]);
        let cases = [
            (
                json!({ "a": { "Ref": "X" } }),
                json!({ "a": "ref" }),
                json!({ "a": { "Ref": "AWS::NoValue" } }),
            ),
            (json!([{ "Fn::GetAtt": ["X", "Arn"] }]), json!(["arn:x"]), json!([{ "Ref": "AWS::NoValue" }])),
            (
                json!({ "Fn::Sub": "${X}/${X.Arn}/${Y}" }),
                json!({ "Fn::Sub": "ref/arn:x/${Y}" }),
                json!({ "Fn::Sub": "${X}/${X.Arn}/${Y}" }),
            ),
            (
                json!({ "Fn::Sub": ["${X.Arn}${v}", { "v": { "Ref": "X" } }] }),
                json!({ "Fn::Sub": ["arn:x${v}", { "v": "ref" }] }),
                json!({ "Fn::Sub": ["${X.Arn}${v}", { "v": { "Ref": "AWS::NoValue" } }] }),
            ),
            (
                json!({ "DependsOn": ["X", "Y"] }),
                json!({ "DependsOn": ["Y"] }),
                json!({ "DependsOn": ["Y"] }),
            ),
            (json!({ "DependsOn": "X", "b": 1 }), json!({ "b": 1 }), json!({ "b": 1 })),
            (json!({ "Ref": "Y" }), json!({ "Ref": "Y" }), json!({ "Ref": "Y" })),
        ];
        for (before, with_value, without) in cases {
            let mut value = before.clone();
            replace_references(&mut value, "X", Some(("ref", &attributes)));
            assert_eq!(value, with_value, "{before}");
            let mut value = before.clone();
            replace_references(&mut value, "X", None);
            assert_eq!(value, without, "{before}");
        }
    }

    #[test]
    fn text_becomes_what_the_api_takes() {
        let properties = typed(json!({ "RuleOrder": "7", "IsTerminal": "false", "RuleName": "8" }));
        assert_eq!(properties, json!({ "RuleOrder": 7, "IsTerminal": false, "RuleName": "8" }));
    }
}
