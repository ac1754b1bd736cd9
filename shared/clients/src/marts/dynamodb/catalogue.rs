use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use eventide_kit::error::Error;
use eventide_kit::item::{self, Item, PK, Reader, json, text};
use eventide_types::mart::Mart;
use eventide_types::s3::padded;

use super::DynamoDbMarts;
use crate::errors;
use crate::marts::{Catalogue, Deployment, Recorded, name_taken};

/// What the versions of a file are ordered by.
const SEQUENCER: &str = "sequencer";
/// Digits of it that are stored, so that DynamoDB can compare. S3's have 16 to 18 these days.
const STORED: usize = 64;
/// The key of the item with the names.
const MARTS: &str = "marts";
/// Allowed by `dynamodb:PutItem` and `dynamodb:UpdateItem`; there is no action of this name in IAM.
const TRANSACTION: &str = "dynamodb:TransactWriteItems";

fn mart_key(name: &str) -> String {
    format!("mart#{name}")
}

fn deployment_key(key: &str) -> String {
    format!("deployment#{key}")
}

/// Why a transaction was not made.
enum Cancelled {
    /// The mart's condition failed; the mart's item as it is, if there is one.
    Condition(Option<Item>),
    Error(Error),
}

impl DynamoDbMarts {
    /// Writes a mart's item and the names in one step, or the two could part for good.
    async fn with_names(&self, mart: TransactWriteItem, name: &str, verb: &str) -> Result<(), Cancelled> {
        let names = Update::builder()
            .table_name(&self.table)
            .key(PK, text(MARTS))
            .update_expression(format!("{verb} #names :names"))
            .expression_attribute_names("#names", "names")
            .expression_attribute_values(":names", AttributeValue::Ss(vec![name.to_owned()]))
            .build()
            .map_err(|error| Cancelled::Error(errors::request(TRANSACTION, error)))?;
        let names = TransactWriteItem::builder().update(names).build();
        let request = self.client.transact_write_items().transact_items(mart).transact_items(names);
        let Err(error) = request.send().await else { return Ok(()) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                Err(cancellation(cancelled.cancellation_reasons()))
            }
            _ => Err(Cancelled::Error(item::failed(TRANSACTION, &self.table, &error))),
        }
    }

    fn put(&self, mart: &Mart) -> Result<TransactWriteItem, Error> {
        let item = item::of([
            (PK, text(mart_key(&mart.definition.name))),
            ("key", text(&mart.key)),
            (SEQUENCER, text(padded(&mart.sequencer, STORED))),
            ("digest", text(&mart.digest)),
            ("mart", json(mart)?),
        ]);
        item::check_size(&item)?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(
                "attribute_not_exists(pk) OR (#key = :key AND #sequencer <= :sequencer) \
                 OR (#key <> :key AND attribute_not_exists(#mart))",
            )
            .expression_attribute_names("#key", "key")
            .expression_attribute_names("#sequencer", SEQUENCER)
            .expression_attribute_names("#mart", "mart")
            .expression_attribute_values(":key", text(&mart.key))
            .expression_attribute_values(":sequencer", text(padded(&mart.sequencer, STORED)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| errors::request(TRANSACTION, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn removal(&self, name: &str, key: &str, sequencer: &str) -> Result<TransactWriteItem, Error> {
        let update = Update::builder()
            .table_name(&self.table)
            .key(PK, text(mart_key(name)))
            .update_expression("SET #sequencer = :sequencer REMOVE #mart, #digest")
            .condition_expression("#key = :key AND #sequencer <= :sequencer")
            .expression_attribute_names("#key", "key")
            .expression_attribute_names("#sequencer", SEQUENCER)
            .expression_attribute_names("#mart", "mart")
            .expression_attribute_names("#digest", "digest")
            .expression_attribute_values(":key", text(key))
            .expression_attribute_values(":sequencer", text(padded(sequencer, STORED)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| errors::request(TRANSACTION, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// What the reasons of a cancelled transaction mean; there is one for each item, in order, and the first is the mart's.
fn cancellation(reasons: &[CancellationReason]) -> Cancelled {
    let code = |reason: &CancellationReason| reason.code.clone().filter(|code| code != "None");
    let Some(code_of_first) = reasons.iter().find_map(code) else {
        return Cancelled::Error(Error::retryable(
            "IncompleteAnswer",
            format!("`{TRANSACTION}` gave no reason"),
        ));
    };
    let mart = reasons.first().filter(|reason| reason.code.as_deref() == Some("ConditionalCheckFailed"));
    if let Some(mart) = mart {
        return Cancelled::Condition(mart.item.clone());
    }
    let message = format!("`{TRANSACTION}` was cancelled with `{code_of_first}`");
    // Amazon DynamoDB API reference, `TransactWriteItems`: conflicts and throttling pass.
    Cancelled::Error(match code_of_first.as_str() {
        "TransactionConflict" => Error::retryable("TransactionConflict", message),
        "ProvisionedThroughputExceeded" | "ThrottlingError" => Error::retryable("Throttled", message),
        _ => Error::permanent(code_of_first, message),
    })
}

impl Catalogue for DynamoDbMarts {
    async fn mart(&self, name: &str) -> Result<Option<Mart>, Error> {
        let Some(item) = self.item(mart_key(name)).await? else { return Ok(None) };
        let read = Reader(&item);
        read.has("mart").then(|| read.json("mart")).transpose()
    }

    async fn names(&self) -> Result<Vec<String>, Error> {
        let item = self.item(MARTS.to_owned()).await?.unwrap_or_default();
        let mut names = item.get("names").and_then(|names| names.as_ss().ok()).cloned().unwrap_or_default();
        names.sort_unstable();
        Ok(names)
    }

    async fn put_in_force(&self, mart: &Mart) -> Result<bool, Error> {
        let name = &mart.definition.name;
        match self.with_names(self.put(mart)?, name, "ADD").await {
            Ok(()) => Ok(true),
            Err(Cancelled::Error(error)) => Err(error),
            Err(Cancelled::Condition(current)) => {
                let current = current.unwrap_or_default();
                if Reader(&current).text("key")? == mart.key { Ok(false) } else { Err(name_taken(name)) }
            }
        }
    }

    async fn withdraw(&self, name: &str, key: &str, sequencer: &str) -> Result<bool, Error> {
        match self.with_names(self.removal(name, key, sequencer)?, name, "DELETE").await {
            Ok(()) => Ok(true),
            Err(Cancelled::Error(error)) => Err(error),
            Err(Cancelled::Condition(None)) => Ok(false),
            Err(Cancelled::Condition(Some(current))) => {
                let read = Reader(&current);
                Ok(read.text("key")? == key && !read.has("mart"))
            }
        }
    }

    async fn deployment(&self, key: &str) -> Result<Option<Deployment>, Error> {
        let item = self.item(deployment_key(key)).await?;
        item.map(|item| Reader(&item).json("deployment")).transpose()
    }

    async fn record(&self, deployment: &Deployment, from: &[&str]) -> Result<Recorded, Error> {
        let sequencer = padded(&deployment.sequencer, STORED);
        let item = item::of([
            (PK, text(deployment_key(&deployment.key))),
            (SEQUENCER, text(&sequencer)),
            ("state", text(&deployment.state)),
            ("deployment", json(deployment)?),
        ]);
        item::check_size(&item)?;
        let from: Vec<(String, &str)> = from
            .iter()
            .copied()
            .chain([deployment.state.as_str()])
            .enumerate()
            .map(|(index, state)| (format!(":from{index}"), state))
            .collect();
        let names: Vec<&str> = from.iter().map(|(name, _)| name.as_str()).collect();
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(format!(
                "attribute_not_exists(pk) OR #sequencer < :sequencer \
                 OR (#sequencer = :sequencer AND #state IN ({}))",
                names.join(", ")
            ))
            .expression_attribute_names("#sequencer", SEQUENCER)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":sequencer", text(&sequencer))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, state) in &from {
            put = put.expression_attribute_values(name, text(*state));
        }
        match put.send().await {
            Ok(_) => Ok(Recorded::Yes),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    let known = item::returned(refused.item.clone())?;
                    let same = Reader(&known).text(SEQUENCER)? == sequencer;
                    Ok(if same { Recorded::MovedOn } else { Recorded::Overtaken })
                }
                _ => Err(item::failed("dynamodb:PutItem", &self.table, &error)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_a_cancelled_transaction_are_sorted() {
        for (codes, expected) in [
            (vec!["ConditionalCheckFailed", "None"], None),
            (vec!["ConditionalCheckFailed", "TransactionConflict"], None),
            (vec!["None", "TransactionConflict"], Some("Retryable.TransactionConflict")),
            (vec!["TransactionConflict", "None"], Some("Retryable.TransactionConflict")),
            (vec!["ThrottlingError", "None"], Some("Retryable.Throttled")),
            (vec!["ValidationError", "None"], Some("Permanent.ValidationError")),
            (vec![], Some("Retryable.IncompleteAnswer")),
        ] {
            let reason = |code: &&str| CancellationReason::builder().code(*code).build();
            let reasons: Vec<_> = codes.iter().map(reason).collect();
            let error = match cancellation(&reasons) {
                Cancelled::Condition(_) => None,
                Cancelled::Error(error) => Some(error.qualified_type()),
            };
            assert_eq!(error.as_deref(), expected, "{codes:?}");
        }
    }
}
