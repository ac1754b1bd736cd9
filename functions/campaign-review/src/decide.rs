//! Decisions about held contents.

use std::collections::HashSet;

use bytes::Bytes;
use eventide_clients::campaigns::{Decisions as _, Shards as _};
use eventide_clients::s3::{Bucket as _, Lines};
use eventide_clients::sqs::{Outgoing, Queue as _};
use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::keys::{Work, report};
use eventide_types::campaign::record::State;
use eventide_types::campaign::{Campaign, ContentId, message};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::event::Given;
use crate::review::{CampaignReview, Ports};

/// Contents of one command.
const MOST: usize = 1_000;
/// Decisions that are kept at a time.
const CONCURRENCY: usize = 8;
/// Characters of a label (Amazon Comprehend Developer Guide, "Preparing classifier training data": 5,000 bytes in all).
const MAX_LABEL: usize = 256;

#[derive(Deserialize)]
struct Held {
    content: ContentId,
}

impl<P: Ports> CampaignReview<P> {
    /// Decides on contents by one command.
    pub(crate) async fn contents(
        &self,
        campaign: &Campaign,
        given: &Given,
        contents: &[ContentId],
        approved: bool,
        label: Option<&str>,
    ) -> Result<(bool, u64), Error> {
        if contents.is_empty() || contents.len() > MOST {
            let message = format!("the command has {} contents, expected 1 to {MOST}", contents.len());
            return Err(Error::permanent("InvalidCommand", message));
        }
        let command = &given.command;
        let decision = |content: &ContentId| Decision {
            campaign: campaign.id.clone(),
            content: *content,
            approved,
            by: command.by.clone(),
            reason: command.reason.clone(),
            label: label.map(str::to_owned),
            at: given.at,
            source: given.source.clone(),
        };
        let decisions: Vec<_> = contents.iter().map(decision).collect();
        self.decide(campaign, &given.source, decisions).await
    }

    /// Keeps decisions, all or none of which are about held contents, and has campaign-judge carry them out.
    pub(crate) async fn decide(
        &self,
        campaign: &Campaign,
        source: &str,
        decisions: Vec<Decision>,
    ) -> Result<(bool, u64), Error> {
        is_open(campaign)?;
        if decisions.iter().filter_map(|decision| decision.label.as_ref()).any(|label| !is_label(label)) {
            let message = format!("`label` is not valid, expected 1 to {MAX_LABEL} printable characters");
            return Err(Error::permanent("InvalidCommand", message));
        }
        let held = self.held_of(campaign, &decisions).await?;
        // Of two about one content the first counts, as of all.
        let mut seen = HashSet::with_capacity(decisions.len());
        let first: Vec<_> = decisions.iter().filter(|decision| seen.insert(decision.content)).collect();
        let decided: Vec<Decision> = self.kept(&first).try_collect().await?;
        let count = decided.iter().filter(|decision| decision.source == source).count() as u64;
        // What was decided so before, too, by whomever: who did may have died before it was carried out.
        let agreed = first.iter().zip(decided).filter(|(asked, stands)| asked.approved == stands.approved);
        let mut standing: Vec<Decision> = agreed.map(|(_, stands)| stands).collect();
        standing.sort_unstable_by_key(|decision| decision.content);
        if standing.is_empty() {
            return Ok((false, 0));
        }
        // Another upload may have been judged before these were kept, of which it takes another judging. One that begins from
        // now on is judged by them from the start.
        let campaign = self.campaign(&campaign.id).await?;
        is_open(&campaign)?;
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        let name = release_of(&standing);
        if !standing.iter().any(|decision| held.contains(&decision.content))
            && self.is_carried_out(work, &name, &standing).await?
        {
            return Ok((count > 0, count));
        }
        let mut lines = Vec::new();
        for decision in &standing {
            serde_json::to_writer(&mut lines, decision).map_err(|error| {
                Error::permanent("Unwritable", "the decision cannot be written").with_source(error)
            })?;
            lines.push(b'\n');
        }
        self.ports.work().put(&work.release(&name), "application/x-ndjson", Bytes::from(lines)).await?;
        let next = message::Judge {
            campaign: campaign.id.clone(),
            upload: campaign.upload.clone(),
            release: Some(name),
        };
        self.ports.judge_queue().send_all(vec![Outgoing::json(&next, 0)?]).await?;
        Ok((count > 0, count))
    }

    /// Keeps decisions, a few at a time: those that stand, in the order given. A call's future is made when its turn comes,
    /// not those of a whole file at once.
    fn kept<'a>(
        &'a self,
        asked: &'a [&'a Decision],
    ) -> impl Stream<Item = Result<Decision, Error>> + Send + 'a {
        stream::iter(asked).map(|decision| self.ports.store().decide(decision)).buffered(CONCURRENCY)
    }

    /// Whether a release of contents that are not listed as held any more has shards. Rejections have none: that their
    /// contents are not listed is all that comes of them.
    async fn is_carried_out(&self, work: Work<'_>, name: &str, standing: &[Decision]) -> Result<bool, Error> {
        if !standing.iter().any(|decision| decision.approved) {
            return Ok(true);
        }
        Ok(self.ports.store().shard(&work.shard(name, 0)).await?.is_some())
    }

    /// Checks that contents are held, or were and are decided on. Those that are listed as held.
    async fn held_of(
        &self,
        campaign: &Campaign,
        decisions: &[Decision],
    ) -> Result<HashSet<ContentId>, Error> {
        let mut open: HashSet<ContentId> = decisions.iter().map(|decision| decision.content).collect();
        let mut listed = HashSet::new();
        if let Some(opened) = self.ports.reports().open(&report::review(&campaign.id), None).await? {
            let mut lines = Lines::new(opened.body);
            while let Some(line) = lines.next().await? {
                let held: Held = parse(&line)?;
                if open.remove(&held.content) {
                    listed.insert(held.content);
                }
            }
        }
        let open: Vec<ContentId> = open.into_iter().collect();
        let decided = self.ports.store().decisions(&campaign.id, &open).await?;
        let unknown = open.iter().zip(decided).find(|(_, decided)| decided.is_none());
        match unknown {
            None => Ok(listed),
            Some((content, _)) => {
                let message = format!(
                    "content `{content}` is not held, expected one of `{}` in the report bucket",
                    report::review(&campaign.id)
                );
                Err(Error::permanent("NotHeld", message))
            }
        }
    }
}

/// Checks that a campaign's contents can be decided on now.
fn is_open(campaign: &Campaign) -> Result<(), Error> {
    match campaign.state {
        State::Sending | State::Sent => Ok(()),
        State::Screening | State::Classifying | State::Judging => {
            let message = format!("campaign `{}` is not screened yet", campaign.id);
            Err(Error::retryable("NotScreenedYet", message))
        }
        State::Cancelled | State::Failed => {
            let message = format!("campaign `{}` is {}", campaign.id, campaign.state.as_str());
            Err(Error::permanent("CampaignOver", message))
        }
    }
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.chars().count()) && !label.chars().any(char::is_control)
}

/// The name of a release: the same decisions have the same one, whoever has them carried out.
fn release_of(standing: &[Decision]) -> String {
    let word = |decision: &Decision| format!("{}={}\n", decision.content, decision.approved);
    name_of(&standing.iter().map(word).collect::<String>())
}

/// A name for what has this content.
pub(crate) fn name_of(content: &str) -> String {
    let mut name = hex::encode(Sha256::digest(content));
    name.truncate(16);
    name
}
