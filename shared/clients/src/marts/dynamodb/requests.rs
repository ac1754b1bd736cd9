use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use eventide_kit::error::Error;
use eventide_kit::item::{self, Item, PK, Reader, json, millis, number, text};
use eventide_types::mart::request::{Record, State};
use time::{Duration, OffsetDateTime};

use super::DynamoDbMarts;
use crate::marts::{RECORD_DAYS, Requests};

const PREFIX: &str = "request#";
/// The index, and the attribute that only requests on their way have.
const OPEN: &str = "open";
const YES: &str = "1";

fn key(token: &str) -> String {
    format!("{PREFIX}{token}")
}

fn state_text(state: State) -> &'static str {
    match state {
        State::Accepted => "accepted",
        State::Submitted => "submitted",
        State::Delivering => "delivering",
        State::Delivered => "delivered",
        State::Failed => "failed",
    }
}

fn to_item(record: &Record) -> Result<Item, Error> {
    let expiry = record.updated_at.saturating_add(Duration::days(RECORD_DAYS));
    let mut item = item::of([
        (PK, text(key(&record.token))),
        ("state", text(state_text(record.state))),
        ("record", json(record)?),
        ("expires_at", number(expiry.unix_timestamp())),
    ]);
    if !record.state.is_final() {
        item.insert(OPEN.to_owned(), text(YES));
        item.insert("moved_at".to_owned(), millis(record.updated_at));
    }
    item::check_size(&item)?;
    Ok(item)
}

/// Checks what an item cannot hold.
#[cfg(feature = "testing")]
pub(in crate::marts) fn check_record(record: &Record) -> Result<(), Error> {
    to_item(record).map(drop)
}

/// What a conditional write met.
enum Put {
    Done,
    /// The record as it is, if there is one.
    Refused(Option<Box<Record>>),
}

impl DynamoDbMarts {
    fn put_record(&self, record: &Record, condition: String) -> Result<PutItemFluentBuilder, Error> {
        Ok(self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(record)?))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
    }

    async fn put_if(&self, put: PutItemFluentBuilder) -> Result<Put, Error> {
        let Err(error) = put.send().await else { return Ok(Put::Done) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                let current = refused.item.as_ref().map(|item| Reader(item).json("record"));
                Ok(Put::Refused(current.transpose()?))
            }
            _ => Err(item::failed("dynamodb:PutItem", &self.table, &error)),
        }
    }
}

/// The SDK repeats a write whose answer was lost; the repeat is refused because of the first, whose record is the same
/// to the nanosecond.
impl Requests for DynamoDbMarts {
    async fn accept(&self, record: &Record) -> Result<Option<Record>, Error> {
        let put = self.put_record(record, "attribute_not_exists(pk)".to_owned())?;
        match self.put_if(put).await? {
            Put::Done => Ok(None),
            Put::Refused(Some(earlier)) => Ok((*earlier != *record).then_some(*earlier)),
            Put::Refused(None) => {
                Err(Error::retryable("ItemGone", "the record of an earlier delivery expired meanwhile"))
            }
        }
    }

    async fn request(&self, token: &str) -> Result<Option<Record>, Error> {
        let item = self.item(key(token)).await?;
        item.map(|item| Reader(&item).json("record")).transpose()
    }

    async fn advance(&self, record: &Record, from: &[State]) -> Result<bool, Error> {
        let names: Vec<String> = (0..from.len()).map(|index| format!(":from{index}")).collect();
        if names.is_empty() {
            return Ok(false);
        }
        let mut put = self
            .put_record(record, format!("#state IN ({})", names.join(", ")))?
            .expression_attribute_names("#state", "state");
        for (name, state) in names.iter().zip(from) {
            put = put.expression_attribute_values(name, text(state_text(*state)));
        }
        Ok(match self.put_if(put).await? {
            Put::Done => true,
            Put::Refused(current) => current.is_some_and(|current| *current == *record),
        })
    }

    async fn stale(&self, before: OffsetDateTime, limit: usize) -> Result<Vec<String>, Error> {
        let mut tokens: Vec<String> = Vec::new();
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        while tokens.len() < limit {
            let wanted = i32::try_from(limit - tokens.len()).unwrap_or(i32::MAX);
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(OPEN)
                .key_condition_expression("#open = :yes AND moved_at < :before")
                .expression_attribute_names("#open", OPEN)
                .expression_attribute_values(":yes", text(YES))
                .expression_attribute_values(":before", millis(before))
                .limit(wanted)
                .set_exclusive_start_key(start.take());
            let page =
                query.send().await.map_err(|error| item::failed("dynamodb:Query", &self.table, &error))?;
            for item in page.items.unwrap_or_default() {
                tokens.extend(Reader(&item).text(PK)?.strip_prefix(PREFIX).map(str::to_owned));
            }
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                break;
            }
        }
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The attribute is compared with the states' texts as serde writes them nowhere, but they should be the same.
    #[test]
    fn states_have_one_text() {
        for state in [State::Accepted, State::Submitted, State::Delivering, State::Delivered, State::Failed] {
            assert_eq!(serde_json::json!(state), state_text(state));
        }
    }
}
