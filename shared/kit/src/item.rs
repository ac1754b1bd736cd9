//! What the DynamoDB stores share: the table's layout, typed attributes, and what a failed call means.
//!
//! `idempotency`, `ledger` and `continuation` can live in one table, since a table has one key schema and one
//! TTL attribute: partition key `pk` (S), TTL on `expires_at`.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Display,
    str::FromStr,
};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use time::OffsetDateTime;

use crate::error::Error;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const PK: &str = "pk";
pub(crate) const EXPIRES_AT: &str = "expires_at";

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn millis(moment: OffsetDateTime) -> AttributeValue {
    number(moment.unix_timestamp_nanos() / 1_000_000)
}

/// TTL attributes are whole seconds since 1970.
pub(crate) fn seconds(moment: OffsetDateTime) -> AttributeValue {
    number(moment.unix_timestamp())
}

pub(crate) fn texts(values: &BTreeMap<String, String>) -> AttributeValue {
    AttributeValue::M(values.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

/// Reads attributes and says which one is not what it should be.
pub(crate) struct Reader<'a>(pub(crate) &'a Item);

impl Reader<'_> {
    pub(crate) fn text(&self, name: &str) -> Result<String, Error> {
        self.optional_text(name).ok_or_else(|| self.unreadable(name, "text"))
    }

    pub(crate) fn optional_text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_s().ok().cloned()
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<T, Error> {
        let number = self.0.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
        number.ok_or_else(|| self.unreadable(name, "a number"))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Error> {
        let flag = self.0.get(name).and_then(|value| value.as_bool().ok().copied());
        flag.ok_or_else(|| self.unreadable(name, "a boolean"))
    }

    pub(crate) fn moment(&self, name: &str) -> Result<OffsetDateTime, Error> {
        let millis: i64 = self.number(name)?;
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
            .map_err(|_range| self.unreadable(name, "milliseconds since 1970"))
    }

    pub(crate) fn seconds(&self, name: &str) -> Result<OffsetDateTime, Error> {
        OffsetDateTime::from_unix_timestamp(self.number(name)?)
            .map_err(|_range| self.unreadable(name, "seconds since 1970"))
    }

    pub(crate) fn optional_moment(&self, name: &str) -> Result<Option<OffsetDateTime>, Error> {
        self.0.contains_key(name).then(|| self.moment(name)).transpose()
    }

    pub(crate) fn texts(&self, name: &str) -> Result<BTreeMap<String, String>, Error> {
        let values = self.0.get(name).and_then(|value| value.as_m().ok());
        let values = values.ok_or_else(|| self.unreadable(name, "a map"))?;
        values
            .iter()
            .map(|(key, value)| Some((key.clone(), value.as_s().ok()?.clone())))
            .collect::<Option<_>>()
            .ok_or_else(|| self.unreadable(name, "a map of texts"))
    }

    pub(crate) fn unreadable(&self, name: &str, expected: &str) -> Error {
        let pk = self.optional_text(PK).unwrap_or_default();
        Error::permanent(
            "UnreadableItem",
            format!("item `{pk}` is not readable: attribute `{name}` should be {expected}"),
        )
    }
}

/// The item that a failed condition returned. DynamoDB leaves it out only if there was none.
pub(crate) fn returned(item: Option<Item>) -> Result<Item, Error> {
    item.ok_or_else(|| {
        Error::retryable("ItemGone", "the item that failed the condition was deleted meanwhile")
    })
}

/// A table that is not there is no fault of the record at hand.
pub(crate) fn failed<E: ProvideErrorMetadata>(
    operation: &'static str,
    table: &str,
    error: &SdkError<E, HttpResponse>,
) -> Error {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    if code == Some("ResourceNotFoundException") {
        return Error::environment("TableNotFound", format!("table `{table}` does not exist"));
    }
    crate::aws::classify(operation, error)
}
