//! Rates.

use std::time::Duration;

use eventide_kit::error::Error;
use eventide_kit::item::{Reader, json, text};
use time::OffsetDateTime;

use super::{DynamoDbCampaigns, Written, chance, key};
use crate::campaigns::pace::Grants;
use crate::campaigns::{Pace, Room};

const GRANTS: &str = "grants";
/// Lost races until the taker is sent away for a moment.
const TRIES: usize = 10;

impl Pace for DynamoDbCampaigns {
    async fn take(&self, name: &str, per_second: f64, want: u32, now: OffsetDateTime) -> Result<Room, Error> {
        let mut seen: Option<String> = None;
        for _ in 0..TRIES {
            let grants = match &seen {
                Some(seen) => serde_json::from_str(seen).map_err(|_other| unreadable(name))?,
                None => Grants::default(),
            };
            let (taken, next) = match grants.take(per_second, want, now) {
                Ok(taken) => taken,
                Err(wait) => return Ok(Room::After(wait)),
            };
            let update = self
                .update(key("pace", name))
                .update_expression("SET #grants = :next")
                .expression_attribute_names("#grants", GRANTS)
                .expression_attribute_values(":next", json(&next)?);
            let update = match &seen {
                Some(seen) => update
                    .condition_expression("#grants = :seen")
                    .expression_attribute_values(":seen", text(seen)),
                None => update.condition_expression("attribute_not_exists(#grants)"),
            };
            match self.updated(update).await? {
                Written::Done(_) => return Ok(Room::For(taken)),
                // Another was faster, or it was us and the answer was lost: then the permits are lost, too.
                Written::Refused(current) => {
                    seen = current.and_then(|current| Reader(&current).optional_text(GRANTS));
                }
            }
        }
        Ok(Room::After(Duration::from_millis(100 + chance() % 400)))
    }
}

fn unreadable(name: &str) -> Error {
    let message = format!("what was taken of the rate `{name}` is not readable, expected a list of grants");
    Error::permanent("UnreadableItem", message)
}
