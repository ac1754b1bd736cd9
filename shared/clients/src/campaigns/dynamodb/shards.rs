//! Parts of the sending.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use eventide_kit::error::Error;
use eventide_kit::item::{self, Item, PK, Reader, json, millis, number, text};
use eventide_types::campaign::record::Shard;
use futures_util::future;
use time::OffsetDateTime;

use super::batch::CALLS;
use super::{CONFLICTS, DUE_AT, DynamoDbCampaigns, OPEN, REVISION, Written, conflict, key, kind, pause};
use crate::campaigns::{Progress, Shards};
use crate::errors;

const SHARD: &str = "shard";
const CLOSED: &str = "closed";
const TOTAL: &str = "total";
const GENERATIONS: &str = "generations";
/// Allowed by `dynamodb:UpdateItem`; there is no action of this name in IAM.
const TRANSACTION: &str = "dynamodb:TransactWriteItems";

fn progress_key(campaign: &str, upload: &str) -> String {
    key("progress", format_args!("{campaign}#{upload}"))
}

fn to_item(shard: &Shard) -> Result<Item, Error> {
    let mut item = item::of([
        (PK, text(key(kind::SHARD, &shard.key))),
        (REVISION, number(shard.revision)),
        (CLOSED, AttributeValue::Bool(shard.closed)),
        (SHARD, json(shard)?),
    ]);
    if !shard.closed {
        item.insert(OPEN.to_owned(), text(kind::SHARD));
        item.insert(DUE_AT.to_owned(), millis(shard.due_at));
    }
    Ok(item)
}

/// Closing changes attributes, and leaves the rest as it was.
fn from_item(item: &Item) -> Result<Shard, Error> {
    let read = Reader(item);
    Ok(Shard { closed: read.flag(CLOSED)?, revision: read.number(REVISION)?, ..read.json(SHARD)? })
}

fn progress(item: &Item) -> Result<Progress, Error> {
    let read = Reader(item);
    let count = |name| if read.has(name) { read.number(name) } else { Ok(0) };
    Ok(Progress { total: count(TOTAL)?, closed: count(CLOSED)? })
}

pub(in crate::campaigns) fn unknown_shard(key: &str) -> Error {
    Error::permanent("UnknownShard", format!("there is no shard `{key}`, expected one that was created"))
}

pub(in crate::campaigns) fn closed_already(key: &str) -> Error {
    Error::permanent("InvalidRequest", format!("shard `{key}` says that it is closed, expected an open one"))
}

/// How an attempt to close ended.
#[derive(Debug, PartialEq)]
enum Closing {
    /// It is closed, now or since before.
    Closed,
    Unknown,
    /// Another transaction was at the shard or at the progress.
    Conflict,
}

/// What the reasons of a cancelled transaction mean; there is one for each item, in order, and the first is
/// the shard's.
fn cancellation(reasons: &[CancellationReason]) -> Result<Closing, Error> {
    let first = reasons.first();
    if let Some(shard) = first.filter(|reason| reason.code.as_deref() == Some("ConditionalCheckFailed")) {
        return Ok(if shard.item.is_some() { Closing::Closed } else { Closing::Unknown });
    }
    let code = reasons.iter().filter_map(|reason| reason.code.as_deref()).find(|code| *code != "None");
    let Some(code) = code else {
        return Err(Error::retryable("IncompleteAnswer", format!("`{TRANSACTION}` gave no reason")));
    };
    let message = format!("`{TRANSACTION}` was cancelled with `{code}`");
    // Amazon DynamoDB API reference, `TransactWriteItems`: conflicts and throttling pass.
    match code {
        "TransactionConflict" => Ok(Closing::Conflict),
        "ProvisionedThroughputExceeded" | "ThrottlingError" => Err(Error::retryable("Throttled", message)),
        other => Err(Error::permanent(other.to_owned(), message)),
    }
}

impl DynamoDbCampaigns {
    fn closing(&self, shard: &Shard) -> Result<Update, Error> {
        Update::builder()
            .table_name(&self.table)
            .key(PK, text(key(kind::SHARD, &shard.key)))
            .update_expression(
                "SET #closed = :yes, #shard = :shard, #revision = #revision + :one REMOVE #open, #due_at",
            )
            .condition_expression("#closed = :no")
            .expression_attribute_names("#closed", CLOSED)
            .expression_attribute_names("#shard", SHARD)
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":shard", json(shard)?)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| errors::request(TRANSACTION, error))
    }

    /// Closes a shard and, unless it is a test, counts it, both or neither.
    async fn close_and_count(&self, shard: &Shard) -> Result<Closing, Error> {
        let closing = TransactWriteItem::builder().update(self.closing(shard)?).build();
        let mut request = self.client.transact_write_items().transact_items(closing);
        if !shard.test {
            let counting = Update::builder()
                .table_name(&self.table)
                .key(PK, text(progress_key(&shard.campaign, &shard.upload)))
                .update_expression("ADD #closed :one")
                .expression_attribute_names("#closed", CLOSED)
                .expression_attribute_values(":one", number(1))
                .build()
                .map_err(|error| errors::request(TRANSACTION, error))?;
            request = request.transact_items(TransactWriteItem::builder().update(counting).build());
        }
        let Err(error) = request.send().await else { return Ok(Closing::Closed) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancellation(cancelled.cancellation_reasons())
            }
            _ => Err(item::failed(TRANSACTION, &self.table, &error)),
        }
    }
}

impl Shards for DynamoDbCampaigns {
    async fn create(&self, shards: &[Shard]) -> Result<(), Error> {
        // A few at a time, so that the items of all of them are never there at once.
        for some in shards.chunks(CALLS) {
            let puts = some.iter().map(to_item).map(|item| async move { self.put_new(item?).await });
            future::try_join_all(puts.collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    async fn announce(
        &self,
        campaign: &str,
        upload: &str,
        generation: &str,
        shards: u64,
    ) -> Result<Progress, Error> {
        let update = self
            .update(progress_key(campaign, upload))
            .update_expression("ADD #total :shards, #generations :these")
            .condition_expression("NOT contains(#generations, :this)")
            .expression_attribute_names("#total", TOTAL)
            .expression_attribute_names("#generations", GENERATIONS)
            .expression_attribute_values(":shards", number(shards))
            .expression_attribute_values(":these", AttributeValue::Ss(vec![generation.to_owned()]))
            .expression_attribute_values(":this", text(generation));
        match self.updated(update).await? {
            Written::Done(item) => progress(&item),
            Written::Refused(current) => progress(&item::returned(current)?),
        }
    }

    async fn shard(&self, key: &str) -> Result<Option<Shard>, Error> {
        let item = self.item(super::key(kind::SHARD, key)).await?;
        item.as_ref().map(from_item).transpose()
    }

    async fn move_on(&self, shard: &mut Shard) -> Result<bool, Error> {
        if shard.closed {
            return Err(closed_already(&shard.key));
        }
        let next = Shard { revision: shard.revision.saturating_add(1), ..shard.clone() };
        let compared = [(REVISION, number(shard.revision)), (CLOSED, AttributeValue::Bool(false))];
        let condition = "#revision = :revision AND #closed = :closed";
        let done = match self.put(to_item(&next)?, condition, compared).await? {
            Written::Done(_) => true,
            Written::Refused(None) => false,
            // The SDK repeats a write whose answer was lost, and the repeat is refused because of the first.
            Written::Refused(Some(current)) => from_item(&current)? == next,
        };
        if done {
            shard.revision = next.revision;
        }
        Ok(done)
    }

    async fn close(&self, shard: &Shard) -> Result<Progress, Error> {
        for tries in 1..=CONFLICTS {
            match self.close_and_count(shard).await? {
                Closing::Closed => return self.progress(&shard.campaign, &shard.upload).await,
                Closing::Unknown => return Err(unknown_shard(&shard.key)),
                Closing::Conflict if tries < CONFLICTS => pause(tries).await,
                Closing::Conflict => {}
            }
        }
        Err(conflict(TRANSACTION))
    }

    async fn progress(&self, campaign: &str, upload: &str) -> Result<Progress, Error> {
        let item = self.item(progress_key(campaign, upload)).await?;
        item.as_ref().map(progress).transpose().map(Option::unwrap_or_default)
    }

    async fn due_shards(&self, by: OffsetDateTime, most: usize) -> Result<Vec<String>, Error> {
        let due = self.due_of(kind::SHARD, by, most).await?;
        Ok(due.into_iter().map(|(key, _)| key).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_a_cancelled_transaction_are_sorted() {
        let item = || Some(item::of([(PK, text("shard#a"))]));
        for (reasons, expected) in [
            (vec![("ConditionalCheckFailed", item()), ("None", None)], Ok(Closing::Closed)),
            (vec![("ConditionalCheckFailed", None), ("None", None)], Ok(Closing::Unknown)),
            (vec![("ConditionalCheckFailed", item()), ("TransactionConflict", None)], Ok(Closing::Closed)),
            (vec![("None", None), ("TransactionConflict", None)], Ok(Closing::Conflict)),
            (vec![("TransactionConflict", None), ("None", None)], Ok(Closing::Conflict)),
            (vec![("ThrottlingError", None), ("None", None)], Err("Retryable.Throttled")),
            (vec![("None", None), ("ValidationError", None)], Err("Permanent.ValidationError")),
            (vec![], Err("Retryable.IncompleteAnswer")),
        ] {
            let codes: Vec<_> = reasons.iter().map(|(code, _)| *code).collect();
            let reasons: Vec<_> = reasons
                .iter()
                .map(|(code, item)| CancellationReason::builder().code(*code).set_item(item.clone()).build())
                .collect();
            let told = cancellation(&reasons).map_err(|error| error.qualified_type());
            assert_eq!(told, expected.map_err(str::to_owned), "{codes:?}");
        }
    }
}
