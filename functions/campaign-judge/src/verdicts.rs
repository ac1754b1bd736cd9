//! The verdict on each content.

use eventide_campaigns::Parted;
use eventide_clients::campaigns::Decisions as _;
use eventide_clients::s3::Lines;
use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::verdict::{Judged, Reason, Scored, Verdict};
use eventide_types::campaign::{Campaign, ContentId};
use serde::Deserialize;

use crate::judge::{CampaignJudge, Ports};

/// Contents whose decisions are asked for at a time, as many as one call of DynamoDB takes.
const ASKED: usize = 100;

/// The verdicts on a campaign's contents, at some 35 bytes each.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    known: Parted<Known>,
    /// The labels that verdicts name, once each.
    labels: Vec<Label>,
}

/// A label of the classifier's.
#[derive(Debug)]
pub(crate) struct Label {
    pub(crate) name: String,
    /// As it is written in JSON, with its quotes.
    pub(crate) json: String,
}

/// A [`Judged`] without texts of its own.
#[derive(Clone, Copy, Debug)]
struct Known {
    verdict: Verdict,
    reason: Reason,
    label: u16,
    score: f32,
    /// Messages that are held for it.
    held: u32,
}

const NO_LABEL: u16 = u16::MAX;

/// A line of the contents, but for the text.
#[derive(Deserialize)]
struct Line {
    content: ContentId,
    judged: Option<Judged>,
}

impl Verdicts {
    /// A content that was not gathered has no verdict, and so is held.
    pub(crate) fn get(&self, content: ContentId) -> (Verdict, Reason, Option<(&Label, f32)>) {
        let Some(known) = self.known.get(&content.0) else { return (Verdict::Held, Reason::NoAnswer, None) };
        let label = self.labels.get(usize::from(known.label));
        (known.verdict, known.reason, label.map(|label| (label, known.score)))
    }

    /// Another message is held for this content.
    pub(crate) fn hold(&mut self, content: ContentId) {
        if let Some(known) = self.known.get_mut(&content.0) {
            known.held = known.held.saturating_add(1);
        }
    }

    /// How many messages are held for a content.
    pub(crate) fn held_by(&self, content: ContentId) -> u64 {
        self.known.get(&content.0).map_or(0, |known| u64::from(known.held))
    }

    fn set(&mut self, content: ContentId, judged: Judged) {
        let label = judged.category.map_or(NO_LABEL, |label| {
            let place = self.labels.iter().position(|known| known.name == label).unwrap_or_else(|| {
                self.labels
                    .push(Label { json: serde_json::Value::from(label.as_str()).to_string(), name: label });
                self.labels.len() - 1
            });
            u16::try_from(place).unwrap_or(NO_LABEL)
        });
        let score = judged.score.unwrap_or_default();
        let known = Known { verdict: judged.verdict, reason: judged.reason, label, score, held: 0 };
        self.known.insert(content.0, known);
    }

    fn decide(&mut self, content: ContentId, approved: bool) {
        if let Some(known) = self.known.get_mut(&content.0) {
            (known.verdict, known.reason) = if approved {
                (Verdict::Approved, Reason::PersonApproved)
            } else {
                (Verdict::Rejected, Reason::PersonRejected)
            };
        }
    }

    fn held(&self) -> Vec<ContentId> {
        let held = self.known.iter().filter(|(_, known)| known.verdict == Verdict::Held);
        held.map(|(content, _)| ContentId(*content)).collect()
    }
}

impl<P: Ports> CampaignJudge<P> {
    /// The verdicts as the classifier's scores, the policy and people's decisions make them.
    pub(crate) async fn verdicts(&self, campaign: &Campaign) -> Result<Verdicts, Error> {
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        let mut verdicts = Verdicts::default();
        let mut contents = Lines::open(self.ports.work(), &work.contents()).await?.ok_or_else(|| {
            Error::permanent("WorkExpired", "the upload's contents are gone: upload the campaign again")
        })?;
        // What has no score has no answer.
        let unanswered = Judged::because(Verdict::Held, Reason::NoAnswer);
        while let Some(line) = contents.next().await? {
            let Line { content, judged } = parse(&line)?;
            verdicts.set(content, judged.unwrap_or_else(|| unanswered.clone()));
        }
        for key in [work.known_scores(), work.new_scores()] {
            let Some(mut scores) = Lines::open(self.ports.work(), &key).await? else { continue };
            while let Some(line) = scores.next().await? {
                let scored: Scored = parse(&line)?;
                let open = verdicts
                    .known
                    .get(&scored.content.0)
                    .is_some_and(|known| known.reason == Reason::NoAnswer);
                if open {
                    verdicts.set(scored.content, self.settings.policy.judge(&scored));
                }
            }
        }
        for held in verdicts.held().chunks(ASKED) {
            let decisions = self.ports.store().decisions(&campaign.id, held).await?;
            for decision in decisions.into_iter().flatten() {
                verdicts.decide(decision.content, decision.approved);
            }
        }
        Ok(verdicts)
    }
}
