//! What every [`Detective`] does, checked against the fake and against the local cloud.

use eventide_kit::error::{Class, Error};
use eventide_types::investigation::{Indicator, IndicatorKind, Severity, Status, Window};
use time::{Duration, OffsetDateTime};

use super::{Detective, Start};

/// What must be in place before the contract is checked.
#[derive(Clone, Debug)]
pub struct Given {
    /// A Region with a graph.
    pub region: String,
    /// A Region without one.
    pub region_without_graph: String,
    /// A role nobody has investigated yet, whose investigations end `CRITICAL` with [`one_of_each_kind`].
    pub compromised: String,
    /// A role nobody has investigated yet, whose investigations fail.
    pub failing: String,
    /// The present as Detective sees it.
    pub now: OffsetDateTime,
}

/// One indicator of each of the eight kinds, every member filled.
pub fn one_of_each_kind() -> Vec<Indicator> {
    let ip = || Some("198.51.100.7".to_owned());
    vec![
        Indicator::TtpObserved {
            tactic: "Initial Access".to_owned(),
            technique: "Valid Accounts".to_owned(),
            procedure: "Console login from a new place".to_owned(),
            ip_address: ip(),
            api_name: Some("ConsoleLogin".to_owned()),
            success_count: 3,
            failure_count: 1,
        },
        Indicator::ImpossibleTravel {
            starting_ip: Some("192.0.2.1".to_owned()),
            ending_ip: ip(),
            starting_location: Some("Berlin, Germany".to_owned()),
            ending_location: Some("Lima, Peru".to_owned()),
            hours: Some(1),
        },
        Indicator::FlaggedIpAddress { ip_address: "198.51.100.7".to_owned() },
        Indicator::NewGeolocation {
            location: "Lima, Peru".to_owned(),
            ip_address: ip(),
            new_for_account: true,
        },
        Indicator::NewAso { aso: "Example Hosting".to_owned(), new_for_account: false },
        Indicator::NewUserAgent { user_agent: "curl/8.0".to_owned(), new_for_account: true },
        Indicator::RelatedFinding {
            arn: "arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f".to_owned(),
            kind: Some("Recon:IAMUser/MaliciousIPCaller.Custom".to_owned()),
            ip_address: ip(),
        },
        Indicator::RelatedFindingGroup { id: "group-1".to_owned() },
    ]
}

/// Checks all of it. `time_passes` lets running investigations come closer to their end; it is called until they
/// have ended, 100 times at most.
///
/// # Errors
/// Whatever an operation that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<D, P>(detective: &D, given: &Given, time_passes: P) -> Result<(), Error>
where
    D: Detective,
    P: AsyncFn(),
{
    assert_eq!(detective.graph(&given.region_without_graph).await?, None, "a region without a graph");
    let graph = detective.graph(&given.region).await?;
    let graph = graph.ok_or_else(|| Error::permanent("NoGraph", "the region should have a graph"))?;
    refuses_what_is_not_valid(detective, given, &graph).await;
    unknown_is_none(detective, given, &graph).await?;

    let (severity, indicators) =
        runs_to_its_end(detective, given, &graph, &given.compromised, &time_passes).await?;
    assert_eq!(severity, Some(Severity::Critical));
    assert_eq!(kinds(&indicators), kinds(&one_of_each_kind()));
    for indicator in one_of_each_kind() {
        assert!(indicators.contains(&indicator), "{indicator:?} is missing");
    }
    let (severity, indicators) =
        runs_to_its_end(detective, given, &graph, &given.failing, &time_passes).await?;
    assert_eq!((severity, indicators.len()), (None, 0), "a failed investigation says nothing");
    Ok(())
}

fn kinds(indicators: &[Indicator]) -> Vec<IndicatorKind> {
    let mut kinds: Vec<_> = indicators.iter().map(Indicator::kind).collect();
    kinds.sort_unstable();
    kinds
}

fn window(given: &Given) -> Window {
    let end = given.now.replace_nanosecond(0).unwrap_or(given.now);
    Window { start: end - Duration::hours(24), end }
}

async fn refuses_what_is_not_valid<D: Detective>(detective: &D, given: &Given, graph: &str) {
    let window = window(given);
    let backwards = Window { start: window.end, end: window.start };
    let other_graph = format!("arn:aws:detective:{}:111122223333:graph:{:032x}", given.region, 0);
    for (graph, entity, window, what) in [
        (graph, "arn:aws:iam::111122223333:root", &window, "the account's root user"),
        (graph, "arn:aws:sts::111122223333:assumed-role/r/s", &window, "a session"),
        (graph, "no-arn", &window, "no ARN at all"),
        (graph, given.compromised.as_str(), &backwards, "a window that ends before it starts"),
        (&other_graph, given.compromised.as_str(), &window, "a graph that does not exist"),
    ] {
        let start = detective.start(&given.region, graph, entity, window).await;
        assert!(
            matches!(&start, Start::Refused(error) if error.class() == Class::Permanent),
            "{what}: {start:?}"
        );
    }
}

async fn unknown_is_none<D: Detective>(detective: &D, given: &Given, graph: &str) -> Result<(), Error> {
    let unknown = "999999999999999999999";
    assert_eq!(detective.get(&given.region, graph, unknown).await?, None, "an unknown investigation");
    let indicators = detective.indicators(&given.region, graph, unknown).await;
    assert!(indicators.is_err_and(|error| error.class() == Class::Permanent));
    Ok(())
}

/// Starts two investigations of `entity`, looks them up in every way and gives the first one's result.
async fn runs_to_its_end<D, P>(
    detective: &D,
    given: &Given,
    graph: &str,
    entity: &str,
    time_passes: &P,
) -> Result<(Option<Severity>, Vec<Indicator>), Error>
where
    D: Detective,
    P: AsyncFn(),
{
    let Given { region, now, .. } = given;
    let (since, until) = (*now - Duration::hours(1), *now + Duration::hours(1));
    assert_eq!(detective.list_for_entity(region, graph, entity, since, until).await?, []);

    let first = started(detective.start(region, graph, entity, &window(given)).await)?;
    let running = detective.get(region, graph, &first).await?;
    let running =
        running.ok_or_else(|| Error::permanent("Lost", "a started investigation should be there"))?;
    assert_eq!((running.id.as_str(), running.entity_arn.as_str()), (first.as_str(), entity));
    assert_eq!((running.status, running.severity), (Status::Running, None));
    assert_eq!(running.window, Some(window(given)));

    let second = started(detective.start(region, graph, entity, &window(given)).await)?;
    assert_ne!(first, second, "a start has no token: the same request starts another investigation");
    let listed = detective.list_for_entity(region, graph, entity, since, until).await?;
    let mut ids: Vec<_> = listed.iter().map(|investigation| investigation.id.as_str()).collect();
    ids.sort_unstable();
    let mut both = [first.as_str(), second.as_str()];
    both.sort_unstable();
    assert_eq!(ids, both);
    assert!(listed.is_sorted_by(|a, b| a.created >= b.created), "newest first");
    assert!(listed.iter().all(|investigation| investigation.window.is_none()), "the list tells no windows");
    let before = detective.list_for_entity(region, graph, entity, since - Duration::days(2), since).await?;
    assert_eq!(before, [], "investigations created later are not listed");
    let other = format!("{entity}-other");
    assert_eq!(detective.list_for_entity(region, graph, &other, since, until).await?, []);

    for _ in 0..100 {
        match detective.get(region, graph, &first).await? {
            Some(ended) if ended.status != Status::Running => {
                return Ok((ended.severity, detective.indicators(region, graph, &first).await?));
            }
            _ => time_passes().await,
        }
    }
    Err(Error::permanent("NeverEnds", "the investigation should have ended"))
}

fn started(start: Start) -> Result<String, Error> {
    match start {
        Start::Started(id) => {
            assert!(
                id.len() == 21 && id.bytes().all(|byte| byte.is_ascii_digit()),
                "an id of 21 digits: {id}"
            );
            Ok(id)
        }
        Start::Refused(error) | Start::Uncertain(error) => Err(error),
    }
}
