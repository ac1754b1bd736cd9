//! A link's item.

use aws_sdk_dynamodb::types::AttributeValue;
use eventide_kit::error::Error;
use eventide_kit::item::{self, EXPIRES_AT, Item, PK, Reader, json, millis, number, text};
use eventide_types::{Link, LinkHash};

use super::{LINK, key};
use crate::links::stored::{Callback, Redemption, Stored};

/// Values of `state`.
pub(super) const OPEN: &str = "open";
pub(super) const CLAIMED: &str = "claimed";
pub(super) const USED: &str = "used";
/// Values of `call`. Without the attribute nobody has asked for one.
pub(super) const CALLING: &str = "calling";
pub(super) const CALLED: &str = "called";

/// The item of a link that was just made. `expires_at` is the table's TTL; until when the link can be
/// redeemed is `valid_until`.
pub(super) fn fresh(stored: &Stored) -> Result<Item, Error> {
    let link = &stored.link;
    Ok(item::of([
        (PK, text(key(LINK, &link.hash))),
        ("contact_id", text(&link.contact_id)),
        ("created_at", millis(link.created_at)),
        ("valid_until", millis(link.expires_at)),
        ("context", json(&link.context)?),
        ("has_phone", has_phone(link)),
        ("state", text(OPEN)),
        (EXPIRES_AT, number(stored.expires_at)),
    ]))
}

/// Whether there is a number to call, which conditions can ask for.
pub(super) fn has_phone(link: &Link) -> AttributeValue {
    AttributeValue::Bool(link.context.phone.is_some())
}

/// The link that an item is.
pub(super) fn stored(item: &Item) -> Result<Stored, Error> {
    let read = Reader(item);
    let pk = read.text(PK)?;
    let hash = pk.strip_prefix(LINK).and_then(|rest| LinkHash::parse(rest.strip_prefix('#')?));
    let link = Link {
        hash: hash.ok_or_else(|| read.unreadable(PK, "a link's"))?,
        contact_id: read.text("contact_id")?,
        created_at: read.moment("created_at")?,
        expires_at: read.moment("valid_until")?,
        context: read.json("context")?,
    };
    let redemption = match read.text("state")?.as_str() {
        OPEN => Redemption::Open,
        CLAIMED => {
            Redemption::Claimed { claimant: read.text("claimant")?, until: read.moment("claim_until")? }
        }
        USED => Redemption::Used {
            claimant: read.text("claimant")?,
            chat_contact_id: read.text("chat_contact_id")?,
            answer: read.text("answer")?,
            replay_until: read.moment("replay_until")?,
        },
        _ => return Err(read.unreadable("state", "`open`, `claimed` or `used`")),
    };
    let callback = match read.optional_text("call").as_deref() {
        None => Callback::None,
        Some(CALLING) => Callback::Begun,
        Some(CALLED) => Callback::Asked,
        Some(_) => return Err(read.unreadable("call", "`calling` or `called`")),
    };
    let expires_at = read.number(EXPIRES_AT)?;
    Ok(Stored { link, redemption, is_revoked: read.has("revoked"), callback, expires_at })
}
