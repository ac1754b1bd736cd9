//! The ports in DynamoDB.

mod calls;
mod limits;
mod links;
mod record;

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_types::SdkConfig;
use eventide_kit::error::Error;
use eventide_kit::item::{self, Item, PK, text};
use time::Duration;

use super::stored::RETENTION;

const LINK: &str = "link";
const CONTACT: &str = "contact";
const CHAT: &str = "chat";
const LIMIT: &str = "limit";

/// [`Links`](super::Links) and [`Limits`](super::Limits) in the link table: partition key `pk` (S), TTL on
/// `expires_at`.
#[derive(Clone, Debug)]
pub struct DynamoDbLinks {
    client: Client,
    table: String,
    retention: Duration,
}

/// What a conditional write met.
enum Written {
    /// It was made. What the request asked to have returned.
    Done(Item),
    /// The item as it is, if there is one.
    Refused(Option<Item>),
}

/// A conditional change of an item. In both expressions `#name` stands for the attribute `name`.
struct Update<'a, const N: usize> {
    expression: &'a str,
    condition: &'a str,
    values: [(&'a str, AttributeValue); N],
    returned: ReturnValue,
}

impl DynamoDbLinks {
    /// In `table`. Links are kept for a day after they have expired.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(config), table: table.into(), retention: RETENTION }
    }

    /// Keeps links for another time after they have expired. It matters to [`open`](super::Links::open),
    /// [`extend`](super::Links::extend) and [`complete`](super::Links::complete), which write until when.
    #[must_use]
    pub fn with_retention(self, retention: Duration) -> Self {
        Self { retention, ..self }
    }

    async fn item(&self, pk: String) -> Result<Option<Item>, Error> {
        let get = self.client.get_item().table_name(&self.table).key(PK, text(pk)).consistent_read(true);
        let output =
            get.send().await.map_err(|error| item::failed("dynamodb:GetItem", &self.table, &error))?;
        Ok(output.item)
    }

    /// Writes an item if a condition holds.
    async fn put<const N: usize>(
        &self,
        item: Item,
        condition: &str,
        values: [(&str, AttributeValue); N],
    ) -> Result<Written, Error> {
        item::check_size(&item)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_names(names([condition]))
            .set_expression_attribute_values(values_of(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(Written::Done(Item::new())),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(Written::Refused(refused.item.clone()))
                }
                _ => Err(item::failed("dynamodb:PutItem", &self.table, &error)),
            },
        }
    }

    async fn update<const N: usize>(&self, pk: String, update: Update<'_, N>) -> Result<Written, Error> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(PK, text(pk))
            .update_expression(update.expression)
            .condition_expression(update.condition)
            .set_expression_attribute_names(names([update.expression, update.condition]))
            .set_expression_attribute_values(values_of(update.values))
            .return_values(update.returned)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(output) => Ok(Written::Done(output.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(Written::Refused(refused.item.clone()))
                }
                _ => Err(item::failed("dynamodb:UpdateItem", &self.table, &error)),
            },
        }
    }
}

/// A key: a prefix, and what it is about.
fn key(prefix: &str, name: impl Display) -> String {
    format!("{prefix}#{name}")
}

/// What `#name` stands for, wherever it stands.
fn names<const N: usize>(expressions: [&str; N]) -> Option<HashMap<String, String>> {
    let is_of_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let names: HashMap<String, String> = expressions
        .iter()
        .flat_map(|expression| expression.split('#').skip(1))
        .map(|rest| rest.chars().take_while(is_of_name).collect::<String>())
        .map(|name| (format!("#{name}"), name))
        .collect();
    Some(names).filter(|names| !names.is_empty())
}

fn values_of<const N: usize>(values: [(&str, AttributeValue); N]) -> Option<HashMap<String, AttributeValue>> {
    let values: HashMap<_, _> = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Some(values).filter(|values| !values.is_empty())
}
