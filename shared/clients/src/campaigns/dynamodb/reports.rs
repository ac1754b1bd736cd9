//! Reports that are to be written.
//!
//! An item says when the report is due and, in `again_at`, when another is after that one: for what is asked
//! for later than the report that may be being written just now.

use eventide_kit::error::Error;
use eventide_kit::item::{Item, Reader, millis, number, text};
use time::OffsetDateTime;

use super::{DUE_AT, DynamoDbCampaigns, OPEN, Written, key, kind};
use crate::campaigns::Reports;

const AGAIN_AT: &str = "again_at";
/// Writes until one is given up that others are always ahead of.
const TRIES: usize = 10;

fn moment(item: Option<&Item>, name: &str) -> Result<Option<i64>, Error> {
    item.map(Reader).filter(|read| read.has(name)).map(|read| read.number(name)).transpose()
}

fn in_the_way(campaign: &str) -> Error {
    let message = format!("the report of campaign `{campaign}` was not noted: other writes were in the way");
    Error::retryable("WriteConflict", message)
}

impl Reports for DynamoDbCampaigns {
    async fn request(&self, campaign: &str, at: OffsetDateTime) -> Result<(), Error> {
        let millis_of = |at: OffsetDateTime| at.unix_timestamp_nanos().div_euclid(1_000_000);
        let at_millis = i64::try_from(millis_of(at)).unwrap_or(i64::MAX);
        for _ in 0..TRIES {
            let update = self
                .update(key(kind::REPORT, campaign))
                .update_expression("SET #open = :open, #due_at = :at")
                .condition_expression("attribute_not_exists(#due_at) OR #due_at > :at")
                .expression_attribute_names("#open", OPEN)
                .expression_attribute_names("#due_at", DUE_AT)
                .expression_attribute_values(":open", text(kind::REPORT))
                .expression_attribute_values(":at", number(at_millis));
            let Written::Refused(current) = self.updated(update).await? else { return Ok(()) };
            // Due sooner. That report may be being written already, and another is needed after it.
            let Some(due_at) = moment(current.as_ref(), DUE_AT)? else { continue };
            let again_at = at_millis.max(due_at.saturating_add(1));
            if moment(current.as_ref(), AGAIN_AT)?.is_some_and(|standing| standing <= again_at) {
                return Ok(());
            }
            let update = self
                .update(key(kind::REPORT, campaign))
                .update_expression("SET #again_at = :again_at")
                .condition_expression(
                    "#due_at = :due_at AND (attribute_not_exists(#again_at) OR #again_at > :again_at)",
                )
                .expression_attribute_names("#due_at", DUE_AT)
                .expression_attribute_names("#again_at", AGAIN_AT)
                .expression_attribute_values(":due_at", number(due_at))
                .expression_attribute_values(":again_at", number(again_at));
            if let Written::Done(_) = self.updated(update).await? {
                return Ok(());
            }
        }
        Err(in_the_way(campaign))
    }

    async fn due_reports(
        &self,
        by: OffsetDateTime,
        most: usize,
    ) -> Result<Vec<(String, OffsetDateTime)>, Error> {
        self.due_of(kind::REPORT, by, most).await
    }

    async fn written(&self, campaign: &str, due_at: OffsetDateTime) -> Result<(), Error> {
        let mut again_at: Option<i64> = None;
        for _ in 0..TRIES {
            let mut update = self
                .update(key(kind::REPORT, campaign))
                .expression_attribute_names("#due_at", DUE_AT)
                .expression_attribute_names("#again_at", AGAIN_AT)
                .expression_attribute_values(":due_at", millis(due_at));
            update = match again_at {
                None => update
                    .update_expression("REMOVE #open, #due_at")
                    .expression_attribute_names("#open", OPEN)
                    .condition_expression("#due_at = :due_at AND attribute_not_exists(#again_at)"),
                Some(again_at) => update
                    .update_expression("SET #due_at = :again_at REMOVE #again_at")
                    .expression_attribute_values(":again_at", number(again_at))
                    .condition_expression("#due_at = :due_at AND #again_at = :again_at"),
            };
            let Written::Refused(current) = self.updated(update).await? else {
                return Ok(());
            };
            again_at = moment(current.as_ref(), AGAIN_AT)?;
            let standing = current.as_ref().map(|item| Reader(item).optional_moment(DUE_AT)).transpose()?;
            if standing.flatten().is_none_or(|standing| millis(standing) != millis(due_at)) {
                return Ok(());
            }
        }
        Err(in_the_way(campaign))
    }
}
