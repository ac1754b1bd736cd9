//! The contract of idempotency stores on the in-memory double, and results that cannot be stored or read.

#![cfg(feature = "testing")]

use std::{collections::HashMap, sync::Arc, time::Duration};

use eventide_kit::{
    clock::ManualClock,
    deadline::Deadline,
    idempotency::{Idempotency, MemoryStore, contract},
};
use time::macros::datetime;

fn clock() -> ManualClock {
    ManualClock::new(datetime!(2026-11-23 09:00:00.123_456 UTC))
}

#[tokio::test]
async fn the_double_keeps_the_contract() {
    contract::suite(&MemoryStore::default(), &clock()).await.unwrap();
}

#[tokio::test]
async fn results_of_another_shape_are_typed_errors_without_content() {
    let clock = Arc::new(clock());
    let idempotency = Idempotency::new("f", MemoryStore::default(), clock.clone());
    let deadline = Deadline::after(Duration::from_secs(60), clock);

    let stored = idempotency.run("key", "x", &deadline, || async { Ok("secret".to_owned()) }).await;
    assert_eq!(stored.unwrap(), "secret");
    let error = idempotency.run("key", "x", &deadline, || async { Ok(1_u8) }).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Permanent.UnreadableResult");
    assert!(!error.to_string().contains("secret"), "{error}");

    let no_json = || async { Ok(HashMap::from([((1, 2), 3)])) };
    let error = idempotency.run("other", "x", &deadline, no_json).await.unwrap_err();
    assert_eq!(error.qualified_type(), "Permanent.UnstorableResult");
}

/// Lambda's runtime moves handlers between threads.
#[test]
fn runs_are_send() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let clock = Arc::new(clock());
    let idempotency = Idempotency::new("f", MemoryStore::default(), clock.clone());
    let deadline = Deadline::after(Duration::from_secs(60), clock);
    drop(assert_send(idempotency.run("key", "x", &deadline, || async { Ok(1) })));
}
