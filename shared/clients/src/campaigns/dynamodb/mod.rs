//! The ports in DynamoDB.

mod batch;
mod contents;
mod origins;
mod outcomes;
mod pace;
mod records;
mod reports;
mod shards;

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_types::SdkConfig;
use eventide_kit::clock::{Clock, SystemClock};
use eventide_kit::error::Error;
use eventide_kit::item::{self, Item, PK, Reader, millis, text};
#[cfg(feature = "testing")]
pub(super) use records::check_campaign;
#[cfg(feature = "testing")]
pub(super) use shards::{closed_already, unknown_shard};
use time::OffsetDateTime;

/// The index, and the attribute that only what somebody has to look after has: what kind of thing it is.
const OPEN: &str = "open";
/// When somebody has to.
const DUE_AT: &str = "due_at";
/// Of what is written over the revision before it only.
const REVISION: &str = "revision";

/// Tries until a write is given up that transactions are always in the way of.
const CONFLICTS: u32 = 12;

/// Kinds of things in the index, which are also the prefixes of their keys.
mod kind {
    pub(super) const CAMPAIGN: &str = "campaign";
    pub(super) const SHARD: &str = "shard";
    pub(super) const REPORT: &str = "report";
}

/// All of the [ports](super) in the ledger table: partition key `pk` (S), TTL on `expires_at`, and the index
/// `open` with partition key `open` (S) and sort key `due_at` (N), keys only.
#[derive(Clone, Debug)]
pub struct DynamoDbCampaigns {
    client: Client,
    table: String,
    clock: Arc<dyn Clock>,
}

/// What a conditional write met.
enum Written {
    /// It was made. What the request asked to have returned.
    Done(Item),
    /// The item as it is, if there is one.
    Refused(Option<Item>),
}

impl DynamoDbCampaigns {
    /// In `table`.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(config), table: table.into(), clock: Arc::new(SystemClock) }
    }

    /// Tells by this clock, instead of the machine's, whether scores have expired.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    async fn item(&self, pk: String) -> Result<Option<Item>, Error> {
        let get = self.client.get_item().table_name(&self.table).key(PK, text(pk)).consistent_read(true);
        let output =
            get.send().await.map_err(|error| item::failed("dynamodb:GetItem", &self.table, &error))?;
        Ok(output.item)
    }

    /// Writes an item that is not there yet.
    async fn put_new(&self, item: Item) -> Result<Written, Error> {
        self.put(item, "attribute_not_exists(pk)", []).await
    }

    /// Writes an item if a condition holds, in which `#name` and `:name` stand for attributes and the values
    /// that they are compared with.
    async fn put<const N: usize>(
        &self,
        item: Item,
        condition: &str,
        compared: [(&str, AttributeValue); N],
    ) -> Result<Written, Error> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in compared {
            put = put
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let mut tries = 0;
        loop {
            let Err(error) = put.clone().send().await else { return Ok(Written::Done(Item::new())) };
            tries += 1;
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    return Ok(Written::Refused(refused.item.clone()));
                }
                Some(PutItemError::TransactionConflictException(_)) if tries < CONFLICTS => {
                    pause(tries).await
                }
                Some(PutItemError::TransactionConflictException(_)) => {
                    return Err(conflict("dynamodb:PutItem"));
                }
                _ => return Err(item::failed("dynamodb:PutItem", &self.table, &error)),
            }
        }
    }

    /// Writes an item over whatever is there.
    async fn overwrite_one(&self, item: Item) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(|error| item::failed("dynamodb:PutItem", &self.table, &error))?;
        Ok(())
    }

    fn update(&self, pk: String) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key(PK, text(pk))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn updated(&self, update: UpdateItemFluentBuilder) -> Result<Written, Error> {
        let mut tries = 0;
        loop {
            let error = match update.clone().send().await {
                Ok(output) => return Ok(Written::Done(output.attributes.unwrap_or_default())),
                Err(error) => error,
            };
            tries += 1;
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    return Ok(Written::Refused(refused.item.clone()));
                }
                Some(UpdateItemError::TransactionConflictException(_)) if tries < CONFLICTS => {
                    pause(tries).await;
                }
                Some(UpdateItemError::TransactionConflictException(_)) => {
                    return Err(conflict("dynamodb:UpdateItem"));
                }
                _ => return Err(item::failed("dynamodb:UpdateItem", &self.table, &error)),
            }
        }
    }

    /// What of a kind is due by then, without the prefix of its key, the longest due first.
    async fn due_of(
        &self,
        kind: &str,
        by: OffsetDateTime,
        most: usize,
    ) -> Result<Vec<(String, OffsetDateTime)>, Error> {
        let mut due = Vec::new();
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        while due.len() < most {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(OPEN)
                .key_condition_expression("#open = :open AND #due_at <= :by")
                .expression_attribute_names("#open", OPEN)
                .expression_attribute_names("#due_at", DUE_AT)
                .expression_attribute_values(":open", text(kind))
                .expression_attribute_values(":by", millis(by))
                .limit(i32::try_from(most - due.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start.take());
            let page =
                query.send().await.map_err(|error| item::failed("dynamodb:Query", &self.table, &error))?;
            for item in page.items.unwrap_or_default() {
                let pk = Reader(&item).text(PK)?;
                let name = pk.strip_prefix(kind).and_then(|rest| rest.strip_prefix('#'));
                due.extend(name.map(str::to_owned).zip(Some(Reader(&item).moment(DUE_AT)?)));
            }
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                break;
            }
        }
        Ok(due)
    }
}

/// A key: a prefix, and what it is about.
fn key(prefix: &str, name: impl Display) -> String {
    format!("{prefix}#{name}")
}

/// The error of a write that transactions were always in the way of.
fn conflict(operation: &str) -> Error {
    let message = format!("`{operation}` met a transaction at its item in each of {CONFLICTS} tries");
    Error::retryable("TransactionConflict", message)
}

/// A number that hardly comes twice.
fn chance() -> u64 {
    RandomState::new().hash_one(0)
}

/// Waits after a try that DynamoDB had no capacity for, or that a transaction was in the way of: about 15 ms
/// after the first, twice that after the next, never more than 0.4 s. It is what the SDK does itself about
/// calls that fail as a whole.
async fn pause(tries: u32) {
    const FIRST: u64 = 20;
    const LONGEST: u64 = 400;
    let longest = LONGEST.min(FIRST << tries.saturating_sub(1).min(5));
    tokio::time::sleep(Duration::from_millis(longest / 2 + chance() % (longest / 2 + 1))).await;
}
