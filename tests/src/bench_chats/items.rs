//! The link table, as far as the functions read it: nothing is kept, every condition holds that is not about a link, and
//! every link is as it is said to be.

use serde_json::{Value, json};

use super::events::CONTACT;

/// The moment at which all links are made, in milliseconds since 1970.
const MADE_AT: i64 = 1_795_773_600_000;
/// For how long a link opens, in milliseconds.
const LIFE: i64 = 900_000;

/// How links are that somebody wants to redeem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Nobody has.
    #[default]
    Open,
    /// Another page has.
    Used,
}

/// What an operation is answered.
#[derive(Debug)]
pub enum Answer {
    /// It is carried out.
    Done(Value),
    /// Its condition does not hold.
    Refused(Value),
}

/// The answer to an operation; `None`: it is none that the functions call.
#[must_use]
pub fn answer(operation: &str, asked: &Value, links: Links) -> Option<Answer> {
    let key = asked.pointer("/Key/pk/S").and_then(Value::as_str).unwrap_or_default();
    let is_returned = asked.get("ReturnValues").is_some_and(|values| values != "NONE");
    Some(Answer::Done(match operation {
        "GetItem" if key.starts_with("contact#") => json!({ "Item": contact(key) }),
        "PutItem" => json!({}),
        "UpdateItem" if key.starts_with("link#") => {
            let is_claim = value(asked, ":claimant").is_some() && value(asked, ":answer").is_none();
            if is_claim && links == Links::Used {
                return Some(Answer::Refused(used(key)));
            }
            if is_returned { json!({ "Attributes": link(key, asked) }) } else { json!({}) }
        }
        "UpdateItem" if key.starts_with("effect#") => json!({ "Attributes": effect(key, asked) }),
        "UpdateItem" => json!({}),
        _ => return None,
    }))
}

/// A value that a request is made with.
fn value<'a>(asked: &'a Value, name: &str) -> Option<&'a Value> {
    asked.get("ExpressionAttributeValues")?.get(name)
}

fn text(text: &str) -> Value {
    json!({ "S": text })
}

fn number(number: i64) -> Value {
    json!({ "N": number.to_string() })
}

fn contact(key: &str) -> Value {
    json!({ "pk": text(key), "link_hash": text(&"0".repeat(64)), "nonce": text(&"0".repeat(32)) })
}

/// A link that nobody has redeemed.
fn open(key: &str) -> Value {
    let context = json!({
        "displayName": "Ana García", "language": "es", "queue": "Billing", "attributes": { "tier": "gold" },
        "phone": "+15555550100"
    });
    json!({
        "pk": text(key), "contact_id": text(CONTACT), "created_at": number(MADE_AT),
        "valid_until": number(MADE_AT + LIFE), "context": text(&context.to_string()),
        "has_phone": { "BOOL": true }, "state": text("open"), "expires_at": number((MADE_AT + LIFE) / 1_000 + 86_400)
    })
}

/// It, after or before what is asked for: a claim on it, one on its callback, or its revocation.
fn link(key: &str, asked: &Value) -> Value {
    let mut link = open(key);
    let until = || value(asked, ":until").cloned();
    let changes = match (value(asked, ":claimant").cloned(), value(asked, ":calling").cloned()) {
        (Some(claimant), _) => {
            json!({ "state": text("claimed"), "claimant": claimant, "claim_until": until() })
        }
        (None, Some(calling)) => json!({ "call": calling }),
        (None, None) => json!({}),
    };
    if let (Some(members), Some(changes)) = (link.as_object_mut(), changes.as_object()) {
        members.extend(changes.clone());
    }
    link
}

/// A link that another page has redeemed.
fn used(key: &str) -> Value {
    let mut link = open(key);
    let changes = json!({
        "state": text("used"), "claimant": text(&"0".repeat(64)), "chat_contact_id": text(CONTACT),
        "answer": text(&"A".repeat(900)), "replay_until": number(MADE_AT + LIFE)
    });
    if let (Some(members), Some(changes)) = (link.as_object_mut(), changes.as_object()) {
        members.extend(changes.clone());
    }
    link
}

/// An entry of the ledger, settled as it is asked for.
fn effect(key: &str, asked: &Value) -> Value {
    json!({
        "pk": text(key), "state": value(asked, ":wanted"), "attempt": number(1), "holder": text("h"),
        "claimed_at": number(MADE_AT), "claim_deadline": number(MADE_AT), "detail": { "M": {} }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_claims_on_used_links_are_refused() {
        let asked = |values: Value| {
            json!({
                "Key": { "pk": { "S": "link#0" } }, "ReturnValues": "ALL_NEW", "ExpressionAttributeValues": values
            })
        };
        let claim = asked(json!({ ":claimant": { "S": "c" }, ":until": { "N": "5" } }));
        let Some(Answer::Done(won)) = answer("UpdateItem", &claim, Links::Open) else { panic!("not won") };
        assert_eq!(won["Attributes"]["claimant"], json!({ "S": "c" }));
        assert_eq!(won["Attributes"]["claim_until"], json!({ "N": "5" }));
        let Some(Answer::Refused(used)) = answer("UpdateItem", &claim, Links::Used) else {
            panic!("not refused")
        };
        assert_ne!(used["claimant"], json!({ "S": "c" }));
        let completion = asked(json!({ ":claimant": { "S": "c" }, ":answer": { "S": "a" } }));
        assert!(matches!(answer("UpdateItem", &completion, Links::Used), Some(Answer::Done(_))));
        assert!(answer("Query", &json!({}), Links::Open).is_none());
    }
}
