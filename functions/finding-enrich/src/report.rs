//! What an analyst reads: the note and the user-defined fields. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use eventide_types::investigation::{Indicator, IndicatorKind, Severity, Window};
use eventide_types::partition::investigation_report;
use eventide_types::printable;
use eventide_types::work::{COMMENT_MARK, Stage, field};

/// Security Hub's limit on a note, in characters.
const NOTE: usize = 512;
/// Security Hub's limit on the value of a user-defined field, in characters.
const VALUE: usize = 1024;
/// Security Hub's limit on user-defined fields of a finding.
const FIELDS: usize = 50;

/// What came of one principal, or of something that is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// How the report calls it: `role team/Reader in 111122223333`, for instance.
    pub who: String,
    /// Where the investigation ran.
    pub region: String,
    /// Detective's id and window, where there is an investigation.
    pub investigation: Option<(String, Window)>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an investigation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With a verdict.
    Complete {
        /// Detective's severity.
        severity: Severity,
        /// What it observed.
        indicators: Vec<Indicator>,
    },
    /// Without one.
    Failed {
        /// Why.
        reason: String,
    },
    /// Not in time.
    TimedOut {
        /// How long it was waited for.
        minutes: i64,
    },
    /// It cannot be investigated.
    Unsupported {
        /// Why.
        reason: String,
    },
}

/// What is written into a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Where the finding stands now.
    pub stage: Stage,
    /// The worst verdict.
    pub severity: Option<Severity>,
    /// How many of those it is about cannot be investigated.
    pub unsupported: u64,
    /// At most 512 characters.
    pub note: String,
    /// The note as a comment on an OCSF finding, at most 512 characters with its mark.
    pub comment: String,
    /// The user-defined fields that are ours, the most important first.
    pub fields: Vec<(String, String)>,
}

/// The report on everybody a finding names, the worst verdict first.
pub fn report(mut all: Vec<Ended>) -> Report {
    all.sort_by_key(|ended| std::cmp::Reverse(weight(&ended.outcome)));
    let stage = all.first().map_or(Stage::Unsupported, |worst| stage(&worst.outcome));
    let severity = all.iter().find_map(|ended| verdict(&ended.outcome));
    let mut fields = vec![(field::INVESTIGATE.to_owned(), stage.as_str().to_owned())];
    let ids: Vec<_> = all.iter().filter_map(|ended| Some(ended.investigation.as_ref()?.0.as_str())).collect();
    if !ids.is_empty() {
        fields.push((field::ID.to_owned(), printable(&ids.join(","), VALUE)));
    }
    if let Some(severity) = severity {
        fields.push((field::SEVERITY.to_owned(), severity.to_string()));
    }
    // By its end, new activity is told from what was investigated.
    if let Some(window) = Window::common(all.iter().filter_map(|ended| Some(ended.investigation.as_ref()?.1)))
    {
        fields.push((field::WINDOW.to_owned(), window.to_string()));
    }
    fields.push((field::SUMMARY.to_owned(), summary(&all, VALUE)));
    if stage == Stage::Complete {
        for kind in IndicatorKind::ALL {
            let count = all.iter().flat_map(indicators).filter(|indicator| indicator.kind() == kind).count();
            fields.push((format!("{}{}", field::INDICATORS, kind.as_str()), count.to_string()));
        }
    }
    let comment = format!("{COMMENT_MARK}{}", summary(&all, NOTE - COMMENT_MARK.len()));
    let unsupported =
        all.iter().filter(|ended| matches!(ended.outcome, Outcome::Unsupported { .. })).map(|_| 1).sum();
    Report { stage, severity, unsupported, note: summary(&all, NOTE), comment, fields }
}

/// The fields of a finding after ours are added to those it has: every one of theirs stays, and ours give way,
/// the least important first, where 50 are not enough.
pub fn merge(existing: &BTreeMap<String, String>, ours: &[(String, String)]) -> BTreeMap<String, String> {
    let mut merged = existing.clone();
    for (name, value) in ours {
        if merged.contains_key(name) || merged.len() < FIELDS {
            merged.insert(name.clone(), value.clone());
        }
    }
    merged
}

fn stage(outcome: &Outcome) -> Stage {
    match outcome {
        Outcome::Complete { .. } => Stage::Complete,
        Outcome::Failed { .. } => Stage::Failed,
        Outcome::TimedOut { .. } => Stage::TimedOut,
        Outcome::Unsupported { .. } => Stage::Unsupported,
    }
}

fn weight(outcome: &Outcome) -> (u8, Option<Severity>) {
    match outcome {
        Outcome::Complete { severity, .. } => (3, Some(*severity)),
        Outcome::Failed { .. } => (2, None),
        Outcome::TimedOut { .. } => (1, None),
        Outcome::Unsupported { .. } => (0, None),
    }
}

fn verdict(outcome: &Outcome) -> Option<Severity> {
    weight(outcome).1
}

fn indicators(ended: &Ended) -> &[Indicator] {
    match &ended.outcome {
        Outcome::Complete { indicators, .. } => indicators,
        Outcome::Failed { .. } | Outcome::TimedOut { .. } | Outcome::Unsupported { .. } => &[],
    }
}

/// The worst verdict, the others' in short, the worst one's indicators as far as they fit, and the link, which
/// always does.
fn summary(all: &[Ended], limit: usize) -> String {
    let link = all.iter().find_map(|ended| {
        let (id, _) = ended.investigation.as_ref()?;
        investigation_report(&ended.region, id)
    });
    let link = link.map(|link| format!(" {link}")).unwrap_or_default();
    let room = limit.saturating_sub(link.chars().count());
    let worst = all.first().map(sentence);
    let details = all.first().map(|worst| details(indicators(worst))).unwrap_or_default();
    let parts = worst.into_iter().chain(others(all.get(1..).unwrap_or_default())).chain(details);
    let mut text = String::new();
    for part in parts {
        let separator = if text.is_empty() { "" } else { " " };
        let left = room.saturating_sub(text.chars().count() + separator.len());
        if part.chars().count() <= left {
            text.push_str(separator);
            text.push_str(&part);
        } else {
            // Half a sentence still tells something, a few characters do not.
            if left >= 40 {
                text.push_str(separator);
                text.push_str(&printable(&part, left));
            }
            break;
        }
    }
    text.push_str(&link);
    text
}

fn sentence(ended: &Ended) -> String {
    let who = printable(&ended.who, 160);
    match &ended.outcome {
        Outcome::Complete { severity, indicators } => {
            let window = ended.investigation.as_ref().map(|(_, window)| window.hours());
            let over = window.map(|hours| format!(" over {hours} h")).unwrap_or_default();
            let meaning = match severity {
                Severity::Informational | Severity::Low => "no uncommon behavior",
                Severity::Medium => "anomalous behavior that might indicate compromise",
                Severity::High | Severity::Critical => {
                    "anomalous behavior that indicates potential compromise"
                }
            };
            let count = match indicators.len() {
                0 => String::new(),
                1 => " (1 indicator)".to_owned(),
                count => format!(" ({count} indicators)"),
            };
            format!("Detective: {severity} for {who}{over}, {meaning}{count}.")
        }
        Outcome::Failed { reason } => {
            format!("Investigation of {who} failed: {}.", printable(reason, 240))
        }
        Outcome::TimedOut { minutes } => {
            format!("Investigation of {who} did not end within {minutes} min; Detective may still end it.")
        }
        Outcome::Unsupported { reason } => format!("No investigation of {who}: {}.", printable(reason, 240)),
    }
}

/// The verdicts on everybody but the worst, in short: three of them, and how many more there are.
fn others(others: &[Ended]) -> Option<String> {
    let brief = |ended: &Ended| {
        let who = printable(&ended.who, 100);
        match &ended.outcome {
            Outcome::Complete { severity, .. } => format!("{severity} for {who}"),
            Outcome::Failed { .. } => format!("failed for {who}"),
            Outcome::TimedOut { .. } => format!("timed out for {who}"),
            Outcome::Unsupported { .. } => format!("none of {who}"),
        }
    };
    if others.is_empty() {
        return None;
    }
    let shown: Vec<_> = others.iter().take(3).map(brief).collect();
    let more = match others.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Some(format!("Others: {}{more}.", shown.join("; ")))
}

/// A sentence for each kind of indicator that was observed, the strongest kind first.
fn details(indicators: &[Indicator]) -> Vec<String> {
    let sentences = IndicatorKind::ALL.into_iter().filter_map(|kind| {
        let names: BTreeSet<String> =
            indicators.iter().filter(|indicator| indicator.kind() == kind).map(name).collect();
        if names.is_empty() {
            return None;
        }
        let shown: Vec<_> = names.iter().take(3).map(String::as_str).collect();
        let more = match names.len().saturating_sub(shown.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("{}: {}{more}.", label(kind), shown.join("; ")))
    });
    sentences.collect()
}

fn label(kind: IndicatorKind) -> &'static str {
    match kind {
        IndicatorKind::TtpObserved => "Tactics",
        IndicatorKind::FlaggedIpAddress => "Flagged addresses",
        IndicatorKind::ImpossibleTravel => "Impossible travel",
        IndicatorKind::RelatedFinding => "Related findings",
        IndicatorKind::RelatedFindingGroup => "Finding groups",
        IndicatorKind::NewGeolocation => "New locations",
        IndicatorKind::NewAso => "New networks",
        IndicatorKind::NewUserAgent => "New user agents",
    }
}

/// What one indicator is called in a list of its kind, cleaned: it comes from an attacker's own activity.
fn name(indicator: &Indicator) -> String {
    let text = match indicator {
        Indicator::TtpObserved { tactic, technique, .. } => format!("{tactic} ({technique})"),
        Indicator::ImpossibleTravel { starting_location, ending_location, hours, .. } => {
            let place = |place: &Option<String>| place.clone().unwrap_or_else(|| "somewhere".to_owned());
            let within = hours.map(|hours| format!(" in {hours} h")).unwrap_or_default();
            format!("{} to {}{within}", place(starting_location), place(ending_location))
        }
        Indicator::FlaggedIpAddress { ip_address } => ip_address.clone(),
        Indicator::NewGeolocation { location, new_for_account, .. } => with_scope(location, *new_for_account),
        Indicator::NewAso { aso, new_for_account } => with_scope(aso, *new_for_account),
        Indicator::NewUserAgent { user_agent, new_for_account } => with_scope(user_agent, *new_for_account),
        Indicator::RelatedFinding { arn, kind, .. } => kind.clone().unwrap_or_else(|| arn.clone()),
        Indicator::RelatedFindingGroup { id } => id.clone(),
    };
    printable(&text, 100)
}

fn with_scope(text: &str, new_for_account: bool) -> String {
    let scope = if new_for_account { " (new for the account)" } else { "" };
    format!("{}{scope}", printable(text, 70))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn window() -> Window {
        Window { start: datetime!(2026-11-18 12:00 UTC), end: datetime!(2026-11-20 12:00 UTC) }
    }

    fn complete(who: &str, id: &str, severity: Severity, indicators: Vec<Indicator>) -> Ended {
        Ended {
            who: who.to_owned(),
            region: "us-east-1".to_owned(),
            investigation: Some((id.to_owned(), window())),
            outcome: Outcome::Complete { severity, indicators },
        }
    }

    fn ended(who: &str, outcome: Outcome) -> Ended {
        Ended { who: who.to_owned(), region: "us-east-1".to_owned(), investigation: None, outcome }
    }

    fn every_kind(times: usize) -> Vec<Indicator> {
        let each = |n: usize| {
            [
                Indicator::NewUserAgent { user_agent: format!("curl/{n}"), new_for_account: true },
                Indicator::NewAso { aso: format!("Example Net {n}"), new_for_account: false },
                Indicator::NewGeolocation {
                    location: format!("Place {n}"),
                    ip_address: None,
                    new_for_account: false,
                },
                Indicator::RelatedFindingGroup { id: format!("group-{n}") },
                Indicator::RelatedFinding {
                    arn: format!("arn:{n}"),
                    kind: Some(format!("Recon:IAMUser/{n}")),
                    ip_address: None,
                },
                Indicator::ImpossibleTravel {
                    starting_ip: None,
                    ending_ip: None,
                    starting_location: Some("Lyon".into()),
                    ending_location: Some(format!("Osaka {n}")),
                    hours: Some(1),
                },
                Indicator::FlaggedIpAddress { ip_address: format!("198.51.100.{n}") },
                Indicator::TtpObserved {
                    tactic: "Initial Access".into(),
                    technique: format!("Valid Accounts {n}"),
                    procedure: "p".into(),
                    ip_address: None,
                    api_name: None,
                    success_count: 1,
                    failure_count: 0,
                },
            ]
        };
        (0..times).flat_map(each).collect()
    }

    fn value<'a>(report: &'a Report, name: &str) -> Option<&'a str> {
        report.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    const ID: &str = "000000000000000000042";

    #[test]
    fn a_note_tells_verdict_entity_window_strongest_indicators_and_link() {
        let report =
            report(vec![complete("role team/Reader in 111122223333", ID, Severity::Critical, every_kind(5))]);
        assert_eq!(
            report.note,
            "Detective: CRITICAL for role team/Reader in 111122223333 over 48 h, anomalous behavior that indicates \
             potential compromise (40 indicators). Tactics: Initial Access (Valid Accounts 0); Initial Access (Valid \
             Accounts 1); Initial Access (Valid Accounts 2) and 2 more. Flagged addresses: 198.51.100.0; 198.51.100.1; \
             198.51.100.2 and 2 more. Impossible travel: Lyon to Osaka 0 in 1 h; Lyon to Osaka 1 … \
             https://us-east-1.console.aws.amazon.com/detective/home?region=us-east-1#investigationReport/\
             000000000000000000042"
        );
        assert_eq!(report.stage, Stage::Complete);
        assert_eq!(value(&report, field::ID), Some(ID));
        assert_eq!(value(&report, field::SEVERITY), Some("CRITICAL"));
        assert_eq!(value(&report, field::WINDOW), Some("2026-11-18T12:00:00Z/2026-11-20T12:00:00Z"));
        for kind in IndicatorKind::ALL {
            let name = format!("{}{}", field::INDICATORS, kind.as_str());
            assert_eq!(value(&report, &name), Some("5"), "{name}");
        }
        let summary = value(&report, field::SUMMARY).unwrap();
        assert!(summary.contains("New user agents: curl/0 (new for the account)"), "{summary}");
    }

    #[test]
    fn every_severity_has_its_meaning() {
        for (severity, meaning) in [
            (Severity::Informational, "no uncommon behavior"),
            (Severity::Low, "no uncommon behavior"),
            (Severity::Medium, "might indicate compromise"),
            (Severity::High, "indicates potential compromise"),
            (Severity::Critical, "indicates potential compromise"),
        ] {
            let report = report(vec![complete("role r in 1", ID, severity, Vec::new())]);
            assert!(
                report.note.contains(severity.as_str()) && report.note.contains(meaning),
                "{}",
                report.note
            );
        }
    }

    #[test]
    fn several_principals_share_one_report_the_worst_first() {
        let report = report(vec![
            ended("root", Outcome::Unsupported { reason: "no role".into() }),
            complete("user alice in 1", "000000000000000000001", Severity::Low, Vec::new()),
            complete("role Admin in 1", "000000000000000000002", Severity::High, every_kind(1)),
            ended("role Late in 1", Outcome::TimedOut { minutes: 120 }),
        ]);
        assert_eq!((report.stage, report.severity), (Stage::Complete, Some(Severity::High)));
        assert_eq!(value(&report, field::ID), Some("000000000000000000002,000000000000000000001"));
        let admin = report.note.find("Detective: HIGH for role Admin").unwrap();
        let others = "Others: LOW for user alice in 1; timed out for role Late in 1; none of root.";
        assert!(admin < report.note.find(others).unwrap(), "{}", report.note);
        assert!(
            report.note.ends_with("000000000000000000002"),
            "the link is the worst one's: {}",
            report.note
        );
    }

    #[test]
    fn what_did_not_complete_says_so() {
        for (outcome, stage, text) in [
            (
                Outcome::Failed { reason: "Detective said no".into() },
                Stage::Failed,
                "failed: Detective said no.",
            ),
            (Outcome::TimedOut { minutes: 90 }, Stage::TimedOut, "did not end within 90 min"),
            (
                Outcome::Unsupported { reason: "it is root".into() },
                Stage::Unsupported,
                "No investigation of x: it is root.",
            ),
        ] {
            let report = report(vec![ended("x", outcome)]);
            assert_eq!(report.stage, stage);
            assert!(report.note.contains(text), "{}", report.note);
            assert_eq!(value(&report, field::INVESTIGATE), Some(stage.as_str()));
            assert_eq!(value(&report, field::SEVERITY), None);
        }
    }

    #[test]
    fn merging_keeps_every_field_of_others_and_never_exceeds_fifty() {
        let report = report(vec![complete("role r in 1", ID, Severity::High, every_kind(1))]);
        for others in [0, 10, 36, 37, 45, 49, 50] {
            let existing: BTreeMap<_, _> =
                (0..others).map(|n| (format!("team-{n}"), "kept".to_owned())).collect();
            let merged = merge(&existing, &report.fields);
            assert!(merged.len() <= 50);
            assert!(existing.iter().all(|(name, value)| merged.get(name) == Some(value)));
            assert_eq!(merged.len(), (others + report.fields.len()).min(50));
            assert_eq!(merged.contains_key(field::INVESTIGATE), others < 50);
        }
        let running = BTreeMap::from([(field::INVESTIGATE.to_owned(), "running".to_owned())]);
        assert_eq!(merge(&running, &report.fields).get(field::INVESTIGATE).unwrap(), "complete");
    }

    #[test]
    fn hostile_indicators_stay_within_limits_and_harmless() {
        let hostile = "\u{202e}x\n\"';DROP\u{0}".repeat(500);
        let indicators = vec![
            Indicator::NewUserAgent { user_agent: hostile.clone(), new_for_account: true },
            Indicator::RelatedFindingGroup { id: "ü".repeat(2000) },
            Indicator::FlaggedIpAddress { ip_address: hostile.clone() },
        ];
        let report = report(vec![complete(&hostile, ID, Severity::Critical, indicators)]);
        assert!(report.note.chars().count() <= 512);
        assert!(report.note.ends_with(ID), "the link survives: {}", report.note);
        for (name, value) in &report.fields {
            assert!((1..=1024).contains(&value.chars().count()), "{name}");
            assert!(!value.chars().any(char::is_control), "{name}");
        }
        assert!(!report.note.contains('\u{202e}') && !report.note.chars().any(char::is_control));
    }
}
