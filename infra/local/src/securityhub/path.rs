//! Reading values out of findings by dotted path.

use serde_json::Value;

/// Every value at the path. Lists on the way and at its end are walked through; null and absent members
/// give nothing. The empty path is the finding itself.
pub(super) fn values<'a>(finding: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = spread(finding);
    for key in path.split('.').filter(|key| !key.is_empty()) {
        found = found.into_iter().filter_map(|value| value.get(key)).flat_map(spread).collect();
    }
    found
}

/// The first string at the path.
pub(super) fn text<'a>(finding: &'a Value, path: &str) -> Option<&'a str> {
    values(finding, path).into_iter().find_map(Value::as_str)
}

/// The value of a key in what filters take for a map: an object, or, in OCSF, one of a list of
/// `{name, value}`.
pub(super) fn pairs<'a>(map: &'a Value, key: &str) -> Option<&'a str> {
    let listed = || {
        let name = map.get("name").and_then(Value::as_str)?;
        if name == key { map.get("value") } else { None }
    };
    map.get(key).or_else(listed).and_then(Value::as_str)
}

fn spread(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        value => vec![value],
    }
}
