//! The account's suppression list.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Context;
use super::address::Mailbox;
use super::refusal::{Answer, Outcome, Refusal};
use super::store::{Region, Suppressed};
use crate::messages::ids;
use crate::messages::input::{Fault, Input, page, required};

/// Why an address is on the list.
pub(super) const REASONS: [&str; 2] = ["BOUNCE", "COMPLAINT"];

/// A member that lists reasons.
pub(super) fn reasons(input: Input<'_>, member: &str) -> Outcome<Vec<String>> {
    let found = input.texts(member, 0..=REASONS.len())?;
    if found.iter().any(|reason| !REASONS.contains(reason)) {
        return Err(Fault::new(member, format!("must hold some of [{}]", REASONS.join(", "))).into());
    }
    Ok(found.into_iter().map(str::to_owned).collect())
}

pub(super) fn put(cx: &Context<'_>, region: &mut Region, input: Input<'_>) -> Answer {
    let address = Mailbox::parse(required("EmailAddress", input.text("EmailAddress")?)?, "EmailAddress")?;
    let reason = required("Reason", input.word("Reason", &REASONS)?)?;
    let entry = Suppressed {
        address: address.address.clone(),
        reason: reason.to_owned(),
        at: cx.now,
        message_id: None,
        feedback_id: None,
    };
    region.suppressed.insert(address.key(), entry);
    Ok(json!({}))
}

pub(super) fn get(region: &Region, input: Input<'_>) -> Answer {
    let key = required("EmailAddress", input.text("EmailAddress")?)?.to_lowercase();
    let found = region.suppressed.get(&key).ok_or_else(missing)?;
    let mut shown = found.shown();
    if let (Some(id), Some(shown)) = (&found.message_id, shown.as_object_mut()) {
        shown.insert("Attributes".into(), json!({ "MessageId": id, "FeedbackId": found.feedback_id }));
    }
    Ok(json!({ "SuppressedDestination": shown }))
}

pub(super) fn list(region: &Region, input: Input<'_>, page_items: usize) -> Answer {
    let size = super::page_size(input, page_items)?;
    let reasons = reasons(input, "Reasons")?;
    let (from, to) = (date(input, "StartDate")?, date(input, "EndDate")?);
    let wanted = |entry: &&Suppressed| {
        (reasons.is_empty() || reasons.contains(&entry.reason))
            && from.is_none_or(|from| entry.at >= from)
            && to.is_none_or(|to| entry.at <= to)
    };
    let shown = region.suppressed.values().filter(wanted).map(Suppressed::shown);
    let (shown, next) = page(shown, input.text("NextToken")?, size).ok_or_else(Refusal::bad_token)?;
    Ok(json!({ "SuppressedDestinationSummaries": shown, "NextToken": next }))
}

pub(super) fn delete(region: &mut Region, input: Input<'_>) -> Answer {
    let key = required("EmailAddress", input.text("EmailAddress")?)?.to_lowercase();
    region.suppressed.remove(&key).ok_or_else(missing)?;
    Ok(json!({}))
}

fn date(input: Input<'_>, member: &str) -> Outcome<Option<OffsetDateTime>> {
    let parse = |text: &str| {
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| Fault::new(member, "must be a timestamp"))
    };
    Ok(input.text(member)?.map(parse).transpose()?)
}

fn missing() -> Refusal {
    Refusal::not_found("Email address does not exist on your suppression list.")
}

impl Suppressed {
    fn shown(&self) -> Value {
        json!({
            "EmailAddress": self.address, "Reason": self.reason, "LastUpdateTime": ids::timestamp(self.at),
        })
    }
}
