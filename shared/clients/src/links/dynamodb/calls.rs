//! Callbacks of expired links.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use eventide_kit::error::Error;
use eventide_kit::item::{millis, seconds, text};
use eventide_types::LinkHash;
use time::OffsetDateTime;

use super::links::contradiction;
use super::record::{CALLED, CALLING, CLAIMED, OPEN, stored};
use super::{DynamoDbLinks, LINK, Update, Written, key};
use crate::links::Call;

impl DynamoDbLinks {
    /// [`Links::claim_call`](crate::links::Links::claim_call)
    pub(super) async fn call_claimed(&self, hash: &LinkHash, now: OffsetDateTime) -> Result<Call, Error> {
        let update = Update {
            expression: "SET #call = :calling",
            condition: "#has_phone = :true AND #valid_until <= :now AND #expires_at > :now_seconds \
                        AND attribute_not_exists(#revoked) \
                        AND (#state = :open OR (#state = :claimed AND #claim_until <= :now)) \
                        AND (attribute_not_exists(#call) OR #call = :calling)",
            values: [
                (":true", AttributeValue::Bool(true)),
                (":now", millis(now)),
                (":now_seconds", seconds(now)),
                (":open", text(OPEN)),
                (":claimed", text(CLAIMED)),
                (":calling", text(CALLING)),
            ],
            returned: ReturnValue::AllNew,
        };
        match self.update(key(LINK, hash), update).await? {
            Written::Done(item) => Ok(Call::Won(Box::new(stored(&item)?.link))),
            Written::Refused(None) => Ok(Call::Unavailable),
            Written::Refused(Some(item)) => match stored(&item)?.to_call(now) {
                Call::Won(_) => Err(contradiction(hash)),
                refused => Ok(refused),
            },
        }
    }

    /// [`Links::called`](crate::links::Links::called)
    pub(super) async fn call_asked(&self, hash: &LinkHash) -> Result<(), Error> {
        let update = Update {
            expression: "SET #call = :called",
            condition: "attribute_exists(pk)",
            values: [(":called", text(CALLED))],
            returned: ReturnValue::None,
        };
        self.update(key(LINK, hash), update).await.map(drop)
    }
}
