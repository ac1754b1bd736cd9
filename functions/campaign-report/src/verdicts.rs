//! What was decided about messages, counted.

use std::collections::{BTreeMap, BTreeSet};

use eventide_clients::s3::Lines;
use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::campaign::keys::{Work, report};
use eventide_types::campaign::message::Content;
use eventide_types::campaign::{Campaign, Channel, ContentId};
use serde::Deserialize;

use crate::figures::{FLAGGED, Figures, Flagged, UNPARSED};
use crate::report::{CampaignReport, Ports};

/// Flagged contents that are told apart. Of more only the messages are counted.
const MOST: usize = 20_000;
/// Characters of a text that a report shows.
const SHOWN: usize = 400;

#[derive(Deserialize)]
struct Line {
    channel: Channel,
    content: ContentId,
    verdict: String,
    reason: String,
    category: Option<String>,
    score: Option<f32>,
}

/// A content that a person decided on, and the label that the classifier had for it.
pub(crate) type Decided = BTreeMap<ContentId, Option<String>>;

impl<P: Ports> CampaignReport<P> {
    /// Counts the verdicts into `figures`; the contents that people decided on.
    pub(crate) async fn count_verdicts(
        &self,
        campaign: &Campaign,
        figures: &mut Figures,
    ) -> Result<Decided, Error> {
        let mut decided = Decided::new();
        let mut flagged: BTreeMap<ContentId, Flagged> = BTreeMap::new();
        if let Some(mut lines) = Lines::open(self.ports.reports(), &report::verdicts(&campaign.id)).await? {
            while let Some(line) = lines.next().await? {
                let line: Line = parse(&line)?;
                let channel = line.channel.as_str();
                *figures.channels.entry(channel).or_default().entry(verdict(&line.verdict)).or_default() += 1;
                if line.reason.starts_with("person_") && decided.len() < MOST {
                    decided.entry(line.content).or_insert_with(|| line.category.clone());
                }
                if line.verdict != "approved" {
                    let category = line.category.clone().unwrap_or_else(|| line.reason.clone());
                    *figures.categories.entry(category).or_default().entry(channel).or_default() += 1;
                    flag(&mut flagged, line);
                }
            }
        }
        let mut flagged: Vec<_> = flagged.into_values().collect();
        flagged.sort_by(|a, b| b.messages.cmp(&a.messages).then(a.content.cmp(&b.content)));
        flagged.truncate(FLAGGED);
        self.texts(campaign, &mut flagged).await?;
        figures.flagged = flagged;
        Ok(decided)
    }

    /// Fills in what the readers of flagged contents would read.
    async fn texts(&self, campaign: &Campaign, flagged: &mut [Flagged]) -> Result<(), Error> {
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        let wanted: BTreeSet<ContentId> = flagged.iter().map(|flagged| flagged.content).collect();
        let mut texts: BTreeMap<ContentId, String> = BTreeMap::new();
        if let Some(mut lines) = Lines::open(self.ports.work(), &work.contents()).await? {
            while let Some(line) = lines.next().await? {
                let Content { content, text, .. } = parse(&line)?;
                if wanted.contains(&content) {
                    texts.insert(content, shown(&text));
                }
            }
        }
        for flagged in flagged {
            flagged.text = texts.remove(&flagged.content).unwrap_or_default();
        }
        Ok(())
    }

    /// The first rows that do not parse.
    pub(crate) async fn unparsed(&self, campaign: &Campaign, figures: &mut Figures) -> Result<(), Error> {
        let Some(mut lines) = Lines::open(self.ports.reports(), &report::unparsed(&campaign.id)).await?
        else {
            return Ok(());
        };
        while figures.unparsed.len() < UNPARSED
            && let Some(line) = lines.next().await?
        {
            figures.unparsed.push(parse(&line)?);
        }
        Ok(())
    }
}

fn flag(flagged: &mut BTreeMap<ContentId, Flagged>, line: Line) {
    if let Some(known) = flagged.get_mut(&line.content) {
        known.messages += 1;
    } else if flagged.len() < MOST {
        let Line { channel, content, verdict, reason, category, score } = line;
        let channel = channel.as_str().to_owned();
        let text = String::new();
        flagged.insert(
            content,
            Flagged { content, channel, verdict, reason, category, score, messages: 1, text },
        );
    }
}

fn verdict(name: &str) -> &'static str {
    match name {
        "approved" => "approved",
        "rejected" => "rejected",
        _ => "held",
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
