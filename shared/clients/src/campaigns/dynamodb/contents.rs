//! Scores of contents, and decisions about them.

use std::collections::BTreeMap;

use eventide_kit::error::Error;
use eventide_kit::item::{self, EXPIRES_AT, Item, PK, Reader, json, seconds, text};
use eventide_types::campaign::ContentId;
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::verdict::{Scored, Scores as Part};
use futures_util::future::try_join_all;
use time::{Duration, OffsetDateTime};

use super::batch::{CALLS, WRITES};
use super::{DynamoDbCampaigns, Written, key};
use crate::campaigns::{Decisions, SCORE_DAYS, Scores};

const PARTS: &str = "parts";
const DECISION: &str = "decision";

/// A classifier version has an ARN,
/// `arn:aws:comprehend:REGION:ACCOUNT:document-classifier/NAME/version/VERSION`, whose end tells it from
/// others of the account.
fn scores_key(classifier: &str, content: ContentId) -> String {
    let name = classifier.split_once("document-classifier/").map_or(classifier, |(_, name)| name);
    key("scores", format_args!("{name}#{content}"))
}

fn decision_key(campaign: &str, content: ContentId) -> String {
    key(DECISION, format_args!("{campaign}#{content}"))
}

/// `None`: they do not fit into an item, which a text of very many parts and labels could bring about. They
/// are asked for anew, then.
fn to_item(classifier: &str, scored: &Scored, expiry: OffsetDateTime) -> Result<Option<Item>, Error> {
    let item = item::of([
        (PK, text(scores_key(classifier, scored.content))),
        (PARTS, json(&scored.parts)?),
        (EXPIRES_AT, seconds(expiry)),
    ]);
    if let Err(error) = item::check_size(&item) {
        tracing::warn!(content = %scored.content, %error, "scores not kept");
        return Ok(None);
    }
    Ok(Some(item))
}

impl Scores for DynamoDbCampaigns {
    async fn scores(&self, classifier: &str, contents: &[ContentId]) -> Result<Vec<Option<Scored>>, Error> {
        let keys = contents.iter().map(|content| scores_key(classifier, *content));
        // Scores that are not seen yet are asked for anew.
        let found = self.items(keys, false).await?;
        let now = self.clock.now();
        let scored = |content: &ContentId| {
            let Some(item) = found.get(&scores_key(classifier, *content)) else { return Ok(None) };
            // DynamoDB deletes what has expired within days.
            if Reader(item).seconds(EXPIRES_AT)? <= now {
                return Ok(None);
            }
            let parts = Reader(item).json::<Vec<Part>>(PARTS)?;
            Ok(Some(Scored { content: *content, parts }))
        };
        contents.iter().map(scored).collect()
    }

    async fn keep(&self, classifier: &str, scored: &[Scored], now: OffsetDateTime) -> Result<(), Error> {
        let expiry = now.saturating_add(Duration::days(SCORE_DAYS));
        for calls in scored.chunks(WRITES * CALLS) {
            // DynamoDB refuses a call that names a key twice.
            let each: BTreeMap<_, _> = calls.iter().map(|scored| (scored.content, scored)).collect();
            let items = each.into_values().map(|scored| to_item(classifier, scored, expiry));
            let items = items.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
            try_join_all(items.chunks(WRITES).map(|items| self.overwrite(items.to_vec()))).await?;
        }
        Ok(())
    }
}

impl Decisions for DynamoDbCampaigns {
    async fn decide(&self, decision: &Decision) -> Result<Decision, Error> {
        let pk = text(decision_key(&decision.campaign, decision.content));
        match self.put_new(item::of([(PK, pk), (DECISION, json(decision)?)])).await? {
            Written::Done(_) => Ok(decision.clone()),
            Written::Refused(standing) => Reader(&item::returned(standing)?).json(DECISION),
        }
    }

    async fn decisions(
        &self,
        campaign: &str,
        contents: &[ContentId],
    ) -> Result<Vec<Option<Decision>>, Error> {
        let keys = contents.iter().map(|content| decision_key(campaign, *content));
        let found = self.items(keys, true).await?;
        let decision = |content: &ContentId| {
            found.get(&decision_key(campaign, *content)).map(|item| Reader(item).json(DECISION)).transpose()
        };
        contents.iter().map(decision).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_classifier_and_version() {
        let content = ContentId([7; 16]);
        for (classifier, expected) in [
            (
                "arn:aws:comprehend:us-east-1:111122223333:document-classifier/screen/version/v2",
                "scores#screen/version/v2#07070707070707070707070707070707",
            ),
            ("another", "scores#another#07070707070707070707070707070707"),
        ] {
            assert_eq!(scores_key(classifier, content), expected);
        }
    }
}
