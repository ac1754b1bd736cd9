//! What every [`Catalogue`], [`Requests`] and [`Usages`] does, checked against the fakes and, in DynamoDB, against the
//! local cloud.

use std::collections::BTreeMap;

use eventide_kit::error::Error;
use eventide_types::mart::Mart;
use eventide_types::mart::catalogue::Segment;
use eventide_types::mart::definition::{Definition, Delivery, Format, Kind, Warehouse};
use eventide_types::mart::request::{Record, Request, State};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{Catalogue, Deployment, Recorded, Requests, Usage, Usages};

const NOON: OffsetDateTime = datetime!(2026-11-01 12:00:00.123_456_789 UTC);

fn refused<T>(result: Result<T, Error>) -> String {
    result.err().map(|error| error.qualified_type()).unwrap_or_default()
}

fn warehouse() -> Warehouse {
    Warehouse { cluster: None, workgroup: Some("analytics".to_owned()), secret: None, user: None }
}

/// A mart in force, as [`check`] uses them.
pub fn mart(name: &str, key: &str, sequencer: &str) -> Mart {
    Mart {
        definition: Definition {
            name: name.to_owned(),
            description: "it's \"ü\"".to_owned(),
            owner: "hr".to_owned(),
            callers: Vec::new(),
            warehouse: warehouse(),
            database: "dev".to_owned(),
            schema: Some("marts".to_owned()),
            kind: Kind::LateBindingView,
            parameters: BTreeMap::new(),
            grants: Vec::new(),
            refresh: None,
            delivery: Delivery::default(),
            share: None,
        },
        key: key.to_owned(),
        version_id: format!("version-{sequencer}"),
        sequencer: sequencer.to_owned(),
        digest: "3f9a2b1c".to_owned(),
        relation: Some(format!("{name}__3f9a2b1c")),
        query: vec![Segment::Sql("SELECT 1".to_owned())],
    }
}

/// The record of a request, as [`check`] uses them.
pub fn record(token: &str, updated_at: OffsetDateTime) -> Record {
    Record {
        token: token.to_owned(),
        request: Request {
            mart: "rates".to_owned(),
            parameters: BTreeMap::from([("year".to_owned(), serde_json::json!(2026))]),
            request_id: None,
            wait: false,
            format: None,
            unload: None,
        },
        caller: "invoke".to_owned(),
        owner: "hr".to_owned(),
        version_id: "version-1".to_owned(),
        warehouse: warehouse(),
        database: "dev".to_owned(),
        format: Format::Csv,
        unload: false,
        sql: "SELECT 1".to_owned(),
        parameters: vec![("year".to_owned(), "2026".to_owned())],
        inline: false,
        key: format!("hr/rates/2026/11/01/{token}"),
        row_cap: 10,
        state: State::Accepted,
        statement_id: None,
        reason: None,
        accepted_at: NOON,
        updated_at,
    }
}

/// Checks all of catalogue and requests, both empty.
///
/// # Errors
/// Whatever an operation that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<M: Catalogue + Requests>(marts: &M) -> Result<(), Error> {
    later_versions_win(marts).await?;
    a_name_has_one_file(marts).await?;
    deployments_are_ordered(marts).await?;
    a_request_is_accepted_once(marts).await?;
    records_move_between_states(marts).await?;
    stale_requests_are_found(marts).await
}

async fn later_versions_win<C: Catalogue>(marts: &C) -> Result<(), Error> {
    let (name, key) = ("rates", "hr/rates.sql");
    let version = |sequencer| mart(name, key, sequencer);
    assert_eq!(marts.mart(name).await?, None);
    assert!(marts.names().await?.is_empty());
    assert!(!marts.withdraw(name, key, "01").await?, "there never was such a mart");

    // The shorter sequencer is padded on the right: 0055 is later than 005, which is later than 00401.
    for (sequencer, in_force, expected) in [
        ("00401", true, "00401"),
        ("005", true, "005"),
        ("00401", false, "005"),
        ("005", true, "005"),
        ("0050", true, "0050"),
        ("0055aa", true, "0055aa"),
        ("0055A9FF", false, "0055aa"),
    ] {
        assert_eq!(marts.put_in_force(&version(sequencer)).await?, in_force, "{sequencer}");
        assert_eq!(marts.mart(name).await?, Some(version(expected)), "{sequencer}");
        assert_eq!(marts.names().await?, [name]);
    }

    assert!(!marts.withdraw(name, key, "0055").await?, "a later version is in force");
    assert!(marts.mart(name).await?.is_some());
    for _ in 0..2 {
        assert!(marts.withdraw(name, key, "0056").await?);
        assert_eq!(marts.mart(name).await?, None);
        assert!(marts.names().await?.is_empty());
    }
    assert!(marts.withdraw(name, key, "0055").await?, "it is out of force");
    assert!(!marts.put_in_force(&version("0055ff")).await?, "it was withdrawn later");
    assert_eq!(marts.mart(name).await?, None);
    assert!(marts.put_in_force(&version("0057")).await?);
    assert_eq!(marts.names().await?, [name]);
    Ok(())
}

async fn a_name_has_one_file<C: Catalogue>(marts: &C) -> Result<(), Error> {
    let theirs = mart("rates", "sales/rates.sql", "9");
    assert_eq!(refused(marts.put_in_force(&theirs).await), "Permanent.NameTaken");
    assert!(!marts.withdraw("rates", "sales/rates.sql", "9").await?);
    assert!(marts.put_in_force(&mart("another", "sales/another.sql", "1")).await?);
    assert_eq!(marts.names().await?, ["another", "rates"]);

    // A name that was given up may be taken, whatever the former file's sequencer.
    assert!(marts.withdraw("another", "sales/another.sql", "2").await?);
    let taken = mart("another", "hr/another.sql", "1");
    assert!(marts.put_in_force(&taken).await?);
    assert!(!marts.withdraw("another", "sales/another.sql", "3").await?);
    assert_eq!(marts.mart("another").await?, Some(taken));
    Ok(())
}

async fn deployments_are_ordered<C: Catalogue>(marts: &C) -> Result<(), Error> {
    let deployment = |sequencer: &str, state: &str| Deployment {
        key: "hr/rates.sql".to_owned(),
        sequencer: sequencer.to_owned(),
        version_id: Some("v".to_owned()),
        state: state.to_owned(),
        reason: None,
        mart: Some(mart("rates", "hr/rates.sql", sequencer)),
        updated_at: NOON,
    };
    assert_eq!(marts.deployment("hr/rates.sql").await?, None);
    for (sequencer, state, from, recorded) in [
        ("1", "building", &[][..], Recorded::Yes),
        ("1", "building", &[], Recorded::Yes),
        ("1", "swapping", &["checking"], Recorded::MovedOn),
        ("1", "swapping", &["checking", "building"], Recorded::Yes),
        ("1", "building", &["checking"], Recorded::MovedOn),
        ("10", "building", &[], Recorded::MovedOn),
        ("2", "building", &[], Recorded::Yes),
        ("1F", "in-force", &["building"], Recorded::Overtaken),
    ] {
        let recording = marts.record(&deployment(sequencer, state), from).await?;
        assert_eq!(recording, recorded, "{sequencer} {state}");
    }
    assert_eq!(marts.deployment("hr/rates.sql").await?, Some(deployment("2", "building")));
    let deleted = Deployment { version_id: None, mart: None, ..deployment("3", "withdrawn") };
    assert_eq!(marts.record(&deleted, &[]).await?, Recorded::Yes);
    assert_eq!(marts.deployment("hr/rates.sql").await?, Some(deleted));
    assert_eq!(marts.deployment("hr/rate.sql").await?, None);
    Ok(())
}

async fn a_request_is_accepted_once<R: Requests>(marts: &R) -> Result<(), Error> {
    let first = record("once", NOON);
    assert_eq!(marts.request("once").await?, None);
    assert_eq!(marts.accept(&first).await?, None);
    let second = record("once", NOON + Duration::NANOSECOND);
    assert_eq!(marts.accept(&second).await?, Some(first.clone()));
    assert_eq!(marts.request("once").await?, Some(first.clone()));
    assert_eq!(marts.accept(&first).await?, None, "the same write, repeated because its answer was lost");

    let large = Record { sql: "x".repeat(400 * 1024), ..record("large", NOON) };
    assert_eq!(refused(marts.accept(&large).await), "Permanent.ItemTooLarge");
    assert_eq!(marts.request("large").await?, None);
    Ok(())
}

async fn records_move_between_states<R: Requests>(marts: &R) -> Result<(), Error> {
    let accepted = record("once", NOON);
    let submitted = Record {
        state: State::Submitted,
        statement_id: Some("s-1".to_owned()),
        updated_at: NOON + Duration::SECOND,
        ..accepted.clone()
    };
    assert!(!marts.advance(&submitted, &[]).await?);
    assert!(!marts.advance(&submitted, &[State::Submitted, State::Delivering]).await?);
    assert_eq!(marts.request("once").await?, Some(accepted));
    assert!(marts.advance(&submitted, &[State::Accepted]).await?);
    assert_eq!(marts.request("once").await?, Some(submitted.clone()));
    assert!(marts.advance(&submitted, &[State::Accepted]).await?, "the same write, repeated");
    let failed = Record {
        state: State::Failed,
        reason: Some("no".to_owned()),
        updated_at: NOON + Duration::MINUTE,
        ..submitted.clone()
    };
    assert!(marts.advance(&failed, &[State::Accepted, State::Submitted]).await?);
    assert!(!marts.advance(&submitted, &[State::Accepted]).await?, "it has moved on");
    assert_eq!(marts.request("once").await?, Some(failed));
    assert!(!marts.advance(&record("unknown", NOON), &[State::Accepted]).await?);
    assert_eq!(marts.request("unknown").await?, None);
    Ok(())
}

async fn stale_requests_are_found<R: Requests>(marts: &R) -> Result<(), Error> {
    for minute in [3_u32, 1, 2, 9] {
        let moved = NOON + Duration::MINUTE * minute;
        assert_eq!(marts.accept(&record(&format!("minute-{minute}"), moved)).await?, None);
    }
    let before = NOON + Duration::MINUTE * 9;
    for (limit, expected) in
        [(10, &["minute-1", "minute-2", "minute-3"][..]), (2, &["minute-1", "minute-2"]), (0, &[])]
    {
        assert_eq!(marts.stale(before, limit).await?, expected, "without those that failed or moved since");
    }
    let delivering =
        Record { state: State::Delivering, updated_at: NOON + Duration::HOUR, ..record("minute-1", NOON) };
    assert!(marts.advance(&delivering, &[State::Accepted]).await?);
    let delivered = Record { state: State::Delivered, ..record("minute-2", NOON) };
    assert!(marts.advance(&delivered, &[State::Accepted]).await?);
    assert_eq!(marts.stale(before, 10).await?, ["minute-3"]);
    assert_eq!(marts.stale(NOON + Duration::DAY, 10).await?, ["minute-3", "minute-9", "minute-1"]);
    Ok(())
}

/// Checks all of it, on an empty table.
///
/// # Errors
/// Whatever an operation that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check_usages<U: Usages>(usages: &U) -> Result<(), Error> {
    let usage = |month: &str, number: usize| Usage {
        month: month.to_owned(),
        statement_id: format!("s-{number:04}"),
        owner: "hr".to_owned(),
        mart: "rates".to_owned(),
        purpose: "query".to_owned(),
        warehouse: "analytics".to_owned(),
        outcome: "finished".to_owned(),
        milliseconds: number as u64,
        rows: 10_000_000,
        bytes: u64::MAX,
    };
    let all: Vec<_> = (0..120).map(|number| usage("2026-11", number)).collect();
    for usage in all.iter().chain(&[usage("2026-12", 7)]) {
        assert_eq!(usages.record(usage).await?, None, "nothing was known of it");
    }
    let again = usage("2026-11", 7);
    assert_eq!(usages.record(&again).await?, Some(again));
    a_repeat_completes_and_takes_nothing_away(usages).await?;
    for (month, expected) in [("2026-11", all), ("2026-12", vec![usage("2026-12", 7)]), ("2027-01", vec![])] {
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let (page, next) = usages.month(month, token).await?;
            found.extend(page);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "each once");
    }
    Ok(())
}

/// What an unloaded result consists of may be known to a later delivery only, and to a still later one no more.
async fn a_repeat_completes_and_takes_nothing_away<U: Usages>(usages: &U) -> Result<(), Error> {
    let usage = |rows, bytes| Usage {
        month: "2026-10".to_owned(),
        statement_id: "unloaded".to_owned(),
        owner: "hr".to_owned(),
        mart: "rates".to_owned(),
        purpose: "query".to_owned(),
        warehouse: "analytics".to_owned(),
        outcome: "finished".to_owned(),
        milliseconds: 7,
        rows,
        bytes,
    };
    let (unknown, known) = (usage(0, 0), usage(12, 1_000));
    for (recorded, before, after) in [
        (&unknown, None, &unknown),
        (&known, Some(&unknown), &known),
        (&unknown, Some(&known), &known),
        (&known, Some(&known), &known),
    ] {
        assert_eq!(usages.record(recorded).await?.as_ref(), before);
        assert_eq!(usages.month("2026-10", None).await?, (vec![after.clone()], None));
    }
    Ok(())
}
