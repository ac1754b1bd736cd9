//! References to parameters of type Number as numbers. CloudFormation hands every parameter on as text, and the
//! services read a number out of it; MiniStack compares it as it comes.

use serde_json::{Map, Value};

/// Members whose members are text in AWS, too, whatever they look like.
const TEXT: [&str; 2] = ["Variables", "Outputs"];

/// Puts the values of Number parameters in the place of references to them, wherever a number can stand.
pub(super) fn give_numbers(template: &mut Value, parameters: &std::collections::BTreeMap<String, Value>) {
    let is_number =
        |name: &str| template.pointer(&format!("/Parameters/{name}/Type")) == Some(&"Number".into());
    let numbers: Map<String, Value> = parameters
        .iter()
        .filter(|(name, _)| is_number(name))
        .filter_map(|(name, value)| Some((name.clone(), number(value)?)))
        .collect();
    if let Some(resources) = template.get_mut("Resources") {
        replace(resources, &numbers);
    }
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_number),
        _ => None,
    }
}

fn replace(value: &mut Value, numbers: &Map<String, Value>) {
    match value {
        Value::Object(object) => {
            let referenced = object.get("Ref").and_then(Value::as_str).and_then(|name| numbers.get(name));
            if let Some(number) = referenced.filter(|_| object.len() == 1) {
                *value = number.clone();
                return;
            }
            for (name, member) in object {
                if !TEXT.contains(&name.as_str()) {
                    replace(member, numbers);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, numbers)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_number_parameters_become_numbers_and_only_where_a_number_can_stand() {
        let mut template = json!({
            "Parameters": { "Count": { "Type": "Number" }, "Name": { "Type": "String" } },
            "Resources": { "A": {
                "Limits": [{ "Ref": "Count" }, { "Ref": "Name" }],
                "Environment": { "Variables": { "COUNT": { "Ref": "Count" } } }
            } }
        });
        let parameters = [("Count".to_owned(), json!("5")), ("Name".to_owned(), json!("7"))].into();
        give_numbers(&mut template, &parameters);
        assert_eq!(template.pointer("/Resources/A/Limits"), Some(&json!([5, { "Ref": "Name" }])));
        let variable = template.pointer("/Resources/A/Environment/Variables/COUNT");
        assert_eq!(variable, Some(&json!({ "Ref": "Count" })));
    }
}
