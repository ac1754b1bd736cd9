//! The message that carries a finding through its enrichment.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::finding::{Reference, Scope};
use crate::investigation::Window;
use crate::principal::{Principal, Subject};

/// Names of the user-defined fields that tell an analyst what came of a finding.
pub mod field {
    /// Where the enrichment stands: a [`super::Stage`].
    pub const INVESTIGATE: &str = "investigate";
    /// Ids of the investigations, joined by a comma, the severest first.
    pub const ID: &str = "investigationId";
    /// The worst severity.
    pub const SEVERITY: &str = "investigationSeverity";
    /// The window, `start/end`.
    pub const WINDOW: &str = "investigationWindow";
    /// What the note says too, at greater length.
    pub const SUMMARY: &str = "investigationSummary";
    /// Followed by the kind of an indicator: how many of it.
    pub const INDICATORS: &str = "investigationIndicators.";
}

/// How our comments on OCSF findings begin, so that they are known as ours.
pub const COMMENT_MARK: &str = "eventide-finding-enrich: ";

/// The values of the user-defined field `investigate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Asked for, by the automation rule or a person.
    Wanted,
    /// Detective is at it.
    Running,
    /// Ended; the finding is enriched.
    Complete,
    /// Detective or the enrichment failed.
    Failed,
    /// Detective took too long.
    TimedOut,
    /// Detective cannot investigate what the finding names.
    Unsupported,
}

impl Stage {
    /// The field's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wanted => "true",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Who asked for the enrichment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A rule.
    Automatic,
    /// A rule, on a finding investigated before that has seen activity since.
    NewActivity,
    /// A person.
    CustomAction,
}

impl Trigger {
    /// A word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::NewActivity => "new-activity",
            Self::CustomAction => "custom-action",
        }
    }
}

/// One finding on its way: decided by finding-investigate, carried on by finding-enrich from hop to hop.
///
/// Unknown members are let pass, because the two functions are not deployed in the same instant; what must not be
/// misread is told by the version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Format of this message.
    pub version: Version,
    /// Id of the event that asked: the same for every delivery of that event.
    pub run: String,
    /// Time of the event that asked.
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
    /// When finding-enrich took it up. What waited in a queue before that, or comes out of the failed queue days later,
    /// has its whole time yet.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub begun_at: Option<OffsetDateTime>,
    /// Who asked.
    pub trigger: Trigger,
    /// Which message of this run it is, from 0.
    pub hop: u32,
    /// The finding.
    pub finding: Reference,
    /// The Region whose behavior graph knows the activity.
    pub region: String,
    /// What to investigate; absent if the finding has no usable time.
    pub scope: Option<Scope>,
    /// When the product last saw activity.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_observed: Option<OffsetDateTime>,
    /// When Security Hub got the finding, as far as the finding tells: from then on an analyst waits.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub found_at: Option<OffsetDateTime>,
    /// Whom the finding names.
    pub subjects: Vec<Subject>,
    /// How far each investigation is, in the order of the principals among `subjects`. Empty at first.
    #[serde(default)]
    pub investigations: Vec<Progress>,
    /// Whether the finding already says `running`.
    #[serde(default)]
    pub marked_running: bool,
    /// Whether somebody else's comment stands on the finding, which has to stay. OCSF only.
    #[serde(default)]
    pub commented: bool,
}

impl Work {
    /// The window that its investigations cover, all of them.
    pub fn covered(&self) -> Option<Window> {
        Window::common(self.investigations.iter().filter_map(|progress| match &progress.state {
            State::Started { window, .. } => Some(*window),
            State::Pending | State::Refused { .. } => None,
        }))
    }
}

/// The format of a [`Work`] message. A message of another format is refused, not guessed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// The first.
    #[serde(rename = "1")]
    V1,
}

/// How far the investigation of one principal is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Whom it is about; with its path where that could be found out.
    pub principal: Principal,
    /// Where it stands.
    pub state: State,
}

/// Where the investigation of one principal stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Not started, or not known to be.
    Pending,
    /// Known to Detective.
    Started {
        /// Detective's id of it.
        id: String,
        /// What it looks at.
        window: Window,
        /// Whether it was there before this finding asked, or was started for another one.
        reused: bool,
    },
    /// Never started, for this reason.
    Refused {
        /// What Detective or IAM said.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::Kind;
    use time::macros::datetime;

    #[test]
    fn a_message_is_read_back_as_it_was_written() {
        let window = Window { start: datetime!(2026-11-01 00:00 UTC), end: datetime!(2026-11-02 00:00 UTC) };
        let principal = Subject::named(Kind::Role, "aws", "111122223333", "Admin");
        let Subject::Principal(inner) = principal.clone() else { panic!("{principal:?}") };
        let state = State::Started { id: "000000000000000000001".into(), window, reused: true };
        let work = Work {
            version: Version::V1,
            run: "e".into(),
            requested_at: window.end,
            begun_at: Some(window.end),
            trigger: Trigger::CustomAction,
            hop: 3,
            finding: Reference::Asff { id: "f".into(), product_arn: "p".into() },
            region: "us-east-1".into(),
            scope: Some(Scope { window, clamped: true }),
            last_observed: None,
            found_at: Some(window.start),
            subjects: vec![principal],
            investigations: vec![Progress { principal: inner, state }],
            marked_running: true,
            commented: false,
        };
        let text = serde_json::to_string(&work).unwrap();
        assert_eq!(serde_json::from_str::<Work>(&text).unwrap(), work);
        assert_eq!(work.covered(), Some(window), "of what was started, not of what was asked for");
        let other = text.replace(r#""version":"1""#, r#""version":"2""#);
        assert!(serde_json::from_str::<Work>(&other).is_err());
    }
}
