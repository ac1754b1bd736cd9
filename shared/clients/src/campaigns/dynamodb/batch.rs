//! Many items in one call.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{KeysAndAttributes, PutRequest, WriteRequest};
use eventide_kit::error::Error;
use eventide_kit::item::{self, Item, PK, Reader, text};
use futures_util::future::try_join_all;

use super::{DynamoDbCampaigns, pause};
use crate::errors;

/// Keys in a call (Amazon DynamoDB API reference, `BatchGetItem`).
pub(super) const KEYS: usize = 100;
/// Items in a call (Amazon DynamoDB API reference, `BatchWriteItem`).
pub(super) const WRITES: usize = 25;
/// Calls at the same time.
pub(super) const CALLS: usize = 8;
/// Calls until what DynamoDB leaves undone is given up.
const TRIES: u32 = 8;

const GET: &str = "dynamodb:BatchGetItem";
const WRITE: &str = "dynamodb:BatchWriteItem";

fn left_undone(operation: &str, count: usize) -> Error {
    Error::retryable("Throttled", format!("`{operation}` left {count} items undone in {TRIES} calls"))
}

impl DynamoDbCampaigns {
    /// The items of these keys that there are, by their keys. Any number, repeats allowed.
    pub(super) async fn items(
        &self,
        keys: impl IntoIterator<Item = String>,
        consistent: bool,
    ) -> Result<HashMap<String, Item>, Error> {
        // DynamoDB refuses a call that names a key twice.
        let keys: Vec<String> = keys.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = HashMap::with_capacity(keys.len());
        for calls in keys.chunks(KEYS * CALLS) {
            let calls = calls.chunks(KEYS).map(|keys| self.items_of_a_call(keys, consistent));
            for item in try_join_all(calls).await?.into_iter().flatten() {
                found.insert(Reader(&item).text(PK)?, item);
            }
        }
        Ok(found)
    }

    async fn items_of_a_call(&self, keys: &[String], consistent: bool) -> Result<Vec<Item>, Error> {
        let mut wanted: Vec<Item> = keys.iter().map(|key| item::of([(PK, text(key))])).collect();
        let mut found = Vec::with_capacity(wanted.len());
        for tries in 1..=TRIES {
            let request = KeysAndAttributes::builder().consistent_read(consistent).set_keys(Some(wanted));
            let request = request.build().map_err(|error| errors::request(GET, error))?;
            let get = self.client.batch_get_item().request_items(&self.table, request);
            let output = get.send().await.map_err(|error| item::failed(GET, &self.table, &error))?;
            found.extend(output.responses.unwrap_or_default().into_values().flatten());
            let left = output.unprocessed_keys.unwrap_or_default().into_values();
            wanted = left.flat_map(|left| left.keys).collect();
            if wanted.is_empty() {
                return Ok(found);
            }
            if tries < TRIES {
                pause(tries).await;
            }
        }
        Err(left_undone(GET, wanted.len()))
    }

    /// Writes items over those of the same keys, at most [`WRITES`] and each key once.
    pub(super) async fn overwrite(&self, items: Vec<Item>) -> Result<(), Error> {
        let mut wanted = items
            .into_iter()
            .map(|item| {
                let put = PutRequest::builder().set_item(Some(item)).build();
                Ok(WriteRequest::builder()
                    .put_request(put.map_err(|error| errors::request(WRITE, error))?)
                    .build())
            })
            .collect::<Result<Vec<_>, Error>>()?;
        for tries in 1..=TRIES {
            if wanted.is_empty() {
                return Ok(());
            }
            if tries > 1 {
                pause(tries - 1).await;
            }
            let write = self.client.batch_write_item().request_items(&self.table, wanted);
            let output = write.send().await.map_err(|error| item::failed(WRITE, &self.table, &error))?;
            wanted = output.unprocessed_items.unwrap_or_default().into_values().flatten().collect();
        }
        if wanted.is_empty() { Ok(()) } else { Err(left_undone(WRITE, wanted.len())) }
    }
}
