use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Where a template is deployed: what its pseudo parameters stand for.
#[derive(Clone, Debug)]
pub struct Scope {
    /// `AWS::AccountId`.
    pub account: String,
    /// `AWS::Region`; the partition follows from it.
    pub region: String,
    /// `AWS::StackName`.
    pub stack: String,
}

/// Evaluates a template's intrinsic functions for given parameters.
#[derive(Clone, Debug)]
pub struct Resolver {
    scope: Scope,
    parameters: BTreeMap<String, Value>,
    conditions: Value,
    mappings: Value,
    resources: BTreeMap<String, BTreeMap<String, String>>,
}

impl Resolver {
    /// A resolver for a template in the JSON long form. Parameters that are not given take their defaults.
    ///
    /// # Errors
    /// A parameter that the template does not have, or one without default that is not given.
    pub fn new(template: &Value, given: &BTreeMap<String, String>, scope: Scope) -> Result<Self, String> {
        let declared = template.get("Parameters").and_then(Value::as_object).cloned().unwrap_or_default();
        if let Some(name) = given.keys().find(|name| !declared.contains_key(*name)) {
            return Err(format!("parameter `{name}`, which the template does not have"));
        }
        let mut parameters = BTreeMap::new();
        for (name, declaration) in declared {
            let value = match (given.get(&name), declaration.get("Default")) {
                (Some(value), _) => value.clone(),
                (None, Some(default)) => text(default)?,
                (None, None) => return Err(format!("parameter `{name}` has no default and no value")),
            };
            let kind = declaration.get("Type").and_then(Value::as_str).unwrap_or("String");
            let value = if kind == "CommaDelimitedList" || kind.starts_with("List<") {
                value.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
            } else {
                Value::String(value)
            };
            parameters.insert(name, value);
        }
        let section = |name| template.get(name).cloned().unwrap_or_default();
        Ok(Self {
            scope,
            parameters,
            conditions: section("Conditions"),
            mappings: section("Mappings"),
            resources: BTreeMap::new(),
        })
    }

    /// The parameters' values, lists as arrays.
    #[must_use]
    pub fn parameters(&self) -> &BTreeMap<String, Value> {
        &self.parameters
    }

    /// Makes a resource known: what `Ref` gives, and what `Fn::GetAtt` gives by attribute.
    pub fn know(&mut self, resource: &str, reference: &str, attributes: BTreeMap<String, String>) {
        let mut values = attributes;
        values.insert(String::new(), reference.to_owned());
        self.resources.insert(resource.to_owned(), values);
    }

    /// Whether a condition of the template holds.
    ///
    /// # Errors
    /// A condition that is not there or cannot be evaluated.
    pub fn condition(&self, name: &str) -> Result<bool, String> {
        let condition = self.conditions.get(name).ok_or_else(|| format!("no condition `{name}`"))?;
        self.truth(condition).map_err(|error| format!("condition `{name}`: {error}"))
    }

    /// The value with every intrinsic function evaluated; what is `AWS::NoValue` is left out.
    ///
    /// # Errors
    /// A reference to something unknown, or a function that is not covered.
    pub fn resolve(&self, value: &Value) -> Result<Value, String> {
        Ok(self.resolve_present(value)?.unwrap_or(Value::Null))
    }

    fn resolve_present(&self, value: &Value) -> Result<Option<Value>, String> {
        match value {
            Value::Object(object) => {
                if let (1, Some((name, argument))) = (object.len(), object.iter().next())
                    && (name == "Ref" || name.starts_with("Fn::"))
                {
                    return self.function(name, argument);
                }
                let mut resolved = Map::new();
                for (name, member) in object {
                    if let Some(member) = self.resolve_present(member)? {
                        resolved.insert(name.clone(), member);
                    }
                }
                Ok(Some(Value::Object(resolved)))
            }
            Value::Array(items) => {
                let items = items.iter().filter_map(|item| self.resolve_present(item).transpose());
                Ok(Some(Value::Array(items.collect::<Result<_, _>>()?)))
            }
            value => Ok(Some(value.clone())),
        }
    }

    fn function(&self, name: &str, argument: &Value) -> Result<Option<Value>, String> {
        Ok(Some(match (name, argument.as_array().map(Vec::as_slice)) {
            ("Ref", _) => return self.reference(&text(argument)?),
            ("Fn::GetAtt", Some([resource, attribute])) => {
                Value::String(self.attribute(&text(resource)?, &text(attribute)?)?)
            }
            ("Fn::Sub", Some([format, names])) => self.substitute(&text(format)?, names)?,
            ("Fn::Sub", None) => self.substitute(&text(argument)?, &Value::Null)?,
            ("Fn::If", Some([condition, then, otherwise])) => {
                let branch = if self.condition(&text(condition)?)? { then } else { otherwise };
                return self.resolve_present(branch);
            }
            ("Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not", _) => {
                Value::Bool(self.truth(&json!({ name: argument }))?)
            }
            ("Fn::Join", Some([separator, items])) => {
                let items = self.resolve(items)?;
                let items = items.as_array().ok_or("`Fn::Join` of what is no list")?;
                let items = items.iter().map(text).collect::<Result<Vec<_>, _>>()?;
                Value::String(items.join(&text(separator)?))
            }
            ("Fn::Split", Some([separator, value])) => {
                text(&self.resolve(value)?)?.split(&text(separator)?).collect()
            }
            ("Fn::Select", Some([index, items])) => {
                let index = text(&self.resolve(index)?)?;
                let items = self.resolve(items)?;
                let item = index.parse::<usize>().ok().and_then(|index| items.get(index));
                item.cloned().ok_or_else(|| format!("`Fn::Select` of item `{index}`, which is not there"))?
            }
            ("Fn::FindInMap", Some([map, first, second])) => {
                let keys = [map, first, second].map(|key| self.resolve(key).and_then(|key| text(&key)));
                let [map, first, second] = keys;
                let (map, first, second) = (map?, first?, second?);
                let found = self.mappings.get(&map).and_then(|map| map.get(&first)?.get(&second));
                found.cloned().ok_or_else(|| format!("no mapping `{map}.{first}.{second}`"))?
            }
            _ => return Err(format!("`{name}` of `{argument}` is not covered")),
        }))
    }

    fn reference(&self, name: &str) -> Result<Option<Value>, String> {
        let region = &self.scope.region;
        let (partition, suffix) = match region.split('-').next() {
            Some("cn") => ("aws-cn", "amazonaws.com.cn"),
            Some("us") if region.starts_with("us-gov-") => ("aws-us-gov", "amazonaws.com"),
            _ => ("aws", "amazonaws.com"),
        };
        Ok(Some(match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::AccountId" => json!(self.scope.account),
            "AWS::Region" => json!(region),
            "AWS::Partition" => json!(partition),
            "AWS::URLSuffix" => json!(suffix),
            "AWS::StackName" => json!(self.scope.stack),
            name => match self.parameters.get(name) {
                Some(value) => value.clone(),
                None => Value::String(self.attribute(name, "")?),
            },
        }))
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Result<String, String> {
        let found = self.resources.get(resource).and_then(|resource| resource.get(attribute));
        found.cloned().ok_or_else(|| match attribute {
            "" => format!("`{resource}` is neither a parameter nor a resource that is known here"),
            _ => format!("`{resource}.{attribute}` is not known here"),
        })
    }

    fn substitute(&self, format: &str, names: &Value) -> Result<Value, String> {
        let mut result = String::new();
        let mut rest = format;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) =
                after.split_once('}').ok_or_else(|| format!("`{format}`: no closing brace"))?;
            result.push_str(before);
            match (name.strip_prefix('!'), names.get(name)) {
                (Some(literal), _) => result.push_str(&format!("${{{literal}}}")),
                (None, Some(value)) => result.push_str(&text(&self.resolve(value)?)?),
                (None, None) => match name.split_once('.') {
                    Some((resource, attribute)) => result.push_str(&self.attribute(resource, attribute)?),
                    None => result.push_str(&text(&self.reference(name)?.unwrap_or_default())?),
                },
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(Value::String(result))
    }

    fn truth(&self, condition: &Value) -> Result<bool, String> {
        let object = condition.as_object().filter(|object| object.len() == 1);
        let (name, argument) = object
            .and_then(|object| object.iter().next())
            .ok_or_else(|| format!("`{condition}`, expected a condition function"))?;
        match (name.as_str(), argument.as_array().map(Vec::as_slice)) {
            ("Condition", _) => self.condition(&text(argument)?),
            ("Fn::Equals", Some([left, right])) => {
                let (left, right) = (self.resolve(left)?, self.resolve(right)?);
                Ok(left == right || matches!((text(&left), text(&right)), (Ok(l), Ok(r)) if l == r))
            }
            ("Fn::Not", Some([condition])) => Ok(!self.truth(condition)?),
            ("Fn::And", Some(conditions)) => {
                conditions.iter().try_fold(true, |all, condition| Ok(self.truth(condition)? && all))
            }
            ("Fn::Or", Some(conditions)) => {
                conditions.iter().try_fold(false, |any, condition| Ok(self.truth(condition)? || any))
            }
            _ => Err(format!("`{condition}`, expected a condition function")),
        }
    }
}

/// A scalar as CloudFormation writes it into text.
fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        value => Err(format!("`{value}`, expected text")),
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
