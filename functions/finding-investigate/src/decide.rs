//! Whether a finding is investigated, and as what. No I/O.

use eventide_types::finding::{Finding, Reference, Settled};
use eventide_types::investigation::Activity;
use eventide_types::principal::{Reason, Subject};
use eventide_types::work::{Stage, Trigger, Version, Work};
use time::{Duration, OffsetDateTime};

/// What a deployment may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How far back an investigation may look.
    pub look_back: Duration,
    /// Whether activity after an investigation may start another.
    pub reinvestigate: bool,
}

/// The event that asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its id, the same for every delivery of it.
    pub run: String,
    /// When it was sent.
    pub requested_at: OffsetDateTime,
    /// Whether a person picked the finding.
    pub by_a_person: bool,
}

/// What becomes of a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It goes on to finding-enrich.
    Queue(Box<Work>),
    /// Nothing is to be done.
    Leave(Why),
}

/// Why nothing is to be done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It needs no attention any more.
    Settled(Settled),
    /// Nobody asked: the field `investigate` is not `true`.
    NotAsked,
    /// It is investigated, and nothing has happened since.
    NothingNew,
    /// It was investigated less than a day ago.
    InvestigatedToday,
    /// It names no IAM principal, and nobody picked it.
    NoPrincipal,
}

impl Why {
    /// A word for logs, metrics and the answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settled(settled) => settled.as_str(),
            Self::NotAsked => "not-asked",
            Self::NothingNew => "nothing-new",
            Self::InvestigatedToday => "investigated-today",
            Self::NoPrincipal => "no-principal",
        }
    }
}

/// Decides about one finding of an event.
///
/// The product is not looked at: which products' findings arrive here is the rules' to say, in the template.
pub fn decide(finding: Finding, request: &Request, settings: Settings, now: OffsetDateTime) -> Decision {
    let trigger = match trigger(&finding, request, settings, now) {
        Ok(trigger) => trigger,
        Err(why) => return Decision::Leave(why),
    };
    let scope = finding.scope(now, settings.look_back);
    let found_at = finding.found_at();
    let mut subjects = finding.subjects;
    if subjects.is_empty() {
        subjects.push(Subject::unsupported("", Reason::NoPrincipal));
    }
    Decision::Queue(Box::new(Work {
        version: Version::V1,
        run: request.run.clone(),
        requested_at: request.requested_at,
        begun_at: None,
        trigger,
        hop: 0,
        finding: finding.reference,
        region: finding.region,
        scope,
        last_observed: finding.last_observed,
        found_at,
        subjects,
        investigations: Vec::new(),
        marked_running: false,
        commented: finding.commented,
    }))
}

fn trigger(
    finding: &Finding,
    request: &Request,
    settings: Settings,
    now: OffsetDateTime,
) -> Result<Trigger, Why> {
    if request.by_a_person {
        return Ok(Trigger::CustomAction);
    }
    if let Some(settled) = finding.settled {
        return Err(Why::Settled(settled));
    }
    // OCSF findings have no user-defined fields: the rule that sent it is the asking, and finding-enrich's ledger
    // keeps a repeat from being one.
    if matches!(finding.reference, Reference::Ocsf { .. }) {
        return if finding.subjects.is_empty() { Err(Why::NoPrincipal) } else { Ok(Trigger::Automatic) };
    }
    let investigate = finding.investigate.as_deref();
    if investigate == Some(Stage::Wanted.as_str()) {
        return Ok(Trigger::Automatic);
    }
    if investigate != Some(Stage::Complete.as_str()) || !settings.reinvestigate {
        return Err(Why::NotAsked);
    }
    let window = finding.investigated.ok_or(Why::NothingNew)?;
    match Activity::of(window.end, finding.last_observed, now) {
        Activity::Covered => Err(Why::NothingNew),
        Activity::TooSoon => Err(Why::InvestigatedToday),
        Activity::New => Ok(Trigger::NewActivity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventide_types::investigation::Window;
    use eventide_types::principal::Kind;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
    const SETTINGS: Settings = Settings { look_back: Duration::days(30), reinvestigate: true };

    fn asff() -> Finding {
        Finding {
            reference: Reference::Asff { id: "f".into(), product_arn: "p".into() },
            region: "us-east-1".into(),
            settled: None,
            investigate: Some("true".into()),
            investigated: None,
            first_observed: Some(datetime!(2026-11-19 12:00 UTC)),
            last_observed: None,
            created: None,
            processed: None,
            commented: false,
            subjects: vec![Subject::named(Kind::Role, "aws", "111122223333", "Admin")],
        }
    }

    fn ocsf() -> Finding {
        let reference = Reference::Ocsf {
            metadata_uid: None,
            account: "111122223333".into(),
            finding_uid: "f".into(),
            product_uid: "p".into(),
        };
        Finding { reference, investigate: None, ..asff() }
    }

    fn request(by_a_person: bool) -> Request {
        Request { run: "event".into(), requested_at: NOW, by_a_person }
    }

    fn investigated(hours_ago: i64, last_observed: Option<OffsetDateTime>) -> Finding {
        let end = NOW - Duration::hours(hours_ago);
        Finding {
            investigate: Some("complete".into()),
            investigated: Some(Window { start: end - Duration::days(2), end }),
            last_observed,
            ..asff()
        }
    }

    fn outcome(finding: Finding, by_a_person: bool, settings: Settings) -> Result<Trigger, Why> {
        match decide(finding, &request(by_a_person), settings, NOW) {
            Decision::Queue(work) => Ok(work.trigger),
            Decision::Leave(why) => Err(why),
        }
    }

    #[test]
    fn rules_ask_only_for_what_is_open_and_not_handled() {
        let settled = |settled| Finding { settled: Some(settled), ..asff() };
        let investigate = |value: Option<&str>| Finding { investigate: value.map(str::to_owned), ..asff() };
        for (finding, expected) in [
            (asff(), Ok(Trigger::Automatic)),
            (settled(Settled::Archived), Err(Why::Settled(Settled::Archived))),
            (settled(Settled::Suppressed), Err(Why::Settled(Settled::Suppressed))),
            (settled(Settled::Resolved), Err(Why::Settled(Settled::Resolved))),
            (investigate(None), Err(Why::NotAsked)),
            (investigate(Some("running")), Err(Why::NotAsked)),
            (investigate(Some("failed")), Err(Why::NotAsked)),
            (investigate(Some("timed-out")), Err(Why::NotAsked)),
            (investigate(Some("unsupported")), Err(Why::NotAsked)),
            (investigate(Some("complete")), Err(Why::NothingNew)),
            (ocsf(), Ok(Trigger::Automatic)),
            (Finding { settled: Some(Settled::Archived), ..ocsf() }, Err(Why::Settled(Settled::Archived))),
            (Finding { subjects: Vec::new(), ..ocsf() }, Err(Why::NoPrincipal)),
        ] {
            assert_eq!(outcome(finding.clone(), false, SETTINGS), expected, "{finding:?}");
        }
    }

    #[test]
    fn a_person_is_always_heard() {
        for finding in [
            asff(),
            Finding { settled: Some(Settled::Archived), ..asff() },
            Finding { settled: Some(Settled::Suppressed), ..asff() },
            investigated(1, None),
            Finding { subjects: Vec::new(), ..asff() },
        ] {
            assert_eq!(outcome(finding.clone(), true, SETTINGS), Ok(Trigger::CustomAction), "{finding:?}");
        }
    }

    #[test]
    fn new_activity_asks_once_a_day_where_it_may() {
        let off = Settings { reinvestigate: false, ..SETTINGS };
        for (hours_ago, last_observed, settings, expected) in [
            (24, Some(NOW), SETTINGS, Ok(Trigger::NewActivity)),
            (23, Some(NOW), SETTINGS, Err(Why::InvestigatedToday)),
            (48, Some(NOW - Duration::hours(48)), SETTINGS, Err(Why::NothingNew)),
            (48, None, SETTINGS, Err(Why::NothingNew)),
            (48, Some(NOW), off, Err(Why::NotAsked)),
        ] {
            let finding = investigated(hours_ago, last_observed);
            assert_eq!(outcome(finding, false, settings), expected, "{hours_ago} h ago, {last_observed:?}");
        }
    }

    #[test]
    fn work_says_all_that_the_worker_needs() {
        let Decision::Queue(work) = decide(asff(), &request(false), SETTINGS, NOW) else { panic!("left") };
        assert_eq!((work.run.as_str(), work.hop), ("event", 0));
        assert_eq!(work.scope.unwrap().window.end, NOW);
        assert_eq!(work.found_at, None);
        let processed = Some(NOW - Duration::MINUTE);
        let finding = Finding { processed, created: Some(NOW - Duration::DAY), ..asff() };
        let Decision::Queue(work) = decide(finding, &request(false), SETTINGS, NOW) else { panic!("left") };
        assert_eq!(work.found_at, processed);
        let nobody = Finding { subjects: Vec::new(), first_observed: None, ..asff() };
        let Decision::Queue(work) = decide(nobody, &request(true), SETTINGS, NOW) else { panic!("left") };
        assert_eq!(work.scope, None, "a finding without a time is reported by the worker, not guessed here");
        assert!(
            matches!(work.subjects.as_slice(), [Subject::Unsupported(who)] if who.reason == Reason::NoPrincipal)
        );
    }
}
