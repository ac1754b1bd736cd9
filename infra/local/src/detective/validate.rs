//! What the API demands of a request's members, and the errors it answers otherwise.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::arn;
use crate::service::Reply;

/// `ValidationException`, 400.
pub(super) fn invalid(message: &str) -> Reply {
    Reply::error(400, "ValidationException", message)
}

/// `ResourceNotFoundException`, 404.
pub(super) fn not_found(message: &str) -> Reply {
    Reply::error(404, "ResourceNotFoundException", message)
}

/// `TooManyRequestsException`, 429.
pub(super) fn too_many(message: &str) -> Reply {
    Reply::error(429, "TooManyRequestsException", message)
}

fn broken(value: &str, member: &str, constraint: &str) -> Reply {
    let (head, tail) = member.split_at_checked(1).unwrap_or((member, ""));
    let member = format!("{}{tail}", head.to_lowercase());
    invalid(&format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: Member must {constraint}"
    ))
}

/// A text member, if there is one; `null` counts as absent.
pub(super) fn text<'a>(body: &'a Value, member: &str) -> Result<Option<&'a str>, Reply> {
    match body.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Reply::error(400, "SerializationException", &format!("`{member}` must be a string"))),
    }
}

fn required<'a>(body: &'a Value, member: &str) -> Result<&'a str, Reply> {
    text(body, member)?.ok_or_else(|| broken("null", member, "not be null"))
}

/// A text member of at least one and at most `max` characters.
pub(super) fn sized<'a>(body: &'a Value, member: &str, max: usize) -> Result<Option<&'a str>, Reply> {
    let found = text(body, member)?;
    match found.map(|found| found.chars().count()) {
        Some(0) => Err(broken("''", member, "have length greater than or equal to 1")),
        Some(length) if length > max => {
            Err(broken("(not shown)", member, &format!("have length less than or equal to {max}")))
        }
        _ => Ok(found),
    }
}

/// A text member with one of the given values.
pub(super) fn one_of<'a>(body: &'a Value, member: &str, values: &[&str]) -> Result<Option<&'a str>, Reply> {
    match text(body, member)? {
        Some(found) if !values.contains(&found) => Err(broken(
            &format!("'{found}'"),
            member,
            &format!("satisfy enum value set: [{}]", values.join(", ")),
        )),
        found => Ok(found),
    }
}

/// As [`one_of`], and it must be there.
pub(super) fn required_one_of<'a>(body: &'a Value, member: &str, values: &[&str]) -> Result<&'a str, Reply> {
    one_of(body, member, values)?.ok_or_else(|| broken("null", member, "not be null"))
}

/// `GraphArn`.
pub(super) fn graph_arn(body: &Value) -> Result<&str, Reply> {
    let found = required(body, "GraphArn")?;
    if arn::is_graph(found) {
        return Ok(found);
    }
    let pattern = r"^arn:aws[-\w]{0,10}?:detective:[-\w]{2,20}?:\d{12}?:graph:[abcdef\d]{32}?$";
    Err(broken(&format!("'{found}'"), "GraphArn", &format!("satisfy regular expression pattern: {pattern}")))
}

/// `InvestigationId`: exactly 21 digits.
pub(super) fn investigation_id(body: &Value) -> Result<&str, Reply> {
    let found = required(body, "InvestigationId")?;
    if found.len() == 21 && found.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(found);
    }
    Err(broken(&format!("'{found}'"), "InvestigationId", "be exactly 21 digits"))
}

/// `EntityArn` with its `EntityType`.
pub(super) fn entity(body: &Value) -> Result<(&str, &'static str), Reply> {
    let found = required(body, "EntityArn")?;
    if !found.starts_with("arn:") {
        return Err(broken(
            &format!("'{found}'"),
            "EntityArn",
            "satisfy regular expression pattern: ^arn:.*",
        ));
    }
    let entity_type = arn::entity_type(found)
        .ok_or_else(|| invalid(&format!("`{found}` is not the ARN of an IAM user or IAM role")))?;
    Ok((found, entity_type))
}

/// `MaxResults`, from 1 to `max`.
pub(super) fn max_results(body: &Value, max: usize) -> Result<Option<usize>, Reply> {
    let value = match body.get("MaxResults") {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let number = value
        .as_i64()
        .ok_or_else(|| Reply::error(400, "SerializationException", "`MaxResults` must be an integer"))?;
    match usize::try_from(number) {
        Ok(found) if (1..=max).contains(&found) => Ok(Some(found)),
        _ => Err(broken(&format!("'{number}'"), "MaxResults", &format!("be between 1 and {max}"))),
    }
}

/// A time in ISO 8601, which the protocol prescribes for this API.
pub(super) fn timestamp(body: &Value, member: &str) -> Result<OffsetDateTime, Reply> {
    OffsetDateTime::parse(required(body, member)?, &Rfc3339).map_err(|_| {
        Reply::error(400, "SerializationException", &format!("`{member}` must be an ISO 8601 timestamp"))
    })
}

/// An object member, if there is one.
pub(super) fn object<'a>(body: &'a Value, member: &str) -> Result<Option<&'a Value>, Reply> {
    match body.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(found) if found.is_object() => Ok(Some(found)),
        Some(_) => Err(Reply::error(400, "SerializationException", &format!("`{member}` must be an object"))),
    }
}

/// A time as the API writes it, in milliseconds.
pub(super) fn written(at: OffsetDateTime) -> String {
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()
}
