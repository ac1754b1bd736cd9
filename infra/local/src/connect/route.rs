//! The operations that are covered, by HTTP method and path (Connect service model).

use serde_json::{Map, Value};

use super::refusal::{Outcome, Refusal};
use crate::service::Call;

/// The operation of a call, if it is covered.
pub(super) fn operation(call: &Call) -> Option<&'static str> {
    match (call.method.as_str(), call.path.trim_end_matches('/')) {
        ("PUT", "/contact/chat") => Some("StartChatContact"),
        ("PUT", "/contact/outbound-voice") => Some("StartOutboundVoiceContact"),
        ("POST", "/contact/stop") => Some("StopContact"),
        ("GET", path) if labels(path).is_some() => Some("DescribeContact"),
        _ => None,
    }
}

/// Instance and contact of `/contacts/{InstanceId}/{ContactId}`.
fn labels(path: &str) -> Option<(&str, &str)> {
    let (instance, contact) = path.strip_prefix("/contacts/")?.split_once('/')?;
    (!instance.is_empty() && !contact.is_empty() && !contact.contains('/')).then_some((instance, contact))
}

/// The operation, and the members of its input from body and path.
pub(super) fn read(call: &Call) -> Outcome<Option<(&'static str, Map<String, Value>)>> {
    let Some(operation) = operation(call) else { return Ok(None) };
    let mut input = object(&call.body)?;
    if let Some((instance, contact)) = labels(call.path.trim_end_matches('/')) {
        input.insert("InstanceId".into(), instance.into());
        input.insert("ContactId".into(), contact.into());
    }
    Ok(Some((operation, input)))
}

/// A body's members; an empty body has none.
pub(super) fn object(body: &[u8]) -> Outcome<Map<String, Value>> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body)
        .map_err(|error| Refusal::serialization(format!("not a JSON object (line {})", error.line())))
}
