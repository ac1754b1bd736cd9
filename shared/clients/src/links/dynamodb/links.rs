use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use eventide_kit::error::Error;
use eventide_kit::item::{self, EXPIRES_AT, Item, PK, Reader, json, millis, number, seconds, text};
use eventide_types::{Link, LinkHash};
use time::OffsetDateTime;

use super::record::{CLAIMED, OPEN, USED, fresh, has_phone, stored};
use super::{CHAT, CONTACT, DynamoDbLinks, LINK, Update, Written, key};
use crate::links::stored::{Redemption, Stored, expiry};
use crate::links::{Call, Claim, Claimed, Links, Opened, Redeemed, State, claim_lost};

/// Attributes of a contact's item.
const LINK_HASH: &str = "link_hash";
const NONCE: &str = "nonce";
/// Of a chat's item.
const VOICE_CONTACT_ID: &str = "voice_contact_id";

/// A link that can be redeemed by whoever comes first.
const IS_OPEN: &str = "#state = :open AND attribute_not_exists(#revoked)";

impl DynamoDbLinks {
    /// The hash and the nonce that a contact's link has: these, or those of before.
    async fn choose(&self, link: &Link, nonce: &str) -> Result<(LinkHash, String), Error> {
        let item = item::of([
            (PK, text(key(CONTACT, &link.contact_id))),
            (LINK_HASH, text(link.hash.as_str())),
            (NONCE, text(nonce)),
            (EXPIRES_AT, number(expiry(link, self.retention))),
        ]);
        let now = [(":now", seconds(link.created_at))];
        match self.put(item, "attribute_not_exists(pk) OR #expires_at <= :now", now).await? {
            Written::Done(_) => Ok((link.hash.clone(), nonce.to_owned())),
            Written::Refused(known) => {
                let known = item::returned(known)?;
                Ok((hash_of(&known)?, Reader(&known).text(NONCE)?))
            }
        }
    }

    /// Changes a link's context, and until when it is valid if that is later. What the link was like, if
    /// neither could be done.
    async fn prolong(&self, link: &Link, is_later: bool) -> Result<Result<(), Option<Stored>>, Error> {
        let pk = key(LINK, &link.hash);
        let context = (":context", json(&link.context)?);
        let has_phone = (":has_phone", has_phone(link));
        let (open, until) = ((":open", text(OPEN)), (":until", millis(link.expires_at)));
        let written = if is_later {
            let expires_at = (":expires_at", number(expiry(link, self.retention)));
            let update = Update {
                expression: "SET #context = :context, #has_phone = :has_phone, #valid_until = :until, \
                             #expires_at = :expires_at",
                condition: &format!("{IS_OPEN} AND #valid_until <= :until"),
                values: [context, has_phone, open, until, expires_at],
                returned: ReturnValue::None,
            };
            self.update(pk, update).await?
        } else {
            let update = Update {
                expression: "SET #context = :context, #has_phone = :has_phone",
                condition: &format!("{IS_OPEN} AND #valid_until > :until"),
                values: [context, has_phone, open, until],
                returned: ReturnValue::None,
            };
            self.update(pk, update).await?
        };
        match written {
            Written::Done(_) => Ok(Ok(())),
            Written::Refused(known) => Ok(Err(known.as_ref().map(stored).transpose()?)),
        }
    }

    /// Keeps which link a contact has for as long as the link.
    async fn keep_contact(&self, link: &Link) -> Result<(), Error> {
        let update = Update {
            expression: "SET #expires_at = :expires_at",
            condition: "#expires_at < :expires_at",
            values: [(":expires_at", number(expiry(link, self.retention)))],
            returned: ReturnValue::None,
        };
        self.update(key(CONTACT, &link.contact_id), update).await.map(drop)
    }
}

fn hash_of(contact: &Item) -> Result<LinkHash, Error> {
    let read = Reader(contact);
    LinkHash::parse(&read.text(LINK_HASH)?).ok_or_else(|| read.unreadable(LINK_HASH, "a link's hash"))
}

impl Links for DynamoDbLinks {
    async fn open(&self, link: &Link, nonce: &str) -> Result<Opened, Error> {
        let (hash, nonce) = self.choose(link, nonce).await?;
        let wanted = Stored::new(&Link { hash, ..link.clone() }, self.retention);
        let known = match self.put(fresh(&wanted)?, "attribute_not_exists(pk)", []).await? {
            Written::Done(_) => wanted.clone(),
            Written::Refused(known) => stored(&item::returned(known)?)?,
        };
        Ok(Opened { is_new: known == wanted, state: known.state(), link: known.link, nonce })
    }

    async fn extend(&self, link: &Link) -> Result<bool, Error> {
        // Others that extend it, too, may come between.
        for is_later in [true, false, true] {
            let Err(known) = self.prolong(link, is_later).await? else {
                // After the link's, since a contact's item must not outlive a link that was used: another
                // would be opened with the same hash.
                self.keep_contact(link).await?;
                return Ok(true);
            };
            if known.is_none_or(|known| known.state() != State::Open) {
                return Ok(false);
            }
        }
        Err(Error::retryable("WriteConflict", format!("link `{}` is extended by others", link.hash)))
    }

    async fn claim(&self, hash: &LinkHash, claim: &Claim) -> Result<Claimed, Error> {
        let update = Update {
            expression: "SET #state = :claimed, #claimant = :claimant, #claim_until = :until",
            condition: "(#state = :claimed AND #claimant = :claimant \
                        AND (attribute_not_exists(#call) OR #valid_until > :now)) \
                        OR (attribute_not_exists(#revoked) AND #valid_until > :now \
                        AND (#state = :open OR (#state = :claimed AND #claim_until <= :now)))",
            values: [
                (":open", text(OPEN)),
                (":claimed", text(CLAIMED)),
                (":claimant", text(&claim.claimant)),
                (":now", millis(claim.now)),
                (":until", millis(claim.until)),
            ],
            returned: ReturnValue::AllNew,
        };
        match self.update(key(LINK, hash), update).await? {
            Written::Done(item) => Ok(Claimed::Won(Box::new(stored(&item)?.link))),
            Written::Refused(None) => Ok(Claimed::Unavailable),
            Written::Refused(Some(item)) => match stored(&item)?.claimed_by(claim) {
                Claimed::Won(_) => Err(contradiction(hash)),
                refused => Ok(refused),
            },
        }
    }

    async fn release(&self, hash: &LinkHash, claimant: &str) -> Result<(), Error> {
        let update = Update {
            expression: "SET #state = :open REMOVE #claimant, #claim_until",
            condition: "#state = :claimed AND #claimant = :claimant",
            values: [(":open", text(OPEN)), (":claimed", text(CLAIMED)), (":claimant", text(claimant))],
            returned: ReturnValue::None,
        };
        self.update(key(LINK, hash), update).await.map(drop)
    }

    async fn complete(&self, link: &Link, claimant: &str, redeemed: &Redeemed) -> Result<(), Error> {
        // First, so that every chat that was given out is known. The claimant's next attempt gives the same
        // chat.
        let chat = item::of([
            (PK, text(key(CHAT, &redeemed.chat_contact_id))),
            (VOICE_CONTACT_ID, text(&link.contact_id)),
            (EXPIRES_AT, number(expiry(link, self.retention))),
        ]);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(chat));
        put.send().await.map_err(|error| item::failed("dynamodb:PutItem", &self.table, &error))?;

        let update = Update {
            expression: "SET #state = :used, #chat_contact_id = :chat, #answer = :answer, \
                         #replay_until = :until REMOVE #claim_until",
            condition: "#state = :claimed AND #claimant = :claimant",
            values: [
                (":claimed", text(CLAIMED)),
                (":used", text(USED)),
                (":claimant", text(claimant)),
                (":chat", text(&redeemed.chat_contact_id)),
                (":answer", text(&redeemed.answer)),
                (":until", millis(redeemed.replay_until)),
            ],
            returned: ReturnValue::None,
        };
        let Written::Refused(known) = self.update(key(LINK, &link.hash), update).await? else {
            return Ok(());
        };
        let known = known.as_ref().map(stored).transpose()?;
        let is_done = known.is_some_and(|known| {
            matches!(known.redemption, Redemption::Used { claimant: by, chat_contact_id, answer, .. }
                if by == claimant && chat_contact_id == redeemed.chat_contact_id && answer == redeemed.answer)
        });
        if is_done { Ok(()) } else { Err(claim_lost(&link.hash)) }
    }

    async fn revoke(&self, contact_id: &str) -> Result<bool, Error> {
        let Some(contact) = self.item(key(CONTACT, contact_id)).await? else { return Ok(false) };
        let update = Update {
            expression: "SET #revoked = :true",
            condition: "attribute_not_exists(#revoked) AND #state IN (:open, :claimed)",
            values: [
                (":true", AttributeValue::Bool(true)),
                (":open", text(OPEN)),
                (":claimed", text(CLAIMED)),
            ],
            returned: ReturnValue::AllOld,
        };
        match self.update(key(LINK, hash_of(&contact)?), update).await? {
            Written::Done(before) => Ok(stored(&before)?.state() == State::Open),
            Written::Refused(_) => Ok(false),
        }
    }

    async fn voice_of(&self, chat_contact_id: &str) -> Result<Option<String>, Error> {
        let chat = self.item(key(CHAT, chat_contact_id)).await?;
        chat.map(|chat| Reader(&chat).text(VOICE_CONTACT_ID)).transpose()
    }

    async fn claim_call(&self, hash: &LinkHash, now: OffsetDateTime) -> Result<Call, Error> {
        self.call_claimed(hash, now).await
    }

    async fn called(&self, hash: &LinkHash) -> Result<(), Error> {
        self.call_asked(hash).await
    }
}

/// The error of a condition that was refused although it holds.
pub(super) fn contradiction(hash: &LinkHash) -> Error {
    Error::retryable("IncompleteAnswer", format!("link `{hash}` was refused for no reason"))
}
