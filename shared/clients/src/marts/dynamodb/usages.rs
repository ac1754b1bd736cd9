use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_types::SdkConfig;
use eventide_kit::error::Error;
use eventide_kit::item::{self, Item, Reader, number, text};

use crate::marts::{Usage, Usages};

const MONTH: &str = "month";
const STATEMENT: &str = "statement";

/// [`Usages`] in the usage table: partition key `month` (S), sort key `statement` (S), no TTL.
#[derive(Clone, Debug)]
pub struct DynamoDbUsages {
    client: Client,
    table: String,
}

impl DynamoDbUsages {
    /// In `table`.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(config), table: table.into() }
    }
}

fn to_item(usage: &Usage) -> Item {
    item::of([
        (MONTH, text(&usage.month)),
        (STATEMENT, text(&usage.statement_id)),
        ("owner", text(&usage.owner)),
        ("mart", text(&usage.mart)),
        ("purpose", text(&usage.purpose)),
        ("warehouse", text(&usage.warehouse)),
        ("outcome", text(&usage.outcome)),
        ("milliseconds", number(usage.milliseconds)),
        ("rows", number(usage.rows)),
        ("bytes", number(usage.bytes)),
    ])
}

fn from_item(item: &Item) -> Result<Usage, Error> {
    let read = Reader(item);
    Ok(Usage {
        month: read.text(MONTH)?,
        statement_id: read.text(STATEMENT)?,
        owner: read.text("owner")?,
        mart: read.text("mart")?,
        purpose: read.text("purpose")?,
        warehouse: read.text("warehouse")?,
        outcome: read.text("outcome")?,
        milliseconds: read.number("milliseconds")?,
        rows: read.number("rows")?,
        bytes: read.number("bytes")?,
    })
}

impl Usages for DynamoDbUsages {
    async fn record(&self, usage: &Usage) -> Result<Option<Usage>, Error> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(usage)))
            .condition_expression("attribute_not_exists(#statement) OR (#rows <= :rows AND #bytes <= :bytes)")
            .expression_attribute_names("#statement", STATEMENT)
            .expression_attribute_names("#rows", "rows")
            .expression_attribute_names("#bytes", "bytes")
            .expression_attribute_values(":rows", number(usage.rows))
            .expression_attribute_values(":bytes", number(usage.bytes))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(output) => {
                let earlier = output.attributes.filter(|item| !item.is_empty());
                earlier.as_ref().map(from_item).transpose()
            }
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    from_item(&item::returned(refused.item.clone())?).map(Some)
                }
                _ => Err(item::failed("dynamodb:PutItem", &self.table, &error)),
            },
        }
    }

    async fn month(&self, month: &str, token: Option<String>) -> Result<(Vec<Usage>, Option<String>), Error> {
        let start = token.map(|token| {
            HashMap::from([(MONTH.to_owned(), text(month)), (STATEMENT.to_owned(), text(token))])
        });
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#month = :month")
            .expression_attribute_names("#month", MONTH)
            .expression_attribute_values(":month", text(month))
            .set_exclusive_start_key(start);
        let page = query.send().await.map_err(|error| item::failed("dynamodb:Query", &self.table, &error))?;
        let usages = page.items.unwrap_or_default().iter().map(from_item).collect::<Result<_, _>>()?;
        let last = page.last_evaluated_key.and_then(|key| key.get(STATEMENT)?.as_s().ok().cloned());
        Ok((usages, last))
    }
}
