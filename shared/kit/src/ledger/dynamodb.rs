use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_dynamodb::{
    Client,
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use time::{OffsetDateTime, SignedDuration};

use super::{Claimed, Entry, Ledger, Settlement, State, unknown};
use crate::{
    clock::Clock,
    error::Error,
    idempotency::nonce,
    item::{self, Item, PK, Reader, millis, number, seconds, text, texts},
};

/// Tells the claim whose response was lost from somebody else's: the SDK repeats the request by itself, and
/// the repeat meets the item that the first one wrote.
const NONCE: &str = "nonce";

/// A [`Ledger`] in a DynamoDB table with partition key `pk` (S) and TTL on `expires_at`; keys get the prefix
/// `effect#`. A claim and a settlement are one conditional write each.
///
/// Only settled entries carry `expires_at`. Claimed and uncertain ones stay until they are settled.
#[derive(Debug, Clone)]
pub struct DynamoDbLedger {
    client: Client,
    table: String,
    clock: Arc<dyn Clock>,
    retention: SignedDuration,
}

impl DynamoDbLedger {
    /// A ledger in `table` that dates its entries by `clock` and keeps settled ones for 400 days.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client, table: table.into(), clock, retention: SignedDuration::days(400) }
    }

    /// Keeps settled entries for `retention`. After that the effect may be claimed anew as if it had never
    /// happened, so it must be longer than any event can come back.
    #[must_use]
    pub fn with_retention(mut self, retention: SignedDuration) -> Self {
        self.retention = retention;
        self
    }

    /// Writes the claim if the item is absent or, for a further attempt, still is `previous`.
    async fn put(&self, entry: Entry, previous: Option<&Entry>) -> Result<Claimed, Error> {
        let nonce = nonce();
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&entry, &nonce)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(previous) = previous {
            put = put
                .condition_expression("attribute_not_exists(pk) OR (attempt = :attempt AND #state = :state)")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":attempt", number(previous.attempt))
                .expression_attribute_values(":state", text(previous.state.as_str()));
        }
        match put.send().await {
            Ok(_) => Ok(Claimed::Won(entry)),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    let item = item::returned(failed.item.clone())?;
                    let current = Entry::from_item(&item)?;
                    let ours = Reader(&item).text(NONCE)? == nonce;
                    Ok(if ours { Claimed::Won(current) } else { Claimed::Held(current) })
                }
                _ => Err(item::failed("dynamodb:PutItem", &self.table, &error)),
            },
        }
    }
}

impl Ledger for DynamoDbLedger {
    async fn claim(
        &self,
        key: &str,
        holder: &str,
        claim_deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        let entry = Entry::claimed(key, 1, holder, self.clock.now(), claim_deadline, detail);
        self.put(entry, None).await
    }

    async fn claim_again(
        &self,
        previous: &Entry,
        holder: &str,
        claim_deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Result<Claimed, Error> {
        if !previous.state.is_final() {
            let current = self.get(&previous.key).await?;
            return Ok(Claimed::Held(current.unwrap_or_else(|| previous.clone())));
        }
        let attempt = previous.attempt.saturating_add(1);
        let entry = Entry::claimed(&previous.key, attempt, holder, self.clock.now(), claim_deadline, detail);
        self.put(entry, Some(previous)).await
    }

    async fn settle(&self, key: &str, attempt: u32, settlement: Settlement) -> Result<Entry, Error> {
        let wanted = settlement.state();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(PK, text(Entry::item_key(key)))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":attempt", number(attempt))
            .expression_attribute_values(":wanted", text(wanted.as_str()))
            .expression_attribute_values(":claimed", text(State::Claimed.as_str()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut set = "SET #state = :wanted".to_owned();
        let mut remove = "";
        let mut condition = "attempt = :attempt AND #state = :claimed";
        if wanted.is_final() {
            let now = self.clock.now();
            condition = "attempt = :attempt AND #state IN (:claimed, :uncertain)";
            set.push_str(", settled_at = :settled_at, expires_at = :expires_at");
            update = update
                .expression_attribute_values(":uncertain", text(State::Uncertain.as_str()))
                .expression_attribute_values(":settled_at", millis(now))
                .expression_attribute_values(":expires_at", seconds(now.saturating_add(self.retention)));
        }
        match &settlement {
            Settlement::Done { detail } => {
                remove = " REMOVE reason";
                if !detail.is_empty() {
                    update = update.expression_attribute_names("#detail", "detail");
                }
                for (index, (name, value)) in detail.iter().enumerate() {
                    set.push_str(&format!(", #detail.#name{index} = :value{index}"));
                    update = update
                        .expression_attribute_names(format!("#name{index}"), name)
                        .expression_attribute_values(format!(":value{index}"), text(value));
                }
            }
            Settlement::Refused { reason } | Settlement::Uncertain { reason } => {
                set.push_str(", reason = :reason");
                update = update.expression_attribute_values(":reason", text(reason));
            }
        }
        let update = update.update_expression(set + remove).condition_expression(condition);
        match update.send().await {
            Ok(output) => Entry::from_item(&item::returned(output.attributes)?),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => match &failed.item {
                    Some(current) => settlement.against(Entry::from_item(current)?, attempt),
                    None => Err(unknown(key)),
                },
                _ => Err(item::failed("dynamodb:UpdateItem", &self.table, &error)),
            },
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, Error> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(PK, text(Entry::item_key(key)))
            .consistent_read(true);
        match get.send().await {
            Ok(output) => output.item.as_ref().map(Entry::from_item).transpose(),
            Err(error) => Err(item::failed("dynamodb:GetItem", &self.table, &error)),
        }
    }
}

fn to_item(entry: &Entry, nonce: &str) -> Item {
    Item::from(
        [
            (PK, text(Entry::item_key(&entry.key))),
            ("attempt", number(entry.attempt)),
            ("state", text(entry.state.as_str())),
            ("holder", text(&entry.holder)),
            ("claimed_at", millis(entry.claimed_at)),
            ("claim_deadline", millis(entry.claim_deadline)),
            ("detail", texts(&entry.detail)),
            (NONCE, text(nonce)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

const PREFIX: &str = "effect#";

/// For those who read many entries at once, with `BatchGetItem`.
impl Entry {
    /// The partition key of the item that a [`DynamoDbLedger`] keeps about `key`.
    pub fn item_key(key: &str) -> String {
        format!("{PREFIX}{key}")
    }

    /// The entry of such an item.
    ///
    /// # Errors
    ///
    /// `Permanent.UnreadableItem`: it is none.
    pub fn from_item(item: &Item) -> Result<Self, Error> {
        let read = Reader(item);
        let state = read.text("state")?;
        let state = [State::Claimed, State::Done, State::Refused, State::Uncertain]
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| read.unreadable("state", "claimed, done, refused or uncertain"))?;
        let pk = read.text(PK)?;
        Ok(Self {
            key: pk.strip_prefix(PREFIX).unwrap_or(&pk).to_owned(),
            attempt: read.number("attempt")?,
            state,
            holder: read.text("holder")?,
            claimed_at: read.moment("claimed_at")?,
            claim_deadline: read.moment("claim_deadline")?,
            settled_at: read.optional_moment("settled_at")?,
            detail: read.texts("detail")?,
            reason: read.optional_text("reason"),
        })
    }
}
