//! Changing the record of a campaign that others change, too.

use eventide_kit::error::Error;
use eventide_types::campaign::Campaign;

use super::Campaigns;

/// How often a change is made anew that met another.
const TRIES: usize = 8;

/// Changes the record of a campaign: reads it, and writes it back unless another wrote it meanwhile, in which case it is read
/// and changed anew. `change` says whether there is anything to change; it sees the record as it stands, and may be called
/// more than once. The record as it is then, or `None` if there is none or nothing was to be changed.
///
/// # Errors
/// Those of the store; `Retryable.CampaignBusy` if others were quicker every time.
pub async fn update(
    store: &impl Campaigns,
    id: &str,
    mut change: impl FnMut(&mut Campaign) -> bool + Send,
) -> Result<Option<Campaign>, Error> {
    for _ in 0..TRIES {
        let Some(mut campaign) = store.campaign(id).await? else { return Ok(None) };
        if !change(&mut campaign) {
            return Ok(None);
        }
        if store.put(&mut campaign).await? {
            return Ok(Some(campaign));
        }
    }
    Err(Error::retryable("CampaignBusy", format!("the record of campaign `{id}` is written by others")))
}
