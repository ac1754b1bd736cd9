use aws_sdk_dynamodb::{
    Client,
    operation::{delete_item::DeleteItemError, put_item::PutItemError, update_item::UpdateItemError},
    types::ReturnValuesOnConditionCheckFailure,
};
use time::OffsetDateTime;

use super::{Begun, Record, Status, Store};
use crate::{
    error::Error,
    item::{self, EXPIRES_AT, Item, PK, Reader, millis, seconds, text},
};

const PREFIX: &str = "idempotency#";

/// A [`Store`] in a DynamoDB table with partition key `pk` (S) and TTL on `expires_at`; ids get the prefix
/// `idempotency#`. The other attributes have Powertools' names.
#[derive(Debug, Clone)]
pub struct DynamoDbStore {
    client: Client,
    table: String,
}

impl DynamoDbStore {
    /// Keeps records in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }
}

impl Store for DynamoDbStore {
    async fn begin(&self, record: &Record, now: OffsetDateTime) -> Result<Begun, Error> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(record)))
            .condition_expression(
                "attribute_not_exists(pk) OR expires_at <= :now_seconds \
                 OR (#status = :in_progress AND in_progress_expiration <= :now)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":now_seconds", seconds(now))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":in_progress", text(Status::InProgress.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(Begun::Fresh),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    let existing = from_item(&item::returned(failed.item.clone())?)?;
                    // The SDK repeated a request whose response was lost.
                    let ours = existing.owner == record.owner;
                    Ok(if ours { Begun::Fresh } else { Begun::Existing(existing) })
                }
                _ => Err(item::failed("dynamodb:PutItem", &self.table, &error)),
            },
        }
    }

    async fn complete(&self, record: &Record) -> Result<bool, Error> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(PK, text(pk(record)))
            .update_expression("SET #status = :status, #data = :data, expires_at = :expires_at")
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#data", "data")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":status", text(record.status.as_str()))
            .expression_attribute_values(":data", text(record.data.as_deref().unwrap_or_default()))
            .expression_attribute_values(":expires_at", seconds(record.expiration))
            .expression_attribute_values(":owner", text(&record.owner));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(item::failed("dynamodb:UpdateItem", &self.table, &error)),
            },
        }
    }

    async fn remove(&self, record: &Record) -> Result<(), Error> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(PK, text(pk(record)))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(&record.owner));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(item::failed("dynamodb:DeleteItem", &self.table, &error)),
            },
        }
    }
}

fn pk(record: &Record) -> String {
    format!("{PREFIX}{}", record.id)
}

fn to_item(record: &Record) -> Item {
    Item::from(
        [
            (PK, text(pk(record))),
            ("owner", text(&record.owner)),
            ("status", text(record.status.as_str())),
            (EXPIRES_AT, seconds(record.expiration)),
            ("in_progress_expiration", millis(record.in_progress_expiration)),
            ("validation", text(&record.validation)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

fn from_item(item: &Item) -> Result<Record, Error> {
    let read = Reader(item);
    let status = read.text("status")?;
    let status = [Status::InProgress, Status::Completed]
        .into_iter()
        .find(|known| known.as_str() == status)
        .ok_or_else(|| read.unreadable("status", "INPROGRESS or COMPLETED"))?;
    let pk = read.text(PK)?;
    Ok(Record {
        id: pk.strip_prefix(PREFIX).unwrap_or(&pk).to_owned(),
        owner: read.text("owner")?,
        status,
        expiration: read.seconds(EXPIRES_AT)?,
        in_progress_expiration: read.moment("in_progress_expiration")?,
        validation: read.text("validation")?,
        data: read.optional_text("data"),
    })
}
