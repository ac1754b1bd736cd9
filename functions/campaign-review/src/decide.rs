//! Decisions about held contents.

use std::collections::HashSet;

use bytes::Bytes;
use eventide_clients::campaigns::Decisions as _;
use eventide_clients::s3::{Bucket as _, Lines};
use eventide_clients::sqs::{Outgoing, Queue as _};
use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::keys::{Work, report};
use eventide_types::campaign::record::State;
use eventide_types::campaign::{Campaign, ContentId, message};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
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
        match campaign.state {
            State::Sending | State::Sent => {}
            State::Screening | State::Classifying | State::Judging => {
                let message = format!("campaign `{}` is not screened yet", campaign.id);
                return Err(Error::retryable("NotScreenedYet", message));
            }
            State::Cancelled | State::Failed => {
                let message = format!("campaign `{}` is {}", campaign.id, campaign.state.as_str());
                return Err(Error::permanent("CampaignOver", message));
            }
        }
        if decisions.iter().filter_map(|decision| decision.label.as_ref()).any(|label| !is_label(label)) {
            let message = format!("`label` is not valid, expected 1 to {MAX_LABEL} printable characters");
            return Err(Error::permanent("InvalidCommand", message));
        }
        self.are_held(campaign, &decisions).await?;
        // Of two about one content the first counts, as of all.
        let mut seen = HashSet::with_capacity(decisions.len());
        let first = decisions.iter().filter(|decision| seen.insert(decision.content));
        let asked: Vec<_> = first.map(|decision| self.ports.store().decide(decision)).collect();
        let decided: Vec<Decision> = stream::iter(asked).buffered(CONCURRENCY).try_collect().await?;
        // Those of a repeat, too: it may follow upon a crash.
        let standing: Vec<Decision> =
            decided.into_iter().filter(|decision| decision.source == source).collect();
        if standing.is_empty() {
            return Ok((false, 0));
        }
        let name = release(source);
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
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
        Ok((true, standing.len() as u64))
    }

    /// Checks that contents are held, or were and are decided on.
    async fn are_held(&self, campaign: &Campaign, decisions: &[Decision]) -> Result<(), Error> {
        let mut open: HashSet<ContentId> = decisions.iter().map(|decision| decision.content).collect();
        if let Some(opened) = self.ports.reports().open(&report::review(&campaign.id), None).await? {
            let mut lines = Lines::new(opened.body);
            while let Some(line) = lines.next().await? {
                let held: Held = parse(&line)?;
                open.remove(&held.content);
            }
        }
        let open: Vec<ContentId> = open.into_iter().collect();
        let decided = self.ports.store().decisions(&campaign.id, &open).await?;
        let unknown = open.iter().zip(decided).find(|(_, decided)| decided.is_none());
        match unknown {
            None => Ok(()),
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

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.chars().count()) && !label.chars().any(char::is_control)
}

/// The name of what one command or file releases.
pub(crate) fn release(source: &str) -> String {
    let mut name = hex::encode(Sha256::digest(source));
    name.truncate(16);
    name
}
