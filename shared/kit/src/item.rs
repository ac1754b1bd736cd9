//! Items of DynamoDB tables: typed attributes, their size, and what a failed call means.
//!
//! [`idempotency`](crate::idempotency), [`ledger`](crate::ledger) and [`continuation`](crate::continuation) can live in
//! one table, since a table has one key schema and one TTL attribute: partition key `pk` (S), TTL on `expires_at`. A
//! store of its own builds its items from the same parts:
//!
//! ```
//! use eventide_kit::item::{self, PK, Reader, number, text};
//!
//! let item = item::of([(PK, text("order#1")), ("pieces", number(3))]);
//! item::check_size(&item)?;
//! assert_eq!(Reader(&item).number::<u32>("pieces")?, 3);
//! # Ok::<(), eventide_kit::Error>(())
//! ```

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
use serde::{Serialize, de::DeserializeOwned};
use time::OffsetDateTime;

use crate::error::Error;

/// Attributes by their names.
pub type Item = HashMap<String, AttributeValue>;

/// The attribute that is the partition key.
pub const PK: &str = "pk";
/// The attribute that is the TTL.
pub const EXPIRES_AT: &str = "expires_at";
/// Bytes of an item, names of attributes included (Amazon DynamoDB Developer Guide, "Quotas").
const MAX_BYTES: usize = 400 * 1024;

/// An item of these attributes.
pub fn of<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Checks the size. Numbers are counted by their digits, of which DynamoDB keeps two in a byte, so that the sum is an
/// upper bound.
///
/// # Errors
///
/// `Permanent.ItemTooLarge`: above 400 KB, which DynamoDB would refuse.
pub fn check_size(item: &Item) -> Result<(), Error> {
    let bytes: usize = item.iter().map(|(name, value)| name.len() + size(value)).sum();
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let message = format!("the item has {bytes} bytes, expected at most {MAX_BYTES}");
    Err(Error::permanent("ItemTooLarge", message))
}

/// Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats".
fn size(value: &AttributeValue) -> usize {
    const OF_AN_ELEMENT: usize = 1;
    const OF_A_CONTAINER: usize = 3;
    // Half as many bytes as digits, and one more.
    const OF_A_NUMBER: usize = 1;
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len() + OF_A_NUMBER,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|digits| digits.len() + OF_A_NUMBER).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|blob| blob.as_ref().len()).sum(),
        AttributeValue::L(values) => {
            values.iter().fold(OF_A_CONTAINER, |sum, value| sum + OF_AN_ELEMENT + size(value))
        }
        AttributeValue::M(values) => values
            .iter()
            .fold(OF_A_CONTAINER, |sum, (name, value)| sum + OF_AN_ELEMENT + name.len() + size(value)),
        _ => 1,
    }
}

/// A text. An empty one is allowed, but not as a key.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number, as it is written. DynamoDB keeps 38 digits.
pub fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A moment as whole milliseconds since 1970, rounded down.
pub fn millis(moment: OffsetDateTime) -> AttributeValue {
    number(moment.unix_timestamp_nanos().div_euclid(1_000_000))
}

/// A moment as whole seconds since 1970, as TTL attributes are.
pub fn seconds(moment: OffsetDateTime) -> AttributeValue {
    number(moment.unix_timestamp())
}

/// A map of texts.
pub fn texts(values: &BTreeMap<String, String>) -> AttributeValue {
    AttributeValue::M(values.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

/// A text of JSON.
///
/// # Errors
///
/// `Permanent.InvalidRequest`: the value cannot be written as JSON, such as a map whose keys are no texts.
pub fn json<T: Serialize>(value: &T) -> Result<AttributeValue, Error> {
    let written = serde_json::to_string(value)
        .map_err(|_unwritable| Error::permanent("InvalidRequest", "the item could not be written"))?;
    Ok(text(written))
}

/// Reads attributes. What is missing or not what it should be is `Permanent.UnreadableItem`, which names the item and the
/// attribute, and quotes no value but the key `pk`.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a Item);

impl std::fmt::Debug for Reader<'_> {
    /// Without values, which are content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Reader<'_> {
    /// Whether there is the attribute.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text.
    ///
    /// # Errors
    ///
    /// Missing, or no text.
    pub fn text(&self, name: &str) -> Result<String, Error> {
        self.optional_text(name).ok_or_else(|| self.unreadable(name, "text"))
    }

    /// A text, if there is one.
    pub fn optional_text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_s().ok().cloned()
    }

    /// A number that is a `T`.
    ///
    /// # Errors
    ///
    /// Missing, no number, or outside of `T`.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<T, Error> {
        let number = self.0.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
        number.ok_or_else(|| self.unreadable(name, "a number"))
    }

    /// A boolean.
    ///
    /// # Errors
    ///
    /// Missing, or no boolean.
    pub fn flag(&self, name: &str) -> Result<bool, Error> {
        let flag = self.0.get(name).and_then(|value| value.as_bool().ok().copied());
        flag.ok_or_else(|| self.unreadable(name, "a boolean"))
    }

    /// A moment of [`millis`].
    ///
    /// # Errors
    ///
    /// Missing, or no such moment.
    pub fn moment(&self, name: &str) -> Result<OffsetDateTime, Error> {
        let millis: i64 = self.number(name)?;
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
            .map_err(|_range| self.unreadable(name, "milliseconds since 1970"))
    }

    /// A moment of [`seconds`].
    ///
    /// # Errors
    ///
    /// Missing, or no such moment.
    pub fn seconds(&self, name: &str) -> Result<OffsetDateTime, Error> {
        OffsetDateTime::from_unix_timestamp(self.number(name)?)
            .map_err(|_range| self.unreadable(name, "seconds since 1970"))
    }

    /// A moment of [`millis`], if there is the attribute.
    ///
    /// # Errors
    ///
    /// No such moment.
    pub fn optional_moment(&self, name: &str) -> Result<Option<OffsetDateTime>, Error> {
        self.has(name).then(|| self.moment(name)).transpose()
    }

    /// A map of texts.
    ///
    /// # Errors
    ///
    /// Missing, or no such map.
    pub fn texts(&self, name: &str) -> Result<BTreeMap<String, String>, Error> {
        let values = self.0.get(name).and_then(|value| value.as_m().ok());
        let values = values.ok_or_else(|| self.unreadable(name, "a map"))?;
        values
            .iter()
            .map(|(key, value)| Some((key.clone(), value.as_s().ok()?.clone())))
            .collect::<Option<_>>()
            .ok_or_else(|| self.unreadable(name, "a map of texts"))
    }

    /// JSON of a `T`, in a text.
    ///
    /// # Errors
    ///
    /// Missing, no text, or not JSON of a `T`.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        serde_json::from_str(&self.text(name)?).map_err(|_other| self.unreadable(name, "JSON of its type"))
    }

    /// The error of an attribute that should be `expected`, such as `a number`.
    pub fn unreadable(&self, name: &str, expected: &str) -> Error {
        let item = self.optional_text(PK).map_or_else(|| "an item".to_owned(), |pk| format!("item `{pk}`"));
        Error::permanent(
            "UnreadableItem",
            format!("{item} is not readable: attribute `{name}` should be {expected}"),
        )
    }
}

/// The item that a failed condition returned (`ALL_OLD`).
///
/// # Errors
///
/// `Retryable.ItemGone`: there was none. DynamoDB leaves it out only then.
pub fn returned(item: Option<Item>) -> Result<Item, Error> {
    item.ok_or_else(|| {
        Error::retryable("ItemGone", "the item that failed the condition was deleted meanwhile")
    })
}

/// The error of a failed call. `operation` is the IAM action. A table or index that is not there is no fault of the record
/// at hand: `Environment.TableNotFound`; all else is as [`classify`](crate::aws::classify) says.
pub fn failed<E: ProvideErrorMetadata>(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_counts_names_and_values() {
        let fits = MAX_BYTES - "pk".len() - "key".len() - "record".len();
        for (length, expected) in [(fits, true), (fits + 1, false)] {
            let item = of([(PK, text("key")), ("record", text("x".repeat(length)))]);
            assert_eq!(check_size(&item).is_ok(), expected, "{length}");
        }
    }

    #[test]
    fn the_size_counts_what_lists_and_maps_hold() {
        let values = BTreeMap::from([("name".to_owned(), "value".to_owned())]);
        let list = AttributeValue::L(vec![text("ab"), AttributeValue::Bool(true)]);
        assert_eq!((size(&texts(&values)), size(&list)), (3 + 1 + 9, 3 + 1 + 2 + 1 + 1));
    }

    #[test]
    fn what_is_not_readable_names_the_item_and_quotes_no_value() {
        let keyed = of([(PK, text("order#1")), ("pieces", text("secret"))]);
        let other = of([("month", text("2026-11"))]);
        for (item, expected) in [
            (&keyed, "item `order#1` is not readable: attribute `pieces` should be a number"),
            (&other, "an item is not readable: attribute `pieces` should be a number"),
        ] {
            let error = Reader(item).number::<u64>("pieces").err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(expected));
        }
        assert!(!format!("{:?}", Reader(&keyed)).contains("secret"));
    }

    #[test]
    fn json_is_read_as_it_was_written() {
        let item = of([("record", json(&vec![1, 2]).unwrap()), ("broken", text("["))]);
        assert_eq!(Reader(&item).json::<Vec<u8>>("record").unwrap(), [1, 2]);
        assert!(Reader(&item).json::<Vec<u8>>("broken").is_err());
    }
}
