//! What became of approved messages, one by one.

use std::collections::HashMap;

use eventide_clients::campaigns::{Known, Outcomes as _, Shards as _};
use eventide_clients::s3::{Bucket as _, Lines, Writer};
use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_kit::ledger::{Entry, State};
use eventide_types::campaign::keys::{Work, report};
use eventide_types::campaign::outgoing::Outgoing;
use eventide_types::campaign::provider::Outcome;
use eventide_types::campaign::record::State as CampaignState;
use eventide_types::campaign::{Campaign, ContentId};
use serde::Serialize;

use crate::figures::{Delivery, Figures};
use crate::report::{CampaignReport, Ports};

/// Messages that are asked after at a time, as many as one call of DynamoDB takes.
const ASKED: usize = 100;
/// Keys of one listing.
const LISTED: usize = 1_000;
/// Reasons of refusals that are told apart.
const REASONS: usize = 100;

/// What became of one message: without its recipient and text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: &'a str,
    line: u64,
    channel: &'static str,
    content: ContentId,
    entry: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome_detail: Option<&'a str>,
}

/// The shards that are there without anybody's decision, all of them from the beginning of the sending.
const FIRST: &str = "/shards/first/";

/// What was told of so far.
///
/// A generation of shards has all messages of each of its contents. A content may be in two of them: a person's approval counts
/// when an upload is judged, and whoever repeats it may have it released once more. Its messages are sent once, and told of
/// once.
#[derive(Default)]
struct Counted {
    /// The generation that is being told of, and its number.
    generation: (String, u32),
    /// The number of the generation that a content was told of in.
    contents: HashMap<ContentId, u32>,
}

impl Counted {
    /// From now on the shard of this key is told of.
    fn at(&mut self, key: &str) {
        let generation = key.rsplit_once('/').map_or(key, |(generation, _)| generation);
        if self.generation.0 != generation {
            self.generation = (generation.to_owned(), self.generation.1 + 1);
        }
    }

    /// Whether the messages of a content were told of in another generation.
    fn has(&mut self, content: ContentId) -> bool {
        *self.contents.entry(content).or_insert(self.generation.1) != self.generation.1
    }
}

impl<P: Ports> CampaignReport<P> {
    /// Tells of each approved message, and counts into `figures`.
    pub(crate) async fn count_deliveries(
        &self,
        campaign: &Campaign,
        figures: &mut Figures,
    ) -> Result<(), Error> {
        let mut told =
            Writer::new(self.ports.reports(), report::deliveries(&campaign.id), "application/x-ndjson");
        let prefix = Work { campaign: &campaign.id, upload: &campaign.upload }.shards();
        let mut counted = Counted::default();
        // Releases come last: of one that is just being made known not all shards are there.
        for is_first in [true, false] {
            let mut after: Option<String> = None;
            loop {
                let keys = self.ports.work().list(&prefix, after.as_deref(), LISTED).await?;
                let Some(last) = keys.last() else { break };
                after = Some(last.clone());
                let keys = keys.iter().filter(|key| key.contains(FIRST) == is_first);
                for key in keys.filter(|key| !key.contains("/shards/test-")) {
                    let shard = self.ports.store().shard(key).await?;
                    // A shard that is not known is one of a join that did not come to its end.
                    let Some(shard) = shard else { continue };
                    let is_over = shard.closed || campaign.state == CampaignState::Cancelled;
                    counted.at(key);
                    self.of_shard(campaign, key, is_over, &mut counted, &mut told, figures).await?;
                }
            }
        }
        told.finish().await
    }

    async fn of_shard(
        &self,
        campaign: &Campaign,
        key: &str,
        is_over: bool,
        counted: &mut Counted,
        told: &mut Writer<'_, P::Bucket>,
        figures: &mut Figures,
    ) -> Result<(), Error> {
        let Some(mut lines) = Lines::open(self.ports.work(), key).await? else { return Ok(()) };
        let mut messages: Vec<Outgoing> = Vec::with_capacity(ASKED);
        loop {
            let line = lines.next().await?;
            let is_end = line.is_none();
            if let Some(line) = line {
                let message: Outgoing = parse(&line)?;
                if !counted.has(message.content) {
                    messages.push(message);
                }
            }
            if messages.len() >= ASKED || (is_end && !messages.is_empty()) {
                let entries: Vec<String> = messages.iter().map(|message| message.entry.clone()).collect();
                let known = self.ports.store().known(&entries).await?;
                for (message, known) in messages.drain(..).zip(&known) {
                    tell(campaign, &message, known, is_over, told, figures)?;
                }
                told.flush().await?;
            }
            if is_end {
                return Ok(());
            }
        }
    }
}

fn tell<B: eventide_clients::s3::Bucket>(
    campaign: &Campaign,
    message: &Outgoing,
    known: &Known,
    is_over: bool,
    told: &mut Writer<'_, B>,
    figures: &mut Figures,
) -> Result<(), Error> {
    let status = status(campaign, message, known.entry.as_ref(), is_over);
    let reason = known.entry.as_ref().and_then(|entry| entry.reason.as_deref());
    let counted = figures.delivery.entry(message.channel.as_str()).or_default();
    count(counted, status, known);
    if status == "refused" {
        let reason = reason.unwrap_or("unknown");
        if figures.refusals.len() < REASONS || figures.refusals.contains_key(reason) {
            *figures.refusals.entry(reason.to_owned()).or_default() += 1;
        }
    }
    let own = (status != "duplicate").then_some(known);
    told.line(&Line {
        id: &message.id,
        line: message.line,
        channel: message.channel.as_str(),
        content: message.content,
        entry: &message.entry,
        status,
        reason,
        message_id: own.and_then(|known| known.entry.as_ref()?.detail.get("message_id").map(String::as_str)),
        outcome: own.and_then(|known| known.outcome.as_ref().map(|(outcome, _, _)| outcome.as_str())),
        outcome_detail: own.and_then(|known| known.outcome.as_ref()?.1.as_deref()),
    })
}

fn status(campaign: &Campaign, message: &Outgoing, entry: Option<&Entry>, is_over: bool) -> &'static str {
    let waiting = if is_over { "not_sent" } else { "pending" };
    let Some(entry) = entry else { return waiting };
    // The ledger knows messages by campaign and id: of two rows of one id it sends one.
    let is_of_upload = entry.detail.get("upload") == Some(&campaign.upload);
    if is_of_upload && entry.detail.get("line").is_some_and(|line| *line != message.line.to_string()) {
        return "duplicate";
    }
    match entry.state {
        State::Done => "accepted",
        State::Uncertain => "uncertain",
        // Nobody looks at it any more.
        State::Claimed if is_over => "uncertain",
        State::Claimed => "pending",
        State::Refused if entry.reason.as_deref().is_some_and(|reason| reason.starts_with("postponed")) => {
            waiting
        }
        State::Refused => "refused",
    }
}

fn count(delivery: &mut Delivery, status: &str, known: &Known) {
    match status {
        "accepted" => delivery.accepted += 1,
        "refused" => delivery.refused += 1,
        "uncertain" => delivery.uncertain += 1,
        "not_sent" => delivery.not_sent += 1,
        "duplicate" => {
            delivery.duplicates += 1;
            return;
        }
        _ => delivery.pending += 1,
    }
    match known.outcome.as_ref().map(|(outcome, _, _)| outcome) {
        Some(Outcome::Delivered) => delivery.delivered += 1,
        Some(Outcome::Bounced) => delivery.bounced += 1,
        Some(Outcome::Complained) => delivery.complained += 1,
        Some(Outcome::Unsubscribed) => delivery.unsubscribed += 1,
        Some(Outcome::Failed) => delivery.failed += 1,
        Some(Outcome::Accepted | Outcome::Delayed) | None => {}
    }
}
