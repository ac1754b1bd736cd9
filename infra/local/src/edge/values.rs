//! What resolved templates hold: parameters are text in them, whatever the property's type.

use serde_json::Value;

/// A member that is text.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str()
}

/// A member that has to be there.
pub(super) fn required<'a>(value: &'a Value, member: &str) -> Result<&'a str, String> {
    text(value, member).ok_or_else(|| format!("no `{member}`"))
}

/// A member that is a boolean, or the text of one; `false` where it is not there.
pub(super) fn flag(value: &Value, member: &str) -> bool {
    matches!(value.get(member), Some(Value::Bool(true)))
        || text(value, member).is_some_and(|text| text == "true")
}

/// A member that is a number, or the text of one.
pub(super) fn number(value: &Value, member: &str) -> Result<Option<f64>, String> {
    match value.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(found) => {
            let number = found.as_f64().or_else(|| found.as_str().and_then(|text| text.parse().ok()));
            number.map(Some).ok_or_else(|| format!("`{member}` `{found}`, expected a number"))
        }
    }
}

/// A member that is a list of text; empty where it is not there.
pub(super) fn list(value: &Value, member: &str) -> Vec<String> {
    let items = value.get(member).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Refuses members that would change what the edge does and that it does not do.
pub(super) fn refuse(value: &Value, what: &str, members: &[&str]) -> Result<(), String> {
    let says = |member: &&&str| match value.get(**member) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(members)) => !members.is_empty(),
        Some(_) => true,
    };
    match members.iter().find(says) {
        Some(member) => Err(format!("the local edge does not cover `{member}` of {what}")),
        None => Ok(()),
    }
}
