use std::collections::BTreeMap;
use std::fmt;

use eventide_testing::template::Resolver;
use serde_json::{Map, Value, json};

use super::Deployer;
use super::kinds::{Kind, Made};

/// A resource that a stand-in holds for a stack.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    name: String,
    kind: Kind,
    /// What stays the same when it is created again.
    token: String,
    properties: Value,
    made: Made,
}

impl Applied {
    /// What `Ref` gives.
    pub(super) fn reference(&self) -> &str {
        &self.made.reference
    }

    pub(super) fn is_the_same_as(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name, self.kind.type_name(), self.reference())
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
        let stack = resolver.resolve(&json!({ "Ref": "AWS::StackName" }))?;
        for (name, kind, resource) in take_out(template) {
            if !condition_holds(&resource, resolver)? {
                replace_references(template, &name, None);
                continue;
            }
            let refused = |error: String| format!("`{name}`: {error}");
            let properties =
                resolver.resolve(resource.get("Properties").unwrap_or(&Value::Null)).map_err(refused)?;
            let properties = kind.typed(properties);
            let token = format!("{}/{name}", stack.as_str().unwrap_or_default());
            let made = kind.create(&self.aws, &token, &properties).await.map_err(refused)?;
            replace_references(template, &name, Some((&made.reference, &made.attributes)));
            resolver.know(&name, &made.reference, made.attributes.clone());
            applied.push(Applied { name, kind, token, properties, made });
        }
        Ok(())
    }

    /// Creates the same resource once more, in a stand-in that forgot it.
    pub(super) async fn recreate(&self, resource: &Applied) -> Result<Applied, String> {
        let made = resource.kind.create(&self.aws, &resource.token, &resource.properties).await?;
        Ok(Applied { made, ..resource.clone() })
    }

    /// Deletes resources from the stand-ins, the last first; one that is gone already is no error.
    pub(super) async fn undo(&self, applied: &[Applied]) -> Result<(), String> {
        for resource in applied.iter().rev() {
            match resource.kind.delete(&self.aws, &resource.made, &resource.properties).await {
                Err(error)
                    if !["ResourceNotFoundException", "NotFoundException"].contains(&error.code.as_str()) =>
                {
                    return Err(error.to_string());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The resources that stand-ins hold, in the order in which they can refer to one another.
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
    taken.sort_by_key(|(_, kind, _)| *kind);
    taken
}

pub(super) fn condition_holds(resource: &Value, resolver: &Resolver) -> Result<bool, String> {
    resource.get("Condition").and_then(Value::as_str).map_or(Ok(true), |name| resolver.condition(name))
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
}
