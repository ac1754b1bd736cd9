//! Amazon Detective's investigations and indicators, in our words.
//!
//! Source: Detective API reference (`GetInvestigation`, `ListIndicators`).

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// The span of activity that an investigation looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Start, inclusive.
    #[serde(with = "time::serde::rfc3339")]
    pub start: OffsetDateTime,
    /// End, never in the future when the window was made.
    #[serde(with = "time::serde::rfc3339")]
    pub end: OffsetDateTime,
}

impl Window {
    /// Whole hours from start to end, rounded to the nearest, at least 1.
    pub fn hours(&self) -> i64 {
        ((self.end - self.start).whole_minutes() + 30).max(60) / 60
    }

    /// What all of `windows` cover: the window of several investigations taken together.
    pub fn common(windows: impl IntoIterator<Item = Window>) -> Option<Window> {
        let narrow = |a: Window, b: Window| Window { start: a.start.max(b.start), end: a.end.min(b.end) };
        windows.into_iter().reduce(narrow)
    }

    /// Whether this window includes `other`, give or take `slack` at its end.
    pub fn covers(&self, other: &Window, slack: Duration) -> bool {
        self.start <= other.start && self.end + slack >= other.end
    }
}

impl fmt::Display for Window {
    /// `2026-11-01T00:00:00Z/2026-11-02T00:00:00Z`, an ISO 8601 interval in whole seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", seconds(self.start), seconds(self.end))
    }
}

fn seconds(at: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()
}

/// New activity starts another investigation once in this time at most.
const BETWEEN_INVESTIGATIONS: Duration = Duration::days(1);

/// What the activity on an investigated finding is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// All of it has been investigated.
    Covered,
    /// Some is new, but it was investigated less than a day ago.
    TooSoon,
    /// Some is new, and it may be investigated again.
    New,
}

impl Activity {
    /// `covered_until` is the end of the window that was really investigated: of an investigation that was reused, its
    /// own and not the one that was asked for. `seen` is when the product last saw activity.
    pub fn of(covered_until: OffsetDateTime, seen: Option<OffsetDateTime>, now: OffsetDateTime) -> Self {
        match seen {
            Some(seen) if seen > covered_until => {
                if now - covered_until < BETWEEN_INVESTIGATIONS {
                    Self::TooSoon
                } else {
                    Self::New
                }
            }
            Some(_) | None => Self::Covered,
        }
    }
}

/// Where an investigation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Detective is still at it.
    Running,
    /// It ended with a severity and indicators.
    Successful,
    /// It ended without an answer; Detective gives no reason.
    Failed,
}

/// Detective's verdict on an entity, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Nothing uncommon.
    Informational,
    /// Nothing that indicates compromise.
    Low,
    /// Anomalous behaviour that might indicate compromise.
    Medium,
    /// Anomalous behaviour that indicates potential compromise.
    High,
    /// Strong signs of compromise.
    Critical,
}

impl Severity {
    /// The value as Detective and Security Hub write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "INFORMATIONAL",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An investigation as Detective describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Investigation {
    /// 21 digits, given by Detective.
    pub id: String,
    /// The role or user under investigation.
    pub entity_arn: String,
    /// Where it stands.
    pub status: Status,
    /// Present once it has ended successfully.
    pub severity: Option<Severity>,
    /// When it was started.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// What it looks at. `ListInvestigations` does not tell, `GetInvestigation` does.
    pub window: Option<Window>,
}

/// Something that Detective observed in the window.
///
/// Text comes from the activity itself and may be hostile: whoever shows it cleans it
/// ([`crate::printable`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Indicator {
    /// A tactic, technique and procedure (MITRE ATT&CK).
    TtpObserved {
        /// For example `Initial Access`.
        tactic: String,
        /// For example `Valid Accounts`.
        technique: String,
        /// For example `Authentication with unusual time`.
        procedure: String,
        /// Where the calls came from.
        ip_address: Option<String>,
        /// The API that was called.
        api_name: Option<String>,
        /// Calls that succeeded.
        success_count: i64,
        /// Calls that failed.
        failure_count: i64,
    },
    /// Two places too far apart for the time between.
    ImpossibleTravel {
        /// Address of the first call.
        starting_ip: Option<String>,
        /// Address of the second call.
        ending_ip: Option<String>,
        /// Place of the first call.
        starting_location: Option<String>,
        /// Place of the second call.
        ending_location: Option<String>,
        /// Hours between them.
        hours: Option<i32>,
    },
    /// An address that threat intelligence knows.
    FlaggedIpAddress {
        /// The address.
        ip_address: String,
    },
    /// A place not seen before.
    NewGeolocation {
        /// The place.
        location: String,
        /// Address used from there.
        ip_address: Option<String>,
        /// New for the whole account, not only for this entity.
        new_for_account: bool,
    },
    /// An autonomous system organisation not seen before.
    NewAso {
        /// The organisation.
        aso: String,
        /// New for the whole account, not only for this entity.
        new_for_account: bool,
    },
    /// A user agent not seen before.
    NewUserAgent {
        /// The user agent.
        user_agent: String,
        /// New for the whole account, not only for this entity.
        new_for_account: bool,
    },
    /// Another finding on the same entity.
    RelatedFinding {
        /// Its ARN.
        arn: String,
        /// Its type, for example a GuardDuty finding type.
        kind: Option<String>,
        /// The address involved.
        ip_address: Option<String>,
    },
    /// A group of findings the entity belongs to.
    RelatedFindingGroup {
        /// Its id.
        id: String,
    },
}

/// The eight kinds of indicators, strongest first: the order in which a short note names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IndicatorKind {
    /// [`Indicator::TtpObserved`]
    TtpObserved,
    /// [`Indicator::FlaggedIpAddress`]
    FlaggedIpAddress,
    /// [`Indicator::ImpossibleTravel`]
    ImpossibleTravel,
    /// [`Indicator::RelatedFinding`]
    RelatedFinding,
    /// [`Indicator::RelatedFindingGroup`]
    RelatedFindingGroup,
    /// [`Indicator::NewGeolocation`]
    NewGeolocation,
    /// [`Indicator::NewAso`]
    NewAso,
    /// [`Indicator::NewUserAgent`]
    NewUserAgent,
}

impl IndicatorKind {
    /// All of them, strongest first.
    pub const ALL: [Self; 8] = [
        Self::TtpObserved,
        Self::FlaggedIpAddress,
        Self::ImpossibleTravel,
        Self::RelatedFinding,
        Self::RelatedFindingGroup,
        Self::NewGeolocation,
        Self::NewAso,
        Self::NewUserAgent,
    ];

    /// The name in Detective's own spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TtpObserved => "TTP_OBSERVED",
            Self::FlaggedIpAddress => "FLAGGED_IP_ADDRESS",
            Self::ImpossibleTravel => "IMPOSSIBLE_TRAVEL",
            Self::RelatedFinding => "RELATED_FINDING",
            Self::RelatedFindingGroup => "RELATED_FINDING_GROUP",
            Self::NewGeolocation => "NEW_GEOLOCATION",
            Self::NewAso => "NEW_ASO",
            Self::NewUserAgent => "NEW_USER_AGENT",
        }
    }
}

impl Indicator {
    /// Which of the eight kinds it is.
    pub fn kind(&self) -> IndicatorKind {
        match self {
            Self::TtpObserved { .. } => IndicatorKind::TtpObserved,
            Self::FlaggedIpAddress { .. } => IndicatorKind::FlaggedIpAddress,
            Self::ImpossibleTravel { .. } => IndicatorKind::ImpossibleTravel,
            Self::RelatedFinding { .. } => IndicatorKind::RelatedFinding,
            Self::RelatedFindingGroup { .. } => IndicatorKind::RelatedFindingGroup,
            Self::NewGeolocation { .. } => IndicatorKind::NewGeolocation,
            Self::NewAso { .. } => IndicatorKind::NewAso,
            Self::NewUserAgent { .. } => IndicatorKind::NewUserAgent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_window_counts_hours_and_prints_an_interval() {
        let window = Window { start: datetime!(2026-11-01 00:00 UTC), end: datetime!(2026-11-02 01:40 UTC) };
        assert_eq!(window.hours(), 26);
        assert_eq!(window.to_string(), "2026-11-01T00:00:00Z/2026-11-02T01:40:00Z");
    }

    #[test]
    fn several_windows_cover_what_each_of_them_does() {
        let one = Window { start: datetime!(2026-11-01 00:00 UTC), end: datetime!(2026-11-03 00:00 UTC) };
        let other = Window { start: datetime!(2026-11-02 00:00 UTC), end: datetime!(2026-11-04 00:00 UTC) };
        assert_eq!(Window::common([one, other]), Some(Window { start: other.start, end: one.end }));
        assert_eq!(Window::common([other]), Some(other));
        assert_eq!(Window::common([]), None);
    }

    #[test]
    fn activity_is_new_once_a_day_and_only_after_the_window() {
        let now = datetime!(2026-11-20 12:00 UTC);
        for (covered_hours_ago, seen_hours_ago, expected) in [
            (48, Some(1), Activity::New),
            (24, Some(1), Activity::New),
            (23, Some(1), Activity::TooSoon),
            (48, Some(48), Activity::Covered),
            (48, Some(49), Activity::Covered),
            (48, None, Activity::Covered),
        ] {
            let ago = |hours| now - Duration::hours(hours);
            let found = Activity::of(ago(covered_hours_ago), seen_hours_ago.map(ago), now);
            assert_eq!(found, expected, "covered {covered_hours_ago} h ago, seen {seen_hours_ago:?} h ago");
        }
    }

    #[test]
    fn a_window_covers_another_within_the_slack_at_its_end() {
        let window = Window { start: datetime!(2026-11-01 00:00 UTC), end: datetime!(2026-11-02 00:00 UTC) };
        let later = Window { end: datetime!(2026-11-02 00:30 UTC), ..window };
        let earlier = Window { start: datetime!(2026-10-31 23:59 UTC), ..window };
        assert!(window.covers(&later, Duration::minutes(30)));
        assert!(!window.covers(&later, Duration::minutes(29)));
        assert!(!window.covers(&earlier, Duration::hours(1)));
    }
}
