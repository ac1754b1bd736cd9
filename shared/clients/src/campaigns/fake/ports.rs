//! The ports, each as its contract has it.

use eventide_kit::error::Error;
use eventide_kit::ledger::Ledger as _;
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::provider::{News, Origin};
use eventide_types::campaign::record::Shard;
use eventide_types::campaign::verdict::Scored;
use eventide_types::campaign::{Campaign, ContentId};
use time::{Duration, OffsetDateTime};

use super::{Due, FakeCampaigns, Operation, due_by};
use crate::campaigns::dynamodb::{check_campaign, closed_already, unknown_shard};
use crate::campaigns::{
    Campaigns, Decisions, Known, Origins, Outcomes, Pace, Progress, Reports, Room, SCORE_DAYS, Scores, Shards,
};

impl Campaigns for FakeCampaigns {
    async fn campaign(&self, id: &str) -> Result<Option<Campaign>, Error> {
        Ok(self.checked(Operation::Campaign)?.campaigns.get(id).cloned())
    }

    async fn put(&self, campaign: &mut Campaign) -> Result<bool, Error> {
        let mut tables = self.checked(Operation::Put)?;
        let next = Campaign { revision: campaign.revision.saturating_add(1), ..campaign.clone() };
        check_campaign(&next)?;
        let current = tables.campaigns.get(&campaign.id);
        if current.map_or(0, |current| current.revision) == campaign.revision {
            tables.campaigns.insert(next.id.clone(), next.clone());
        } else if current != Some(&next) {
            return Ok(false);
        }
        campaign.revision = next.revision;
        Ok(true)
    }

    async fn due(&self, by: OffsetDateTime, most: usize) -> Result<Vec<String>, Error> {
        let indexes = self.checked(Operation::Due)?.indexes();
        Ok(due_by(indexes.campaigns, by, most).map(|(id, _)| id).collect())
    }
}

impl Scores for FakeCampaigns {
    async fn scores(&self, classifier: &str, contents: &[ContentId]) -> Result<Vec<Option<Scored>>, Error> {
        let tables = self.checked(Operation::Scores)?;
        let now = self.clock.as_ref().map(|clock| clock.now());
        let scored = |content: &ContentId| {
            let (scored, expiry) = tables.scores.get(&(classifier.to_owned(), *content))?;
            now.is_none_or(|now| *expiry > now).then(|| scored.clone())
        };
        Ok(contents.iter().map(scored).collect())
    }

    async fn keep(&self, classifier: &str, scored: &[Scored], now: OffsetDateTime) -> Result<(), Error> {
        let mut tables = self.checked(Operation::Keep)?;
        let expiry = now.saturating_add(Duration::days(SCORE_DAYS)).truncate_to_second();
        for scored in scored {
            tables.scores.insert((classifier.to_owned(), scored.content), (scored.clone(), expiry));
        }
        Ok(())
    }
}

impl Decisions for FakeCampaigns {
    async fn decide(&self, decision: &Decision) -> Result<Decision, Error> {
        let mut tables = self.checked(Operation::Decide)?;
        let standing = tables.decisions.entry((decision.campaign.clone(), decision.content));
        Ok(standing.or_insert_with(|| decision.clone()).clone())
    }

    async fn decisions(
        &self,
        campaign: &str,
        contents: &[ContentId],
    ) -> Result<Vec<Option<Decision>>, Error> {
        let tables = self.checked(Operation::Decisions)?;
        let decision = |content: &ContentId| tables.decisions.get(&(campaign.to_owned(), *content)).cloned();
        Ok(contents.iter().map(decision).collect())
    }
}

impl Shards for FakeCampaigns {
    async fn create(&self, shards: &[Shard]) -> Result<(), Error> {
        let mut tables = self.checked(Operation::Create)?;
        for shard in shards {
            tables.shards.entry(shard.key.clone()).or_insert_with(|| shard.clone());
        }
        Ok(())
    }

    async fn announce(
        &self,
        campaign: &str,
        upload: &str,
        generation: &str,
        shards: u64,
    ) -> Result<Progress, Error> {
        let mut tables = self.checked(Operation::Announce)?;
        let (progress, generations) =
            tables.progress.entry((campaign.to_owned(), upload.to_owned())).or_default();
        if generations.insert(generation.to_owned()) {
            progress.total += shards;
        }
        Ok(*progress)
    }

    async fn shard(&self, key: &str) -> Result<Option<Shard>, Error> {
        Ok(self.checked(Operation::Shard)?.shards.get(key).cloned())
    }

    async fn move_on(&self, shard: &mut Shard) -> Result<bool, Error> {
        let mut tables = self.checked(Operation::MoveOn)?;
        if shard.closed {
            return Err(closed_already(&shard.key));
        }
        let Some(current) = tables.shards.get_mut(&shard.key) else { return Ok(false) };
        let next = Shard { revision: shard.revision.saturating_add(1), ..shard.clone() };
        if current.revision == shard.revision && !current.closed {
            current.clone_from(&next);
        } else if *current != next {
            return Ok(false);
        }
        shard.revision = next.revision;
        Ok(true)
    }

    async fn close(&self, shard: &Shard) -> Result<Progress, Error> {
        let mut tables = self.checked(Operation::Close)?;
        let current = tables.shards.get_mut(&shard.key).ok_or_else(|| unknown_shard(&shard.key))?;
        let news = !current.closed;
        if news {
            let revision = current.revision.saturating_add(1);
            *current = Shard { closed: true, revision, ..shard.clone() };
        }
        let of = (shard.campaign.clone(), shard.upload.clone());
        if news && !shard.test {
            tables.progress.entry(of.clone()).or_default().0.closed += 1;
        }
        Ok(tables.progress.get(&of).map(|(progress, _)| *progress).unwrap_or_default())
    }

    async fn progress(&self, campaign: &str, upload: &str) -> Result<Progress, Error> {
        let tables = self.checked(Operation::Progress)?;
        let progress = tables.progress.get(&(campaign.to_owned(), upload.to_owned()));
        Ok(progress.map(|(progress, _)| *progress).unwrap_or_default())
    }

    async fn due_shards(&self, by: OffsetDateTime, most: usize) -> Result<Vec<String>, Error> {
        let indexes = self.checked(Operation::DueShards)?.indexes();
        Ok(due_by(indexes.shards, by, most).map(|(key, _)| key).collect())
    }
}

impl Origins for FakeCampaigns {
    async fn remember(&self, message_id: &str, origin: &Origin, _now: OffsetDateTime) -> Result<(), Error> {
        self.checked(Operation::Remember)?.origins.insert(message_id.to_owned(), origin.clone());
        Ok(())
    }

    async fn origin(&self, message_id: &str) -> Result<Option<Origin>, Error> {
        Ok(self.checked(Operation::Origin)?.origins.get(message_id).cloned())
    }
}

impl Outcomes for FakeCampaigns {
    async fn record(&self, news: &News) -> Result<bool, Error> {
        let mut tables = self.checked(Operation::Record)?;
        if tables.outcomes.get(&news.entry).is_some_and(|known| known.outcome >= news.outcome) {
            return Ok(false);
        }
        let news = News { at: news.at.truncate_to_millisecond(), ..news.clone() };
        tables.outcomes.insert(news.entry.clone(), news);
        Ok(true)
    }

    async fn known(&self, entries: &[String]) -> Result<Vec<Known>, Error> {
        let mut known: Vec<Known> = {
            let tables = self.checked(Operation::Known)?;
            let outcome = |entry| {
                let News { outcome, detail, at, .. } = tables.outcomes.get(entry)?.clone();
                Some((outcome, detail, at))
            };
            entries.iter().map(|entry| Known { entry: None, outcome: outcome(entry) }).collect()
        };
        if let Some(ledger) = &self.ledger {
            for (known, entry) in known.iter_mut().zip(entries) {
                known.entry = ledger.get(entry).await?;
            }
        }
        Ok(known)
    }
}

impl Reports for FakeCampaigns {
    async fn request(&self, campaign: &str, at: OffsetDateTime) -> Result<(), Error> {
        let mut tables = self.checked(Operation::Request)?;
        let at = at.truncate_to_millisecond();
        let due = tables.reports.entry(campaign.to_owned()).or_default();
        match due.at.filter(|standing| *standing <= at) {
            None => due.at = Some(at),
            // Due sooner. That report may be being written already, and another is needed after it.
            Some(standing) => {
                let again = at.max(standing + Duration::MILLISECOND);
                due.again = Some(due.again.map_or(again, |sooner| sooner.min(again)));
            }
        }
        Ok(())
    }

    async fn due_reports(
        &self,
        by: OffsetDateTime,
        most: usize,
    ) -> Result<Vec<(String, OffsetDateTime)>, Error> {
        let indexes = self.checked(Operation::DueReports)?.indexes();
        Ok(due_by(indexes.reports, by, most).collect())
    }

    async fn written(&self, campaign: &str, due_at: OffsetDateTime) -> Result<(), Error> {
        let mut tables = self.checked(Operation::Written)?;
        if let Some(due) = tables.reports.get_mut(campaign)
            && due.at == Some(due_at.truncate_to_millisecond())
        {
            *due = Due { at: due.again, again: None };
        }
        Ok(())
    }
}

impl Pace for FakeCampaigns {
    async fn take(&self, name: &str, per_second: f64, want: u32, now: OffsetDateTime) -> Result<Room, Error> {
        let mut tables = self.checked(Operation::Take)?;
        let grants = tables.rates.entry(name.to_owned()).or_default();
        Ok(match grants.take(per_second, want, now) {
            Ok((taken, next)) => {
                *grants = next;
                Room::For(taken)
            }
            Err(wait) => Room::After(wait),
        })
    }
}
