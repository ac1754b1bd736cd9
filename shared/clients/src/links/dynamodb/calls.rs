//! Callbacks of expired links.

use std::hash::{BuildHasher as _, RandomState};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use eventide_kit::error::Error;
use eventide_kit::item::{millis, number, seconds, text};
use eventide_types::LinkHash;
use time::OffsetDateTime;

use super::links::contradiction;
use super::record::{CALLED, CALLING, CLAIMED, OPEN, stored};
use super::{DynamoDbLinks, LINK, Update, Written, key};
use crate::links::Call;

impl DynamoDbLinks {
    /// [`Links::claim_call`](crate::links::Links::claim_call)
    pub(super) async fn call_claimed(
        &self,
        hash: &LinkHash,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Call, Error> {
        // By which a repeated request knows its own claim: a number that hardly comes twice.
        let by = RandomState::new().hash_one(0);
        let update = Update {
            expression: "SET #call = :calling, #call_by = :by, #call_until = :until",
            condition: "#has_phone = :true AND #valid_until <= :now AND #expires_at > :now_seconds \
                        AND attribute_not_exists(#revoked) \
                        AND (#state = :open OR (#state = :claimed AND #claim_until <= :now)) \
                        AND (attribute_not_exists(#call) OR (#call = :calling AND #call_until <= :now))",
            values: [
                (":true", AttributeValue::Bool(true)),
                (":now", millis(now)),
                (":now_seconds", seconds(now)),
                (":open", text(OPEN)),
                (":claimed", text(CLAIMED)),
                (":calling", text(CALLING)),
                (":by", number(by)),
                (":until", millis(until)),
            ],
            returned: ReturnValue::AllNew,
        };
        match self.update(key(LINK, hash), update).await? {
            Written::Done(item) => Ok(Call::Won(Box::new(stored(&item)?.link))),
            Written::Refused(None) => Ok(Call::Unavailable),
            Written::Refused(Some(item)) => {
                let known = stored(&item)?;
                match known.called_by(by, now) {
                    Call::Won(_) if !known.is_called_by(by) => Err(contradiction(hash)),
                    call => Ok(call),
                }
            }
        }
    }

    /// [`Links::called`](crate::links::Links::called)
    pub(super) async fn call_asked(&self, hash: &LinkHash) -> Result<(), Error> {
        let update = Update {
            expression: "SET #call = :called REMOVE #call_by, #call_until",
            condition: "attribute_exists(pk)",
            values: [(":called", text(CALLED))],
            returned: ReturnValue::None,
        };
        self.update(key(LINK, hash), update).await.map(drop)
    }

    /// [`Links::release_call`](crate::links::Links::release_call)
    pub(super) async fn call_released(&self, hash: &LinkHash) -> Result<(), Error> {
        let update = Update {
            expression: "REMOVE #call, #call_by, #call_until",
            condition: "#call = :calling",
            values: [(":calling", text(CALLING))],
            returned: ReturnValue::None,
        };
        self.update(key(LINK, hash), update).await.map(drop)
    }
}
