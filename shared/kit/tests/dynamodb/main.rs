//! The DynamoDB stores against a real table: contracts, races, lost responses, what each call writes.

#![cfg(all(feature = "dynamodb", feature = "testing"))]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use eventide_kit::{
    clock::{Clock, ManualClock},
    continuation::{self, Continuations, DynamoDbContinuations, Hop, Taken, Takeover},
    deadline::Deadline,
    error::Error,
    idempotency::{self, DynamoDbStore, Idempotency},
    ledger::{self, Claimed, DynamoDbLedger, Ledger, Settlement, State},
};
use time::{SignedDuration, macros::datetime};

mod ministack;
mod wire;

use ministack::Table;

type TestResult = Result<(), Box<dyn std::error::Error>>;

fn clock() -> ManualClock {
    ManualClock::new(datetime!(2026-11-23 09:00:00.123_456 UTC))
}

fn ledger(table: &Table, clock: &ManualClock) -> DynamoDbLedger {
    DynamoDbLedger::new(table.client.clone(), ministack::NAME, Arc::new(clock.clone()))
}

fn continuations(table: &Table, clock: &ManualClock) -> DynamoDbContinuations {
    DynamoDbContinuations::new(table.client.clone(), ministack::NAME, Arc::new(clock.clone()))
}

fn idempotency(table: &Table, clock: &ManualClock) -> Idempotency<DynamoDbStore> {
    let store = DynamoDbStore::new(table.client.clone(), ministack::NAME);
    Idempotency::new("finding-enrich", store, Arc::new(clock.clone()))
}

fn minute(clock: &ManualClock) -> Deadline {
    Deadline::after(Duration::from_secs(60), Arc::new(clock.clone()))
}

fn hop<'a>(clock: &ManualClock, number: u32, holder: &'a str) -> Hop<'a> {
    Hop {
        chain: "chain",
        run: "run",
        requested_at: datetime!(2026-11-23 09:00 UTC),
        number,
        holder,
        lease_until: clock.now() + Duration::from_secs(60),
        takeover: Takeover::WhenFinished,
    }
}

fn detail(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

#[tokio::test]
async fn the_ledger_keeps_its_contract() -> TestResult {
    let (table, clock) = (Table::start().await?, clock());
    Ok(ledger::contract::suite(&ledger(&table, &clock), &clock).await?)
}

#[tokio::test]
async fn continuations_keep_their_contract() -> TestResult {
    let (table, clock) = (Table::start().await?, clock());
    Ok(continuation::contract::suite(&continuations(&table, &clock), &clock).await?)
}

#[tokio::test]
async fn idempotency_keeps_its_contract() -> TestResult {
    let (table, clock) = (Table::start().await?, clock());
    let store = DynamoDbStore::new(table.client.clone(), ministack::NAME);
    Ok(idempotency::contract::suite(&store, &clock).await?)
}

#[tokio::test]
async fn one_of_twenty_wins() -> TestResult {
    let (table, clock) = (Table::start().await?, clock());
    let ledger = &ledger(&table, &clock);
    let until = clock.now() + Duration::from_secs(60);
    let holders: Vec<String> = (0..20).map(|index| format!("message {index}")).collect();

    let first = holders.iter().map(|holder| ledger.claim("race", holder, until, BTreeMap::new()));
    let first = futures_util::future::try_join_all(first).await?;
    assert_eq!(first.iter().filter(|claimed| matches!(claimed, Claimed::Won(_))).count(), 1);

    let settled = ledger.settle("race", 1, Settlement::Refused { reason: "no".to_owned() }).await?;
    let again = holders.iter().map(|holder| ledger.claim_again(&settled, holder, until, BTreeMap::new()));
    let again = futures_util::future::try_join_all(again).await?;
    assert_eq!(again.iter().filter(|claimed| matches!(claimed, Claimed::Won(_))).count(), 1);

    let continuations = &continuations(&table, &clock);
    let taken = holders.iter().map(|holder| async { continuations.take(&hop(&clock, 0, holder)).await });
    let taken = futures_util::future::try_join_all(taken).await?;
    assert_eq!(taken.iter().filter(|taken| matches!(taken, Taken::Yes(_))).count(), 1);
    Ok(())
}

/// The SDK repeats a request whose response is lost, and the repeat meets what the first one wrote.
#[tokio::test]
async fn a_lost_response_changes_nothing() -> TestResult {
    let (table, clock) = (Table::start().await?, clock());
    let ledger = ledger(&table, &clock);
    let until = clock.now() + Duration::from_secs(60);
    let lost = |operation: &'static str| table.wire.lose_next(operation);

    lost("PutItem");
    let won = ledger.claim("effect", "message", until, BTreeMap::new()).await?;
    assert!(matches!(won, Claimed::Won(_)), "{won:?}");
    assert_eq!(table.wire.take_calls(), ["PutItem lost", "PutItem 400"]);
    let held = ledger.claim("effect", "message", until, BTreeMap::new()).await?;
    assert!(matches!(held, Claimed::Held(_)), "the same holder, but another claim: {held:?}");

    lost("UpdateItem");
    let done = ledger.settle("effect", 1, Settlement::Done { detail: detail("id", "1") }).await?;
    assert_eq!(done.state, State::Done);
    lost("PutItem");
    let again = ledger.claim_again(&done, "message", until, BTreeMap::new()).await?;
    assert!(matches!(&again, Claimed::Won(entry) if entry.attempt == 2), "{again:?}");

    let idempotency = idempotency(&table, &clock);
    table.wire.take_calls();
    lost("PutItem");
    let result = idempotency.run("key", "x", &minute(&clock), || async { Ok(1) }).await?;
    assert_eq!(result, 1, "not `AlreadyInProgress`");
    assert_eq!(table.wire.take_calls(), ["PutItem lost", "PutItem 400", "UpdateItem 200"]);

    let continuations = continuations(&table, &clock);
    for number in 0..=1 {
        lost("UpdateItem");
        let taken = continuations.take(&hop(&clock, number, "message")).await?;
        assert!(matches!(taken, Taken::Yes(_)), "{taken:?}");
    }
    assert_eq!(table.wire.take_calls().len(), 4);
    Ok(())
}

#[tokio::test]
async fn each_delivery_costs_the_writes_it_must() -> TestResult {
    let (table, clock) = (Table::start().await?, clock());
    let idempotency = idempotency(&table, &clock);
    let deadline = minute(&clock);
    let run =
        |result: Result<u32, Error>| idempotency.run("key", "x", &deadline, move || async move { result });
    let fails = Err(Error::retryable("Throttled", "throttled"));
    assert!(run(fails).await.is_err());
    assert_eq!(table.wire.take_calls(), ["PutItem 200", "DeleteItem 200"], "failed work");
    assert_eq!(run(Ok(1)).await?, 1);
    assert_eq!(table.wire.take_calls(), ["PutItem 200", "UpdateItem 200"], "first delivery");
    assert_eq!(run(Ok(2)).await?, 1);
    assert_eq!(table.wire.take_calls(), ["PutItem 400"], "repeat");

    let ledger = ledger(&table, &clock);
    for call in ["PutItem 200", "PutItem 400"] {
        ledger.claim("effect", "message", clock.now(), BTreeMap::new()).await?;
        assert_eq!(table.wire.take_calls(), [call]);
    }
    let continuations = continuations(&table, &clock);
    for (holder, call) in [("message", "UpdateItem 200"), ("copy", "UpdateItem 400")] {
        continuations.take(&hop(&clock, 0, holder)).await?;
        assert_eq!(table.wire.take_calls(), [call]);
    }
    Ok(())
}

#[tokio::test]
async fn only_what_is_settled_expires() -> TestResult {
    let (table, clock) = (Table::start().await?, clock());
    let days = |days| (clock.now() + SignedDuration::days(days)).unix_timestamp().to_string();
    let until = clock.now() + Duration::from_secs(60);

    let ledger = ledger(&table, &clock).with_retention(SignedDuration::days(30));
    ledger.claim("effect", "message", until, BTreeMap::new()).await?;
    assert_eq!(table.expiry("effect#effect").await?, None);
    ledger.settle("effect", 1, Settlement::Uncertain { reason: "silence".to_owned() }).await?;
    assert_eq!(table.expiry("effect#effect").await?, None);
    let done = ledger.settle("effect", 1, Settlement::Done { detail: BTreeMap::new() }).await?;
    assert_eq!(table.expiry("effect#effect").await?, Some(days(30)));
    ledger.claim_again(&done, "message", until, BTreeMap::new()).await?;
    assert_eq!(table.expiry("effect#effect").await?, None);

    let continuations = continuations(&table, &clock);
    continuations.take(&hop(&clock, 0, "message")).await?;
    assert_eq!(table.expiry("chain#chain").await?, Some(days(400)));
    clock.advance(Duration::from_secs(86_400));
    continuations.handed_over("chain", "run", 0).await?;
    let later = (clock.now() + SignedDuration::days(400)).unix_timestamp().to_string();
    assert_eq!(table.expiry("chain#chain").await?, Some(later));
    Ok(())
}

#[tokio::test]
async fn what_the_table_should_not_hold_is_a_typed_error() -> TestResult {
    let (table, clock) = (Table::start().await?, clock());
    let cases = [
        ("bare", None, "attribute `state` should be text"),
        ("odd", Some("odd"), "attribute `state` should be claimed, done, refused or uncertain"),
        ("half", Some("done"), "attribute `attempt` should be a number"),
    ];
    for (key, state, said) in cases {
        table.put(&format!("effect#{key}"), state).await?;
        let error = ledger(&table, &clock).get(key).await.unwrap_err();
        assert_eq!(error.qualified_type(), "Permanent.UnreadableItem");
        assert_eq!(error.to_string(), format!("item `effect#{key}` is not readable: {said}"));
    }

    let elsewhere = DynamoDbLedger::new(table.client.clone(), "no-such-table", Arc::new(clock));
    let error = elsewhere.get("effect").await.unwrap_err();
    assert_eq!(error.qualified_type(), "Environment.TableNotFound");
    assert_eq!(error.to_string(), "table `no-such-table` does not exist");
    Ok(())
}
