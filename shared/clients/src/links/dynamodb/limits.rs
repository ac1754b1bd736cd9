use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use eventide_kit::error::Error;
use eventide_kit::item::{number, text};
use time::OffsetDateTime;

use super::{DynamoDbLinks, LIMIT, Update, Written, key};
use crate::links::{Limit, Limits};

impl Limits for DynamoDbLinks {
    async fn take(&self, limit: &Limit, taker: Option<&str>, now: OffsetDateTime) -> Result<bool, Error> {
        // A condition that lets the first in would not see that there is no room for any.
        if limit.max == 0 {
            return Ok(false);
        }
        let (start, end) = limit.span(now);
        let pk = key(LIMIT, format_args!("{}#{start}", limit.name));
        let (max, end) = ((":max", number(limit.max)), (":end", number(end)));
        let written = match taker {
            Some(taker) => {
                let takers = AttributeValue::Ss(vec![taker.to_owned()]);
                let update = Update {
                    expression: "SET #expires_at = :end ADD #takers :takers",
                    condition: "attribute_not_exists(#takers) OR size(#takers) < :max \
                                OR contains(#takers, :taker)",
                    values: [max, end, (":takers", takers), (":taker", text(taker))],
                    returned: ReturnValue::None,
                };
                self.update(pk, update).await?
            }
            None => {
                let update = Update {
                    expression: "SET #expires_at = :end ADD #taken :one",
                    condition: "attribute_not_exists(#taken) OR #taken < :max",
                    values: [max, end, (":one", number(1))],
                    returned: ReturnValue::None,
                };
                self.update(pk, update).await?
            }
        };
        Ok(matches!(written, Written::Done(_)))
    }
}
