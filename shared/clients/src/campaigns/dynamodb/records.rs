//! Campaigns.

use eventide_kit::error::Error;
use eventide_kit::item::{self, Item, PK, Reader, json, millis, number, text};
use eventide_types::campaign::Campaign;
use time::OffsetDateTime;

use super::{DUE_AT, DynamoDbCampaigns, OPEN, REVISION, Written, key, kind};
use crate::campaigns::Campaigns;

const RECORD: &str = "campaign";

fn to_item(campaign: &Campaign) -> Result<Item, Error> {
    let mut item = item::of([
        (PK, text(key(kind::CAMPAIGN, &campaign.id))),
        (REVISION, number(campaign.revision)),
        (RECORD, json(campaign)?),
    ]);
    if let Some(due_at) = campaign.due_at {
        item.insert(OPEN.to_owned(), text(kind::CAMPAIGN));
        item.insert(DUE_AT.to_owned(), millis(due_at));
    }
    item::check_size(&item).map_err(|error| {
        let message = format!(
            "the record of campaign `{}` is too long, expected shorter texts in its settings",
            campaign.id
        );
        Error::permanent("CampaignTooLong", message).with_source(error)
    })?;
    Ok(item)
}

/// Checks what an item cannot hold.
#[cfg(feature = "testing")]
pub(in crate::campaigns) fn check_campaign(campaign: &Campaign) -> Result<(), Error> {
    to_item(campaign).map(drop)
}

impl Campaigns for DynamoDbCampaigns {
    async fn campaign(&self, id: &str) -> Result<Option<Campaign>, Error> {
        let item = self.item(key(kind::CAMPAIGN, id)).await?;
        item.map(|item| Reader(&item).json(RECORD)).transpose()
    }

    async fn put(&self, campaign: &mut Campaign) -> Result<bool, Error> {
        let before = campaign.revision;
        let next = Campaign { revision: before.saturating_add(1), ..campaign.clone() };
        let item = to_item(&next)?;
        let written = match before {
            0 => self.put_new(item).await?,
            _ => self.put(item, "#revision = :revision", [(REVISION, number(before))]).await?,
        };
        let done = match written {
            Written::Done(_) => true,
            Written::Refused(None) => false,
            // The SDK repeats a write whose answer was lost, and the repeat is refused because of the first.
            Written::Refused(Some(current)) => Reader(&current).json::<Campaign>(RECORD)? == next,
        };
        if done {
            campaign.revision = next.revision;
        }
        Ok(done)
    }

    async fn due(&self, by: OffsetDateTime, most: usize) -> Result<Vec<String>, Error> {
        let due = self.due_of(kind::CAMPAIGN, by, most).await?;
        Ok(due.into_iter().map(|(id, _)| id).collect())
    }
}
