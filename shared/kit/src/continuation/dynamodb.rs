use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use time::SignedDuration;

use super::{Continuations, Hop, Link, Progress, Taken, Takeover, refused};
use crate::{
    clock::Clock,
    error::Error,
    item::{self, Item, PK, Reader, millis, number, seconds, text, texts},
};

const PREFIX: &str = "chain#";

/// [`Continuations`] in a DynamoDB table with partition key `pk` (S) and TTL on `expires_at`; chains get the
/// prefix `chain#`. Every call is one write, and every write renews `expires_at`.
#[derive(Debug, Clone)]
pub struct DynamoDbContinuations {
    client: Client,
    table: String,
    clock: Arc<dyn Clock>,
    retention: SignedDuration,
}

impl DynamoDbContinuations {
    /// Records in `table`, kept for 400 days after their last write; leases run out by `clock`.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client, table: table.into(), clock, retention: SignedDuration::days(400) }
    }

    /// Keeps records for `retention` after their last write. It must be longer than a message can come back,
    /// which is 14 days in a queue and as many in its dead-letter queue.
    #[must_use]
    pub fn with_retention(mut self, retention: SignedDuration) -> Self {
        self.retention = retention;
        self
    }

    /// An update of the chain's record; `set` and `condition` may use `#run`, `:run` and `:now`.
    fn update(&self, chain: &str, run: &str, set: &str, condition: &str) -> UpdateItemFluentBuilder {
        let now = self.clock.now();
        self.client
            .update_item()
            .table_name(&self.table)
            .key(PK, text(format!("{PREFIX}{chain}")))
            .update_expression(format!("SET updated_at = :now, expires_at = :expires_at, {set}"))
            .condition_expression(condition)
            .expression_attribute_names("#run", "run")
            .expression_attribute_values(":run", text(run))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires_at", seconds(now.saturating_add(self.retention)))
    }

    /// Makes an update whose condition may fail because the run has moved on, which is no error.
    async fn update_if_current(&self, update: UpdateItemFluentBuilder) -> Result<(), Error> {
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(self.failed(&error)),
            },
        }
    }

    fn failed(&self, error: &SdkError<UpdateItemError>) -> Error {
        item::failed("dynamodb:UpdateItem", &self.table, error)
    }
}

impl Continuations for DynamoDbContinuations {
    async fn take(&self, hop: &Hop<'_>) -> Result<Taken, Error> {
        let again = "#run = :run AND #state <> :finished AND #hop = :hop AND #handed_over = :no \
                     AND (#holder = :holder OR #released = :yes OR #lease_until <= :now)";
        let next = "#run = :run AND #state <> :finished AND #hop = :previous";
        let replaces = match hop.takeover {
            _ if hop.number > 0 => None,
            Takeover::Never => None,
            Takeover::WhenFinished => {
                Some("#run <> :run AND #requested_at < :requested_at AND #state <> :running")
            }
            Takeover::Always => Some("#run <> :run AND #requested_at < :requested_at"),
        };
        let previous = hop.number.checked_sub(1);
        let mut condition = format!("attribute_not_exists(pk) OR ({again})");
        for alternative in previous.map(|_| next).into_iter().chain(replaces) {
            condition.push_str(&format!(" OR ({alternative})"));
        }
        let mut update = self
            .update(
                hop.chain,
                hop.run,
                "#run = :run, #requested_at = :requested_at, #hop = :hop, #state = :running, \
                 #holder = :holder, #lease_until = :lease_until, #handed_over = :no, #released = :no, \
                 #detail = :detail",
                &condition,
            )
            .expression_attribute_names("#requested_at", "requested_at")
            .expression_attribute_names("#hop", "hop")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_names("#lease_until", "lease_until")
            .expression_attribute_names("#handed_over", "handed_over")
            .expression_attribute_names("#released", "released")
            .expression_attribute_names("#detail", "detail")
            .expression_attribute_values(":requested_at", millis(hop.requested_at))
            .expression_attribute_values(":hop", number(hop.number))
            .expression_attribute_values(":running", text(Progress::Running.as_str()))
            .expression_attribute_values(":finished", text(Progress::Finished.as_str()))
            .expression_attribute_values(":holder", text(hop.holder))
            .expression_attribute_values(":lease_until", millis(hop.lease_until))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":detail", texts(&BTreeMap::new()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(previous) = previous {
            update = update.expression_attribute_values(":previous", number(previous));
        }
        match update.send().await {
            Ok(output) => Ok(Taken::Yes(from_item(&item::returned(output.attributes)?)?)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(refused(hop, from_item(&item::returned(failed.item.clone())?)?))
                }
                _ => Err(self.failed(&error)),
            },
        }
    }

    async fn handed_over(&self, chain: &str, run: &str, hop: u32) -> Result<(), Error> {
        let update = self
            .update(chain, run, "handed_over = :yes", "#run = :run AND #hop = :hop")
            .expression_attribute_names("#hop", "hop")
            .expression_attribute_values(":hop", number(hop))
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        self.update_if_current(update).await
    }

    async fn release(&self, chain: &str, run: &str, hop: u32, holder: &str) -> Result<(), Error> {
        let condition = "#run = :run AND #hop = :hop AND handed_over = :no AND #holder = :holder";
        let update = self
            .update(chain, run, "released = :yes", condition)
            .expression_attribute_names("#hop", "hop")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":hop", number(hop))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":no", AttributeValue::Bool(false));
        self.update_if_current(update).await
    }

    async fn set_aside(&self, chain: &str, run: &str, hop: u32, holder: &str) -> Result<(), Error> {
        let condition = "#run = :run AND #hop = :hop AND handed_over = :no AND #holder = :holder AND \
                         #state <> :finished";
        let update = self
            .update(chain, run, "#state = :set_aside, released = :yes", condition)
            .expression_attribute_names("#hop", "hop")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":hop", number(hop))
            .expression_attribute_values(":set_aside", text(Progress::SetAside.as_str()))
            .expression_attribute_values(":finished", text(Progress::Finished.as_str()))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":no", AttributeValue::Bool(false));
        self.update_if_current(update).await
    }

    async fn finish(&self, chain: &str, run: &str, detail: BTreeMap<String, String>) -> Result<(), Error> {
        let mut set = "#state = :finished".to_owned();
        for index in 0..detail.len() {
            set.push_str(&format!(", #detail.#name{index} = :value{index}"));
        }
        let mut update = self
            .update(chain, run, &set, "#run = :run")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":finished", text(Progress::Finished.as_str()));
        if !detail.is_empty() {
            update = update.expression_attribute_names("#detail", "detail");
        }
        for (index, (name, value)) in detail.into_iter().enumerate() {
            update = update
                .expression_attribute_names(format!("#name{index}"), name)
                .expression_attribute_values(format!(":value{index}"), text(value));
        }
        self.update_if_current(update).await
    }

    async fn get(&self, chain: &str) -> Result<Option<Link>, Error> {
        let key = text(format!("{PREFIX}{chain}"));
        let get = self.client.get_item().table_name(&self.table).key(PK, key).consistent_read(true);
        match get.send().await {
            Ok(output) => output.item.as_ref().map(from_item).transpose(),
            Err(error) => Err(item::failed("dynamodb:GetItem", &self.table, &error)),
        }
    }
}

fn from_item(item: &Item) -> Result<Link, Error> {
    let read = Reader(item);
    let state = read.text("state")?;
    let state = [Progress::Running, Progress::Finished, Progress::SetAside]
        .into_iter()
        .find(|known| known.as_str() == state)
        .ok_or_else(|| read.unreadable("state", "running, finished or set-aside"))?;
    let pk = read.text(PK)?;
    Ok(Link {
        chain: pk.strip_prefix(PREFIX).unwrap_or(&pk).to_owned(),
        run: read.text("run")?,
        requested_at: read.moment("requested_at")?,
        hop: read.number("hop")?,
        state,
        holder: read.text("holder")?,
        lease_until: read.moment("lease_until")?,
        handed_over: read.flag("handed_over")?,
        released: read.flag("released")?,
        updated_at: read.moment("updated_at")?,
        detail: read.texts("detail")?,
    })
}
