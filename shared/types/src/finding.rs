//! What a finding is to us, whichever format it came in.

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::investigation::Window;
use crate::principal::Subject;

/// Identity of a finding, in the terms of the API that updates it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reference {
    /// A finding of Security Hub CSPM (`BatchUpdateFindings`).
    Asff {
        /// The finding's `Id`.
        id: String,
        /// The finding's `ProductArn`.
        product_arn: String,
    },
    /// A finding of the new Security Hub (`BatchUpdateFindingsV2`).
    Ocsf {
        /// `metadata.uid`, where the event has it.
        metadata_uid: Option<String>,
        /// `cloud.account.uid`.
        account: String,
        /// `finding_info.uid`.
        finding_uid: String,
        /// `metadata.product.uid`.
        product_uid: String,
    },
}

impl Reference {
    /// One string that is this finding's alone.
    pub fn key(&self) -> String {
        match self {
            Self::Asff { id, product_arn } => format!("asff {product_arn} {id}"),
            Self::Ocsf { account, finding_uid, product_uid, .. } => {
                format!("ocsf {account} {product_uid} {finding_uid}")
            }
        }
    }

    /// The finding's own id, for logs.
    pub fn id(&self) -> &str {
        match self {
            Self::Asff { id, .. } => id,
            Self::Ocsf { finding_uid, .. } => finding_uid,
        }
    }
}

/// Why a finding needs no automatic attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The product says that the issue is over.
    Archived,
    /// An analyst or a rule suppressed it.
    Suppressed,
    /// An analyst resolved it.
    Resolved,
}

impl Settled {
    /// A word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::Suppressed => "suppressed",
            Self::Resolved => "resolved",
        }
    }
}

/// A finding, reduced to what the enrichment decides by.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which finding it is.
    pub reference: Reference,
    /// The Region it was made in.
    pub region: String,
    /// Whether it still needs attention.
    pub settled: Option<Settled>,
    /// The user-defined field `investigate`.
    pub investigate: Option<String>,
    /// The user-defined field with the window of an earlier investigation.
    pub investigated: Option<Window>,
    /// First observed, by the product.
    pub first_observed: Option<OffsetDateTime>,
    /// Last observed, by the product.
    pub last_observed: Option<OffsetDateTime>,
    /// Created.
    pub created: Option<OffsetDateTime>,
    /// Processed by Security Hub.
    pub processed: Option<OffsetDateTime>,
    /// Whether somebody else's comment stands on it. OCSF only: the note of an ASFF finding is looked at when ours is
    /// written.
    pub commented: bool,
    /// Everybody it names, each once.
    pub subjects: Vec<Subject>,
}

/// Activity before the first observation belongs to the story.
const BEFORE_FIRST_OBSERVATION: Duration = Duration::hours(24);

/// The window to investigate, and whether the look-back cut it short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// From 24 hours before the finding's first time to now.
    pub window: Window,
    /// Whether the start is the look-back's and not the finding's: it then moves with the clock.
    pub clamped: bool,
}

impl Finding {
    /// When Security Hub got the finding; where that is not told, when the product made it.
    pub fn found_at(&self) -> Option<OffsetDateTime> {
        self.processed.or(self.created)
    }

    /// The window of activity to investigate: 24 hours before the first observation (else creation, else
    /// processing), at the full hour, until `now`, at most `look_back` long. `None` if the finding has no usable time.
    pub fn scope(&self, now: OffsetDateTime, look_back: Duration) -> Option<Scope> {
        let first = self.first_observed.or(self.created).or(self.processed)?;
        // A product's clock may run ahead of ours.
        let wanted = first.min(now).checked_sub(BEFORE_FIRST_OBSERVATION)?;
        let earliest = now - look_back;
        let clamped = wanted < earliest;
        // Never further back than the look-back allows: Detective may refuse more.
        let start = if clamped { full(earliest, 3600) + Duration::HOUR } else { full(wanted, 3600) };
        // Whole seconds, as Detective takes and gives them: a window is recognised by them.
        let window = Window { start: start.min(now), end: full(now, 1) };
        Some(Scope { window, clamped })
    }
}

/// The last full hour, or whatever has this many seconds. Findings of one incident so share a window's start, and
/// an investigation.
fn full(at: OffsetDateTime, seconds: i64) -> OffsetDateTime {
    let past = at.unix_timestamp().rem_euclid(seconds);
    at - Duration::seconds(past) - Duration::nanoseconds(at.nanosecond().into())
}

/// A time as AWS writes it (RFC 3339). `None` if it is absent or no time.
pub(crate) fn timestamp(text: Option<&str>) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text?, &Rfc3339).ok()
}

/// The window that an earlier enrichment recorded, `start/end`.
pub(crate) fn recorded_window(text: Option<&str>) -> Option<Window> {
    let (start, end) = text?.split_once('/')?;
    Some(Window { start: timestamp(Some(start))?, end: timestamp(Some(end))? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

    fn finding() -> Finding {
        Finding {
            reference: Reference::Asff { id: "f".into(), product_arn: "p".into() },
            region: "us-east-1".into(),
            settled: None,
            investigate: None,
            investigated: None,
            first_observed: None,
            last_observed: None,
            created: None,
            processed: None,
            commented: false,
            subjects: Vec::new(),
        }
    }

    #[test]
    fn the_window_starts_a_day_before_the_first_usable_time() {
        let first = datetime!(2026-11-19 12:00 UTC);
        let created = datetime!(2026-11-18 12:00 UTC);
        let processed = datetime!(2026-11-17 12:00 UTC);
        let look_back = Duration::days(30);
        for (first_observed, created, processed, start) in [
            (Some(first), Some(created), Some(processed), Some(datetime!(2026-11-18 12:00 UTC))),
            (None, Some(created), Some(processed), Some(datetime!(2026-11-17 12:00 UTC))),
            (None, None, Some(processed), Some(datetime!(2026-11-16 12:00 UTC))),
            (None, None, None, None),
            (
                Some(datetime!(2026-11-19 14:59:59.5 +02:00)),
                None,
                None,
                Some(datetime!(2026-11-18 12:00 UTC)),
            ),
            (Some(NOW + Duration::hours(2)), None, None, Some(NOW - Duration::hours(24))),
        ] {
            let finding = Finding { first_observed, created, processed, ..finding() };
            let scope = finding.scope(NOW, look_back);
            assert_eq!(scope.map(|scope| scope.window.start), start);
            assert!(scope.is_none_or(|scope| scope.window.end == NOW && !scope.clamped));
        }
    }

    #[test]
    fn the_look_back_bounds_the_window() {
        let old = Finding { first_observed: Some(datetime!(2020-01-01 0:00 UTC)), ..finding() };
        let scope = old.scope(NOW, Duration::days(30)).unwrap();
        assert_eq!(scope.window.start, NOW - Duration::days(30) + Duration::HOUR);
        assert!(scope.clamped);
    }

    #[test]
    fn a_window_is_read_back_as_it_was_written() {
        let window = Window { start: datetime!(2026-11-01 00:00 UTC), end: NOW };
        assert_eq!(recorded_window(Some(&window.to_string())), Some(window));
        for bad in ["", "/", "2026-11-01T00:00:00Z", "x/y"] {
            assert_eq!(recorded_window(Some(bad)), None, "{bad}");
        }
    }
}
