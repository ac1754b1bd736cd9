//! Items: their attributes, their size, and what a failed call means.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use eventide_kit::error::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::errors;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The ledger table's key.
pub(super) const PK: &str = "pk";
/// Bytes of an item, names of attributes included (Amazon DynamoDB Developer Guide, "Quotas").
const MAX_BYTES: usize = 400 * 1024;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<AttributeValue, Error> {
    let written = serde_json::to_string(value)
        .map_err(|_unwritable| Error::permanent("InvalidRequest", "the item could not be written"))?;
    Ok(text(written))
}

pub(super) fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Checks the size as DynamoDB counts it. Numbers count less than their digits, so that the sum is an upper bound.
pub(super) fn check(item: &Item) -> Result<(), Error> {
    let size = |value: &AttributeValue| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        _ => 1,
    };
    let bytes: usize = item.iter().map(|(name, value)| name.len() + size(value)).sum();
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let message = format!("the item has {bytes} bytes, expected at most {MAX_BYTES}");
    Err(Error::permanent("ItemTooLarge", message))
}

/// Reads attributes and says which one is not what it should be.
pub(super) struct Reader<'a>(pub(super) &'a Item);

impl Reader<'_> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, Error> {
        let text = self.0.get(name).and_then(|value| value.as_s().ok());
        text.map(String::as_str).ok_or_else(|| unreadable(name, "text"))
    }

    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<T, Error> {
        let number = self.0.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
        number.ok_or_else(|| unreadable(name, "a number"))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        serde_json::from_str(self.text(name)?).map_err(|_other| unreadable(name, "JSON of its type"))
    }
}

fn unreadable(name: &str, expected: &str) -> Error {
    Error::permanent("UnreadableItem", format!("an item's attribute `{name}` should be {expected}"))
}

/// A table or index that is not there is no fault of the record at hand.
pub(super) fn failed<E: ProvideErrorMetadata>(
    operation: &str,
    table: &str,
    error: &SdkError<E, HttpResponse>,
) -> Error {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    if code == Some("ResourceNotFoundException") {
        return Error::environment("TableNotFound", format!("table `{table}` does not exist"));
    }
    errors::failed(operation, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_counts_names_and_values() {
        let fits = MAX_BYTES - "pk".len() - "key".len() - "record".len();
        for (length, expected) in [(fits, true), (fits + 1, false)] {
            let item = item([(PK, text("key")), ("record", text("x".repeat(length)))]);
            assert_eq!(check(&item).is_ok(), expected, "{length}");
        }
    }
}
