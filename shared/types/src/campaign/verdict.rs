//! The classifier's scores on a content, and what the policy makes of them.
//!
//! The policy fails closed: what is not clearly compliant is not approved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ContentId;

/// How sure the classifier is of one label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The label, as it was trained.
    pub name: String,
    /// From 0 to 1.
    pub score: f32,
}

/// What kind of model scored (`ClassifyDocument` in the Amazon Comprehend API reference).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One class fits: `Classes`, whose scores add up to 1.
    MultiClass,
    /// Any number of labels fit: `Labels`, each with a score of its own.
    MultiLabel,
}

/// The scores of one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The kind of model.
    pub mode: Mode,
    /// The labels, the best first. A batch job tells the best ones only.
    pub labels: Vec<Score>,
}

/// A content's scores, one for each part that its text was split into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The content.
    pub content: ContentId,
    /// At least one.
    pub parts: Vec<Scores>,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may be sent.
    Approved,
    /// A person has to decide.
    Held,
    /// It is not sent.
    Rejected,
}

impl Verdict {
    /// The name in files and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Held => "held",
            Self::Rejected => "rejected",
        }
    }
}

/// Why a verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The classifier is sure that it is compliant.
    Compliant,
    /// The classifier is sure of a restricted category.
    Restricted,
    /// The classifier is not sure enough of anything.
    LowConfidence,
    /// The classifier names a label that the configuration does not.
    UnknownLabel,
    /// The text is not in the classifier's language.
    WrongLanguage,
    /// There is no answer of the classifier's.
    NoAnswer,
    /// A person approved it.
    PersonApproved,
    /// A person rejected it.
    PersonRejected,
}

impl Reason {
    /// The name in files and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Restricted => "restricted",
            Self::LowConfidence => "low_confidence",
            Self::UnknownLabel => "unknown_label",
            Self::WrongLanguage => "wrong_language",
            Self::NoAnswer => "no_answer",
            Self::PersonApproved => "person_approved",
            Self::PersonRejected => "person_rejected",
        }
    }
}

/// A verdict with its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What becomes of the messages.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The label that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
}

impl Judged {
    /// Without a label.
    pub const fn because(verdict: Verdict, reason: Reason) -> Self {
        Self { verdict, reason, category: None, score: None }
    }

    fn of(verdict: Verdict, reason: Reason, label: &Score) -> Self {
        Self { verdict, reason, category: Some(label.name.clone()), score: Some(label.score) }
    }
}

/// What the configuration says of labels and scores. There is no default for what a label means: which one is compliant
/// differs from model to model.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Labels that mean compliant.
    pub compliant: Vec<String>,
    /// Labels that mean a restricted category. A label that is neither is unknown.
    pub restricted: Vec<String>,
    /// The least score of a compliant label for approval.
    pub approve_at: f32,
    /// The least score of a restricted label for rejection; by label in [`reject_at_label`](Self::reject_at_label).
    pub reject_at: f32,
    /// Other thresholds of rejection, by label.
    pub reject_at_label: BTreeMap<String, f32>,
    /// Of a multi-label model: the score from which on a restricted label keeps a text from being approved.
    pub hold_at: f32,
}

impl Policy {
    /// The verdict on a content: that of its worst part.
    pub fn judge(&self, scored: &Scored) -> Judged {
        let parts = scored.parts.iter().map(|part| self.judge_part(part));
        parts.max_by(worse).unwrap_or(Judged::because(Verdict::Held, Reason::NoAnswer))
    }

    fn judge_part(&self, scores: &Scores) -> Judged {
        let is_score = |label: &&Score| (0.0..=1.0).contains(&label.score);
        // What is no number is no answer.
        let mut labels: Vec<&Score> = scores.labels.iter().filter(is_score).collect();
        labels.sort_by(|a, b| b.score.total_cmp(&a.score));
        let Some(best) = labels.first() else { return Judged::because(Verdict::Held, Reason::NoAnswer) };
        let rejected = labels.iter().find(|label| self.rejects(label));
        if let Some(label) = rejected {
            return Judged::of(Verdict::Rejected, Reason::Restricted, label);
        }
        let hesitates = |label: &&&Score| match scores.mode {
            Mode::MultiClass => false,
            Mode::MultiLabel => self.is_restricted(&label.name) && label.score >= self.hold_at,
        };
        if let Some(label) = labels.iter().find(hesitates) {
            return Judged::of(Verdict::Held, Reason::LowConfidence, label);
        }
        // Of a multi-label model every label that may well apply has to be known, of a multi-class model the best one.
        let unknown = match scores.mode {
            Mode::MultiClass => Some(best).filter(|label| !self.is_known(&label.name)),
            Mode::MultiLabel => {
                labels.iter().find(|label| label.score >= self.hold_at && !self.is_known(&label.name))
            }
        };
        if let Some(label) = unknown {
            return Judged::of(Verdict::Held, Reason::UnknownLabel, label);
        }
        let approved =
            labels.iter().find(|label| self.is_compliant(&label.name) && label.score >= self.approve_at);
        match approved {
            Some(label) => Judged::of(Verdict::Approved, Reason::Compliant, label),
            None => Judged::of(Verdict::Held, Reason::LowConfidence, best),
        }
    }

    fn rejects(&self, label: &Score) -> bool {
        let threshold = self.reject_at_label.get(&label.name).copied().unwrap_or(self.reject_at);
        self.is_restricted(&label.name) && label.score >= threshold
    }

    fn is_compliant(&self, label: &str) -> bool {
        self.compliant.iter().any(|known| known == label)
    }

    fn is_restricted(&self, label: &str) -> bool {
        self.restricted.iter().any(|known| known == label)
    }

    fn is_known(&self, label: &str) -> bool {
        self.is_compliant(label) || self.is_restricted(label)
    }
}

/// By verdict; of two alike the surer rejection and the less sure approval is worse.
fn worse(a: &Judged, b: &Judged) -> std::cmp::Ordering {
    let score = |judged: &Judged| judged.score.unwrap_or(0.0);
    let by_score = match a.verdict {
        Verdict::Rejected => score(a).total_cmp(&score(b)),
        Verdict::Held | Verdict::Approved => score(b).total_cmp(&score(a)),
    };
    a.verdict.cmp(&b.verdict).then(by_score)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy() -> Policy {
        Policy {
            compliant: vec!["compliant".into()],
            restricted: vec!["gambling".into(), "firearms".into()],
            approve_at: 0.8,
            reject_at: 0.6,
            reject_at_label: [("firearms".to_owned(), 0.4)].into(),
            hold_at: 0.2,
        }
    }

    fn scored(mode: Mode, parts: &[&[(&str, f32)]]) -> Scored {
        let part = |labels: &&[(&str, f32)]| Scores {
            mode,
            labels: labels
                .iter()
                .map(|(name, score)| Score { name: (*name).into(), score: *score })
                .collect(),
        };
        Scored { content: ContentId([0; 16]), parts: parts.iter().map(part).collect() }
    }

    #[test]
    fn a_multi_class_model_approves_only_what_it_is_sure_of() {
        for (labels, verdict, reason) in [
            (&[("compliant", 0.8), ("gambling", 0.2)][..], Verdict::Approved, Reason::Compliant),
            (&[("compliant", 0.79), ("gambling", 0.21)], Verdict::Held, Reason::LowConfidence),
            (&[("gambling", 0.6), ("compliant", 0.4)], Verdict::Rejected, Reason::Restricted),
            (&[("gambling", 0.59), ("compliant", 0.41)], Verdict::Held, Reason::LowConfidence),
            (&[("compliant", 0.6), ("firearms", 0.4)], Verdict::Rejected, Reason::Restricted),
            (&[("weather", 0.9), ("compliant", 0.1)], Verdict::Held, Reason::UnknownLabel),
            (&[("1", 0.99)], Verdict::Held, Reason::UnknownLabel),
            (&[], Verdict::Held, Reason::NoAnswer),
            (&[("compliant", f32::NAN)], Verdict::Held, Reason::NoAnswer),
            (&[("compliant", 7.0)], Verdict::Held, Reason::NoAnswer),
        ] {
            let judged = policy().judge(&scored(Mode::MultiClass, &[labels]));
            assert_eq!((judged.verdict, judged.reason), (verdict, reason), "{labels:?}");
        }
    }

    #[test]
    fn a_multi_label_model_approves_only_what_nothing_speaks_against() {
        for (labels, verdict, reason) in [
            (&[("compliant", 0.9), ("gambling", 0.19)][..], Verdict::Approved, Reason::Compliant),
            (&[("compliant", 0.9), ("gambling", 0.2)], Verdict::Held, Reason::LowConfidence),
            (&[("compliant", 0.9), ("gambling", 0.6)], Verdict::Rejected, Reason::Restricted),
            (&[("compliant", 0.9), ("weather", 0.2)], Verdict::Held, Reason::UnknownLabel),
            (&[("gambling", 0.1)], Verdict::Held, Reason::LowConfidence),
        ] {
            let judged = policy().judge(&scored(Mode::MultiLabel, &[labels]));
            assert_eq!((judged.verdict, judged.reason), (verdict, reason), "{labels:?}");
        }
    }

    #[test]
    fn the_worst_part_decides() {
        let good: &[(&str, f32)] = &[("compliant", 0.95)];
        let unsure: &[(&str, f32)] = &[("compliant", 0.5), ("gambling", 0.5)];
        let bad: &[(&str, f32)] = &[("gambling", 0.9)];
        for (parts, verdict) in [
            (vec![good, good], Verdict::Approved),
            (vec![good, unsure], Verdict::Held),
            (vec![bad, good, unsure], Verdict::Rejected),
            (vec![good, &[]], Verdict::Held),
            (vec![], Verdict::Held),
        ] {
            assert_eq!(policy().judge(&scored(Mode::MultiClass, &parts)).verdict, verdict, "{parts:?}");
        }
    }

    proptest! {
        /// Whatever the scores: an approval has a compliant label that is sure enough in each part, and nothing to reject.
        #[test]
        fn nothing_is_approved_by_accident(
            parts in prop::collection::vec(prop::collection::vec((0_usize..4, -0.5_f32..1.5), 0..5), 0..4),
            multi_label in any::<bool>(),
        ) {
            let names = ["compliant", "gambling", "firearms", "weather"];
            let mode = if multi_label { Mode::MultiLabel } else { Mode::MultiClass };
            let parts: Vec<Vec<(&str, f32)>> =
                parts.iter().map(|part| part.iter().map(|(name, score)| (names[*name], *score)).collect()).collect();
            let slices: Vec<&[(&str, f32)]> = parts.iter().map(Vec::as_slice).collect();
            let judged = policy().judge(&scored(mode, &slices));
            if judged.verdict == Verdict::Approved {
                prop_assert!(!parts.is_empty());
                for part in &parts {
                    prop_assert!(part.iter().any(|(name, score)| *name == "compliant" && (0.8..=1.0).contains(score)));
                    prop_assert!(!part.iter().any(|(name, score)| *name == "gambling" && (0.6..=1.0).contains(score)));
                    prop_assert!(!part.iter().any(|(name, score)| *name == "firearms" && (0.4..=1.0).contains(score)));
                }
            }
        }
    }
}
