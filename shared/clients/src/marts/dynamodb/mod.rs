//! The ports in DynamoDB.

mod catalogue;
mod requests;
mod usages;

use aws_sdk_dynamodb::Client;
use aws_types::SdkConfig;
use eventide_kit::item::{self, Item, PK, text};
#[cfg(feature = "testing")]
pub(super) use requests::check_record;
pub use usages::DynamoDbUsages;

/// [`Catalogue`](super::Catalogue) and [`Requests`](super::Requests) in the ledger table: partition key `pk` (S), TTL
/// on `expires_at`, and the index `open` with partition key `open` (S) and sort key `moved_at` (N), keys only.
#[derive(Clone, Debug)]
pub struct DynamoDbMarts {
    client: Client,
    table: String,
}

impl DynamoDbMarts {
    /// In `table`.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(config), table: table.into() }
    }

    async fn item(&self, pk: String) -> Result<Option<Item>, eventide_kit::error::Error> {
        let get = self.client.get_item().table_name(&self.table).key(PK, text(pk)).consistent_read(true);
        let output =
            get.send().await.map_err(|error| item::failed("dynamodb:GetItem", &self.table, &error))?;
        Ok(output.item)
    }
}
