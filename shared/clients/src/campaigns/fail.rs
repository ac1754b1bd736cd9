//! Campaigns that come to nothing: whoever waits is told, and the record says so.

use eventide_kit::clock::Clock;
use eventide_kit::error::Error;
use eventide_types::campaign::Campaign;
use eventide_types::campaign::event::{FAILED, Failed, SOURCE};
use eventide_types::campaign::record::State;

use super::{Campaigns, update};
use crate::event_bus::{Event, EventBus};

/// Tells `Campaign Failed` of an upload. `error` has no content of the file.
///
/// # Errors
/// Those of the event bus.
pub async fn tell_failed(
    event_bus: &impl EventBus,
    campaign: &str,
    upload: &str,
    error: &Error,
) -> Result<(), Error> {
    let failed = Failed {
        campaign: campaign.to_owned(),
        upload: upload.to_owned(),
        error_class: error.error_type().to_owned(),
        reason: error.to_string(),
    };
    event_bus.send(&Event::new(SOURCE, FAILED, &failed)?).await
}

/// Tells `Campaign Failed`, then makes the record a failed one if it still `is_ours`. The event comes first: who is told twice
/// knows no less.
///
/// # Errors
/// Those of the event bus, and of [`update`].
pub async fn fail(
    store: &impl Campaigns,
    event_bus: &impl EventBus,
    clock: &dyn Clock,
    campaign: &Campaign,
    error: &Error,
    is_ours: impl Fn(&Campaign) -> bool + Send,
) -> Result<(), Error> {
    tell_failed(event_bus, &campaign.id, &campaign.upload, error).await?;
    let failed = update(store, &campaign.id, move |record| {
        let is_ours = is_ours(record);
        if is_ours {
            record.state = State::Failed;
            record.reason = Some(error.to_string());
            record.updated_at = clock.now();
            record.due_at = None;
        }
        is_ours
    });
    failed.await.map(drop)
}
