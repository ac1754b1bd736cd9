//! Members that several operations have.

use std::collections::BTreeMap;

use super::refusal::{Outcome, Refusal};
use super::settings::Settings;
use crate::messages::input::{Input, required, word_character};

/// Bytes of all attributes of a contact, names and values (API reference, `Attributes`).
const ATTRIBUTE_BYTES: usize = 32_768;

/// The id behind an id or an ARN.
fn id_of(given: &str) -> &str {
    given.rsplit('/').next().unwrap_or(given)
}

/// The instance that a call names.
pub(super) fn instance<'a>(settings: &Settings, input: Input<'a>) -> Outcome<&'a str> {
    let instance = id_of(required("InstanceId", input.sized("InstanceId", 1..=100)?)?);
    if settings.instances.iter().any(|known| known == instance) {
        return Ok(instance);
    }
    Err(Refusal::not_found("Instance"))
}

/// The flow that a contact begins with.
pub(super) fn flow<'a>(settings: &Settings, input: Input<'a>) -> Outcome<&'a str> {
    let flow = id_of(required("ContactFlowId", input.sized("ContactFlowId", 1..=500)?)?);
    if settings.flows.iter().any(|known| known == flow) {
        return Ok(flow);
    }
    Err(Refusal::not_found("Contact flow"))
}

/// The queue that a call names, if it does.
pub(super) fn queue<'a>(settings: &Settings, input: Input<'a>) -> Outcome<Option<&'a str>> {
    let Some(queue) = input.text("QueueId")?.map(id_of) else { return Ok(None) };
    if settings.queues.iter().any(|known| known == queue) {
        return Ok(Some(queue));
    }
    Err(Refusal::not_found("Queue"))
}

/// `Attributes`: names of letters, digits, dashes and underscores; 32,768 bytes together.
pub(super) fn attributes(input: Input<'_>) -> Outcome<BTreeMap<String, String>> {
    let pairs = input.pairs("Attributes")?;
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > ATTRIBUTE_BYTES {
        return Err(Refusal::field("Attributes", format!("must have at most {ATTRIBUTE_BYTES} bytes")));
    }
    if pairs.iter().any(|(name, _)| name.is_empty() || !name.chars().all(word_character)) {
        return Err(Refusal::field("Attributes", "a name must be alphanumeric, with dashes and underscores"));
    }
    Ok(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// A phone number in E.164 (`\+[1-9]\d{1,14}`), if there is one.
pub(super) fn phone<'a>(input: Input<'a>, member: &str) -> Outcome<Option<&'a str>> {
    let number = input.text(member)?;
    let is_e164 = |number: &str| {
        number.strip_prefix('+').is_some_and(|digits| {
            (2..=15).contains(&digits.len())
                && !digits.starts_with('0')
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    if number.is_some_and(|number| !is_e164(number)) {
        return Err(Refusal::field(member, "must be a phone number in E.164 format"));
    }
    Ok(number)
}

/// Refuses what the stand-in does not have, instead of leaving it out of account.
pub(super) fn refuse(input: Input<'_>, members: &[&str]) -> Outcome<()> {
    members
        .iter()
        .find(|member| input.get(member).is_some())
        .map_or(Ok(()), |member| Err(Refusal::not_covered(member)))
}
