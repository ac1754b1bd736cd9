//! What became of messages.

use eventide_kit::error::Error;
use eventide_kit::item::{self, Item, PK, Reader, millis, number, text};
use eventide_kit::ledger::Entry;
use eventide_types::campaign::provider::{News, Outcome};
use time::OffsetDateTime;

use super::{DynamoDbCampaigns, Written, chance, key};
use crate::campaigns::{Known, Outcomes};

const OUTCOME: &str = "outcome";
const RANK: &str = "rank";
const NONCE: &str = "nonce";

/// Outcomes and the numbers that stand for them where DynamoDB compares them. These are stored: another
/// outcome goes between.
const RANKS: [(Outcome, u8); 7] = [
    (Outcome::Accepted, 10),
    (Outcome::Delayed, 20),
    (Outcome::Failed, 30),
    (Outcome::Delivered, 50),
    (Outcome::Bounced, 55),
    (Outcome::Unsubscribed, 60),
    (Outcome::Complained, 70),
];

fn rank(outcome: Outcome) -> u8 {
    RANKS.into_iter().find(|(known, _)| *known == outcome).map_or(0, |(_, rank)| rank)
}

fn outcome_key(entry: &str) -> String {
    key(OUTCOME, entry)
}

fn from_item(item: &Item) -> Result<(Outcome, Option<String>, OffsetDateTime), Error> {
    let read = Reader(item);
    let name = read.text(OUTCOME)?;
    let outcome = RANKS.into_iter().find(|(known, _)| known.as_str() == name);
    let (outcome, _) = outcome.ok_or_else(|| read.unreadable(OUTCOME, "a provider's word"))?;
    Ok((outcome, read.optional_text("detail"), read.moment("at")?))
}

impl Outcomes for DynamoDbCampaigns {
    async fn record(&self, news: &News) -> Result<bool, Error> {
        let nonce = format!("{:016x}", chance());
        let rank = number(rank(news.outcome));
        let mut item = item::of([
            (PK, text(outcome_key(&news.entry))),
            (OUTCOME, text(news.outcome.as_str())),
            (RANK, rank.clone()),
            ("campaign", text(&news.campaign)),
            ("message_id", text(&news.message_id)),
            ("at", millis(news.at)),
            (NONCE, text(&nonce)),
        ]);
        if let Some(detail) = &news.detail {
            item.insert("detail".to_owned(), text(detail));
        }
        let condition = "attribute_not_exists(pk) OR #rank < :rank";
        Ok(match self.put(item, condition, [(RANK, rank)]).await? {
            Written::Done(_) => true,
            // The SDK repeats a write whose answer was lost, and the repeat is refused because of the first.
            // The same news, delivered again, has another nonce.
            Written::Refused(current) => current
                .is_some_and(|current| Reader(&current).optional_text(NONCE).is_some_and(|of| of == nonce)),
        })
    }

    async fn known(&self, entries: &[String]) -> Result<Vec<Known>, Error> {
        let keys = entries.iter().flat_map(|entry| [Entry::item_key(entry), outcome_key(entry)]);
        let found = self.items(keys, true).await?;
        let known = |entry: &String| {
            Ok(Known {
                entry: found.get(&Entry::item_key(entry)).map(Entry::from_item).transpose()?,
                outcome: found.get(&outcome_key(entry)).map(from_item).transpose()?,
            })
        };
        entries.iter().map(known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_ordered_as_outcomes_are() {
        for pair in RANKS.windows(2) {
            assert!(pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1, "{pair:?}");
            assert!(rank(pair[0].0) < rank(pair[1].0));
        }
    }
}
