//! Checks on the members of a request. Each says what is wrong in a message that names the member.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A checked value, or what is wrong with it.
pub(super) type Checked<T> = Result<T, String>;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// The value as an object.
pub(super) fn object<'a>(value: &'a Value, at: &str) -> Checked<&'a Object> {
    value.as_object().ok_or_else(|| format!("invalid parameter `{at}`: expected a structure"))
}

/// The member, unless it is absent or null.
pub(super) fn member<'a>(object: &'a Object, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

/// The member, if it is a structure.
pub(super) fn structure<'a>(holder: &'a Object, key: &str) -> Checked<Option<&'a Object>> {
    member(holder, key).map(|value| object(value, key)).transpose()
}

/// The member, if it is a string of 1 to `longest` characters that are not all blank.
pub(super) fn text<'a>(object: &'a Object, key: &str, longest: usize) -> Checked<Option<&'a str>> {
    member(object, key).map(|value| a_text(value, key, longest)).transpose()
}

/// The same, where the member must be there.
pub(super) fn required_text<'a>(object: &'a Object, key: &str, longest: usize) -> Checked<&'a str> {
    text(object, key, longest)?.ok_or_else(|| missing(key))
}

/// The value as a string of 1 to `longest` characters that are not all blank.
pub(super) fn a_text<'a>(value: &'a Value, at: &str, longest: usize) -> Checked<&'a str> {
    let text = value.as_str().ok_or_else(|| format!("invalid parameter `{at}`: expected a string"))?;
    if text.trim().is_empty() {
        return Err(format!("invalid parameter `{at}`: must not be blank"));
    }
    let length = text.chars().count();
    if length > longest {
        return Err(format!("invalid parameter `{at}`: {length} characters, at most {longest} are allowed"));
    }
    Ok(text)
}

/// The member, if it is one of the words.
pub(super) fn word<'a>(object: &'a Object, key: &str, words: &[&str]) -> Checked<Option<&'a str>> {
    let Some(found) = text(object, key, usize::MAX)? else { return Ok(None) };
    if words.contains(&found) {
        Ok(Some(found))
    } else {
        Err(format!("invalid parameter `{key}`: `{found}` is none of {}", words.join(", ")))
    }
}

/// The member, if it is a whole number within the range.
pub(super) fn integer(object: &Object, key: &str, range: RangeInclusive<i64>) -> Checked<Option<i64>> {
    let Some(value) = member(object, key) else { return Ok(None) };
    match value.as_i64() {
        Some(number) if range.contains(&number) => Ok(Some(number)),
        _ => Err(format!(
            "invalid parameter `{key}`: `{value}` is no whole number from {} to {}",
            range.start(),
            range.end()
        )),
    }
}

/// The member, if it is true or false.
pub(super) fn boolean(object: &Object, key: &str) -> Checked<Option<bool>> {
    let Some(value) = member(object, key) else { return Ok(None) };
    value.as_bool().map(Some).ok_or_else(|| format!("invalid parameter `{key}`: expected true or false"))
}

/// The member, if it is a list with a number of items within the range.
pub(super) fn list<'a>(
    object: &'a Object,
    key: &str,
    range: RangeInclusive<usize>,
) -> Checked<Option<&'a [Value]>> {
    let Some(value) = member(object, key) else { return Ok(None) };
    let items = value.as_array().ok_or_else(|| format!("invalid parameter `{key}`: expected a list"))?;
    if range.contains(&items.len()) {
        Ok(Some(items))
    } else {
        Err(format!(
            "invalid parameter `{key}`: {} items, expected {} to {}",
            items.len(),
            range.start(),
            range.end()
        ))
    }
}

/// The same, where the member must be there.
pub(super) fn required_list<'a>(
    object: &'a Object,
    key: &str,
    range: RangeInclusive<usize>,
) -> Checked<&'a [Value]> {
    list(object, key, range)?.ok_or_else(|| missing(key))
}

/// The limits of a map from strings to strings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pairs {
    /// The most pairs.
    pub(super) pairs: usize,
    /// The most characters of a key.
    pub(super) key: usize,
    /// The most characters of a value.
    pub(super) value: usize,
    /// Whether values may be blank.
    pub(super) blank: bool,
}

/// The member, if it is a map from strings to strings within the limits.
pub(super) fn text_map<'a>(holder: &'a Object, at: &str, limits: Pairs) -> Checked<Option<&'a Object>> {
    let Some(map) = structure(holder, at)? else { return Ok(None) };
    let Pairs { pairs, key, value, blank } = limits;
    if map.len() > pairs {
        return Err(format!("invalid parameter `{at}`: {} pairs, at most {pairs} are allowed", map.len()));
    }
    for (name, found) in map {
        if name.trim().is_empty() || name.chars().count() > key {
            return Err(format!("invalid parameter `{at}`: key `{name}` must have 1 to {key} characters"));
        }
        if !(blank && found.as_str().is_some_and(|text| text.trim().is_empty())) {
            a_text(found, &format!("{at}.{name}"), value)?;
        }
    }
    Ok(Some(map))
}

/// The member, if it is a timestamp as Security Hub takes them: `2024-01-04T15:25:10.123Z`, or with an
/// offset `+17:59` or `-1759` (Security Hub API reference, Timestamps).
pub(super) fn timestamp(object: &Object, key: &str) -> Checked<Option<OffsetDateTime>> {
    let Some(found) = text(object, key, usize::MAX)? else { return Ok(None) };
    parse_time(found).map(Some).ok_or_else(|| {
        format!("invalid parameter `{key}`: `{found}` is no timestamp such as `2019-01-31T23:00:00Z`")
    })
}

/// The time that a string gives, if it is a timestamp as Security Hub takes them.
pub(super) fn parse_time(found: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(found, &Rfc3339).ok().or_else(|| {
        // `-1759`: the offset without its colon, which RFC 3339 does not know.
        let (head, minutes) = found.split_at_checked(found.len().checked_sub(2)?)?;
        OffsetDateTime::parse(&format!("{head}:{minutes}"), &Rfc3339).ok()
    })
}

/// What is said of a member that has to be there and is not.
pub(super) fn missing(key: &str) -> String {
    format!("invalid parameter `{key}`: it is required")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn timestamps_are_those_that_security_hub_takes() {
        for (text, taken) in [
            ("2019-01-31T23:00:00Z", true),
            ("2019-01-31T23:00:00.123456789Z", true),
            ("2024-01-04T15:25:10+17:59", true),
            ("2024-01-04T15:25:10-1759", true),
            ("2024-01-04T15:25:10", false),
            ("2024-01-04", false),
            ("1704381910", false),
            ("", false),
            ("é", false),
        ] {
            assert_eq!(parse_time(text).is_some(), taken, "{text}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(a_text(&json!("ééé"), "Note", 3), Ok("ééé"));
        assert!(a_text(&json!("éééé"), "Note", 3).unwrap_err().contains("4 characters, at most 3"));
        assert!(a_text(&json!("  "), "Note", 3).unwrap_err().contains("blank"));
        assert!(a_text(&json!(3), "Note", 3).unwrap_err().contains("expected a string"));
    }
}
