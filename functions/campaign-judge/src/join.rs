//! The second pass over the file: each message meets its verdict.

use std::collections::{BTreeMap, HashSet};

use eventide_campaigns::{Entries, Item, Message, Messages, Unparsed};
use eventide_clients::campaigns::Campaigns as _;
use eventide_clients::s3::{Bucket as _, Chunks, Lines, Writer};
use eventide_kit::Error;
use eventide_types::campaign::keys::{Work, report};
use eventide_types::campaign::message::Content;
use eventide_types::campaign::record::{Counts, Shard};
use eventide_types::campaign::verdict::{Reason, Scored, Verdict};
use eventide_types::campaign::{Campaign, ContentId};
use serde::Serialize;

use crate::judge::{CampaignJudge, FIRST, Ports};
use crate::shards::Shards;
use crate::verdicts::{Label, Verdicts};

const JSON_LINES: &str = "application/x-ndjson";

/// What a person who decides is told of a content.
#[derive(Serialize)]
struct Review<'a> {
    content: ContentId,
    channel: &'static str,
    messages: u64,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    /// The scores of its parts.
    scores: Option<&'a Scored>,
    text: &'a str,
}

/// What the join came to.
pub(crate) struct Joined {
    pub(crate) counts: Counts,
    pub(crate) shards: Vec<Shard>,
}

impl<P: Ports> CampaignJudge<P> {
    /// Joins all messages. Those that are approved go into shards, of a release only those of its contents. `None`: another
    /// upload took this one's place.
    pub(crate) async fn join(
        &self,
        campaign: &Campaign,
        verdicts: &mut Verdicts,
        release: Option<(&str, &HashSet<ContentId>)>,
    ) -> Result<Option<Joined>, Error> {
        let version = campaign.version_id.as_deref();
        let Some(opened) = self.ports.campaigns().open(&campaign.key, version).await? else {
            return Err(Error::permanent(
                "UploadGone",
                "the campaign's file was deleted before it was joined",
            ));
        };
        if version.is_none() && opened.etag.trim_matches('"') != campaign.etag.trim_matches('"') {
            return Err(Error::permanent("UploadReplaced", "another file took the place of the campaign's"));
        }
        let secret = self.secret().await?;
        let reports = self.ports.reports();
        let mut told = Writer::new(reports, report::verdicts(&campaign.id), JSON_LINES);
        let mut unparsed = Writer::new(reports, report::unparsed(&campaign.id), JSON_LINES);
        let generation = release.map_or(FIRST, |(name, _)| name);
        let mut pass = Pass {
            campaign,
            verdicts,
            release: release.map(|(_, contents)| contents),
            entries: Entries::new(secret.expose().as_bytes()),
            entry: String::new(),
            counts: Counts { unparsed: 0, approved: 0, held: 0, rejected: 0, ..campaign.counts },
            shards: Shards::new(self.ports.work(), campaign, generation, self.clock.now()),
        };
        let joined = pass.run(opened.body, &mut told, &mut unparsed).await;
        if let Err(error) = joined {
            told.abort().await;
            unparsed.abort().await;
            return Err(error);
        }
        let Pass { counts, shards, verdicts, .. } = pass;
        let shards = shards.finish().await?;
        // What people read is the latest upload's.
        let record = self.ports.store().campaign(&campaign.id).await?;
        if record.is_none_or(|record| record.upload != campaign.upload) {
            told.abort().await;
            unparsed.abort().await;
            return Ok(None);
        }
        let mut finished = told.finish().await;
        if finished.is_ok() {
            finished = unparsed.finish().await;
        }
        if let Err(error) = finished {
            told.abort().await;
            unparsed.abort().await;
            return Err(error);
        }
        self.review(campaign, verdicts).await?;
        Ok(Some(Joined { counts, shards }))
    }

    /// Lists the contents that a person has to decide on.
    async fn review(&self, campaign: &Campaign, verdicts: &Verdicts) -> Result<(), Error> {
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        let scores = self.scores_of(&work, verdicts).await?;
        let mut review = Writer::new(self.ports.reports(), report::review(&campaign.id), JSON_LINES);
        if let Some(mut contents) = Lines::open(self.ports.work(), &work.contents()).await? {
            while let Some(line) = contents.next().await? {
                let content: Content = eventide_kit::event::parse(&line)?;
                let messages = verdicts.held_by(content.content);
                if messages == 0 {
                    continue;
                }
                let (_, reason, label) = verdicts.get(content.content);
                review.line(&Review {
                    content: content.content,
                    channel: content.channel.as_str(),
                    messages,
                    reason: reason.as_str(),
                    category: label.map(|(label, _)| label.name.as_str()),
                    score: label.map(|(_, score)| score),
                    scores: scores.get(&content.content),
                    text: &content.text,
                })?;
                review.flush().await?;
            }
        }
        review.finish().await
    }

    /// Scores of held contents, of so many as a person can look at.
    async fn scores_of(
        &self,
        work: &Work<'_>,
        verdicts: &Verdicts,
    ) -> Result<BTreeMap<ContentId, Scored>, Error> {
        const MOST: usize = 1_000;
        let mut found = BTreeMap::new();
        for key in [work.known_scores(), work.new_scores()] {
            let Some(mut scores) = Lines::open(self.ports.work(), &key).await? else { continue };
            while let Some(line) = scores.next().await? {
                let scored: Scored = eventide_kit::event::parse(&line)?;
                if found.len() < MOST && verdicts.held_by(scored.content) > 0 {
                    found.insert(scored.content, scored);
                }
            }
        }
        Ok(found)
    }
}

struct Pass<'a, B> {
    campaign: &'a Campaign,
    verdicts: &'a mut Verdicts,
    release: Option<&'a HashSet<ContentId>>,
    entries: Entries,
    /// The name of the last message's entry.
    entry: String,
    counts: Counts,
    shards: Shards<'a, B>,
}

impl<B: eventide_clients::s3::Bucket> Pass<'_, B> {
    async fn run(
        &mut self,
        mut body: Chunks,
        told: &mut Writer<'_, B>,
        unparsed: &mut Writer<'_, B>,
    ) -> Result<(), Error> {
        let Campaign { form, gzip, settings, .. } = self.campaign;
        let mut messages = Messages::joining(*form, *gzip, settings.clone());
        let mut is_finished = false;
        loop {
            // It was read before, so that it can be read is no question of its content.
            let item =
                messages.next_item().map_err(|error| Error::permanent("UnusableFile", error.to_string()))?;
            match item {
                Some(Item::Message(message)) => {
                    if let Some(full) = self.message(&message, &mut told.buffer, unparsed)? {
                        self.shards.put(full).await?;
                    }
                }
                Some(Item::Unparsed(row)) => {
                    self.counts.unparsed += 1;
                    unparsed.line(&row)?;
                }
                None if is_finished => break,
                None => {
                    told.flush().await?;
                    unparsed.flush().await?;
                    match body.next().await? {
                        Some(chunk) => messages.feed(chunk),
                        None => {
                            messages.finish();
                            is_finished = true;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes a message where it belongs. What is full then is to be put.
    fn message(
        &mut self,
        message: &Message<'_>,
        told: &mut Vec<u8>,
        unparsed: &mut Writer<'_, B>,
    ) -> Result<Option<usize>, Error> {
        let content = message.content();
        let (verdict, reason, label) = self.verdicts.get(content);
        let mut place = None;
        if verdict == Verdict::Approved {
            place = self.shards.place(message);
            if place.is_none() {
                self.counts.unparsed += 1;
                let reason =
                    "`window`: the time zones that its recipient may be in have no hour of it in common"
                        .to_owned();
                return unparsed.line(&Unparsed { line: message.line(), reason }).map(|()| None);
            }
        }
        message.write_begin(told);
        write_verdict(verdict, reason, label, told)?;
        match verdict {
            Verdict::Held => {
                self.counts.held += 1;
                self.verdicts.hold(content);
            }
            Verdict::Rejected => self.counts.rejected += 1,
            Verdict::Approved => self.counts.approved += 1,
        }
        let is_due = match self.release {
            None => true,
            Some(contents) => reason == Reason::PersonApproved && contents.contains(&content),
        };
        let Some(place) = place.filter(|_| is_due) else { return Ok(None) };
        self.entries.write_name(&["campaign", &self.campaign.id, message.id()], &mut self.entry);
        Ok(self.shards.add(place, message, &self.entry))
    }
}

/// Appends what is left of a message's line.
fn write_verdict(
    verdict: Verdict,
    reason: Reason,
    label: Option<(&Label, f32)>,
    told: &mut Vec<u8>,
) -> Result<(), Error> {
    for text in [",\"verdict\":\"", verdict.as_str(), "\",\"reason\":\"", reason.as_str(), "\""] {
        told.extend_from_slice(text.as_bytes());
    }
    if let Some((label, score)) = label {
        for text in [",\"category\":", &label.json, ",\"score\":"] {
            told.extend_from_slice(text.as_bytes());
        }
        serde_json::to_writer(&mut *told, &score).map_err(|error| {
            Error::permanent("Unwritable", "the line cannot be written").with_source(error)
        })?;
    }
    told.extend_from_slice(b"}\n");
    Ok(())
}
