//! Whose messages a provider's ids stand for.

use eventide_kit::error::Error;
use eventide_kit::item::{self, EXPIRES_AT, PK, Reader, seconds, text};
use eventide_types::campaign::provider::Origin;
use time::{Duration, OffsetDateTime};

use super::{DynamoDbCampaigns, key};
use crate::campaigns::{ORIGIN_DAYS, Origins};

const ENTRY: &str = "entry";
const CAMPAIGN: &str = "campaign";

fn origin_key(message_id: &str) -> String {
    key("origin", message_id)
}

impl Origins for DynamoDbCampaigns {
    async fn remember(&self, message_id: &str, origin: &Origin, now: OffsetDateTime) -> Result<(), Error> {
        let item = item::of([
            (PK, text(origin_key(message_id))),
            (ENTRY, text(&origin.entry)),
            (CAMPAIGN, text(&origin.campaign)),
            (EXPIRES_AT, seconds(now.saturating_add(Duration::days(ORIGIN_DAYS)))),
        ]);
        self.overwrite_one(item).await
    }

    async fn origin(&self, message_id: &str) -> Result<Option<Origin>, Error> {
        let Some(item) = self.item(origin_key(message_id)).await? else { return Ok(None) };
        let read = Reader(&item);
        Ok(Some(Origin { entry: read.text(ENTRY)?, campaign: read.text(CAMPAIGN)? }))
    }
}
