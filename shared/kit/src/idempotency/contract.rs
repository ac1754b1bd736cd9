//! What every [`Store`] must do for [`Idempotency`] to keep its word, as assertions that any implementation
//! can be run through.

use std::{cell::Cell, sync::Arc, time::Duration};

use time::SignedDuration;

use super::{Begun, Idempotency, Record, Status, Store};
use crate::{
    clock::{Clock, ManualClock},
    deadline::Deadline,
    error::Error,
};

/// Runs the whole contract against an empty `store`.
///
/// # Errors
///
/// The store's own, where the contract expects none.
///
/// # Panics
///
/// If the store breaks the contract.
pub async fn suite<S: Store + Clone>(store: &S, clock: &ManualClock) -> Result<(), Error> {
    let requests = Requests {
        idempotency: Idempotency::new("finding-enrich", store.clone(), Arc::new(clock.clone()))
            .with_expiry(SignedDuration::minutes(10)),
        clock,
        runs: Cell::new(0),
    };
    requests.results_are_replayed_until_they_expire().await?;
    requests.another_payload_is_refused().await?;
    requests.keys_and_functions_are_independent(store).await?;
    requests.failed_work_may_be_tried_again().await?;
    requests.work_in_progress_is_not_repeated_before_its_deadline().await?;
    requests.work_that_was_taken_over_does_not_overwrite().await?;
    requests.nothing_begins_after_the_deadline().await?;
    records_belong_to_their_owner(store, clock).await
}

struct Requests<'a, S> {
    idempotency: Idempotency<S>,
    clock: &'a ManualClock,
    runs: Cell<u32>,
}

type Outcome = Result<u32, String>;

impl<S: Store> Requests<'_, S> {
    fn deadline(&self) -> Deadline {
        Deadline::after(Duration::from_secs(60), Arc::new(self.clock.clone()))
    }

    /// The number of the run that the answer comes from, or the error's type.
    async fn request(&self, key: &str, payload: &str) -> Outcome {
        let work = || async {
            self.runs.set(self.runs.get() + 1);
            Ok(self.runs.get())
        };
        self.run(key, payload, work).await
    }

    async fn run<F, Fut>(&self, key: &str, payload: &str, work: F) -> Outcome
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<u32, Error>>,
    {
        let result = self.idempotency.run(key, payload, &self.deadline(), work).await;
        result.map_err(|error| error.qualified_type())
    }

    async fn results_are_replayed_until_they_expire(&self) -> Result<(), Error> {
        let first = self.request("replay", "x").await;
        assert_eq!(first, Ok(self.runs.get()));
        for later in [0, 61, 530] {
            self.clock.advance(Duration::from_secs(later));
            assert_eq!(self.request("replay", "x").await, first, "{later} s later");
        }
        self.clock.advance(Duration::from_secs(10));
        let second = self.request("replay", "x").await;
        assert_ne!(second, first, "expired");
        assert_eq!(self.request("replay", "x").await, second);
        Ok(())
    }

    async fn another_payload_is_refused(&self) -> Result<(), Error> {
        let first = self.request("payload", "x").await;
        let refused = Err("Permanent.PayloadMismatch".to_owned());
        assert_eq!(self.request("payload", "y").await, refused);
        assert_eq!(self.request("payload", "x").await, first, "the first request is not harmed");
        Ok(())
    }

    async fn keys_and_functions_are_independent(&self, store: &S) -> Result<(), Error>
    where
        S: Clone,
    {
        let first = self.request("one", "x").await;
        assert_ne!(self.request("another", "x").await, first);
        let elsewhere = Idempotency::new("another-function", store.clone(), Arc::new(self.clock.clone()));
        let result = elsewhere.run("one", "x", &self.deadline(), || async { Ok(0) }).await;
        assert_eq!(result?, 0);
        Ok(())
    }

    async fn failed_work_may_be_tried_again(&self) -> Result<(), Error> {
        let fails = || async { Err(Error::retryable("Throttled", "throttled")) };
        assert_eq!(self.run("fails", "x", fails).await, Err("Retryable.Throttled".to_owned()));
        assert_eq!(self.request("fails", "y").await, Ok(self.runs.get()), "no trace is left");
        Ok(())
    }

    async fn work_in_progress_is_not_repeated_before_its_deadline(&self) -> Result<(), Error> {
        let repeated = self
            .run("busy", "x", || async {
                let busy = Err("Retryable.AlreadyInProgress".to_owned());
                assert_eq!(self.request("busy", "x").await, busy);
                self.clock.advance(Duration::from_secs(59));
                assert_eq!(self.request("busy", "y").await, busy);
                Ok(1000)
            })
            .await;
        assert_eq!(repeated, Ok(1000));
        assert_eq!(self.request("busy", "x").await, Ok(1000));
        Ok(())
    }

    async fn work_that_was_taken_over_does_not_overwrite(&self) -> Result<(), Error> {
        for slow_result in [Ok(1000), Err("Retryable.Throttled".to_owned())] {
            let key = format!("slow {slow_result:?}");
            let result = self
                .run(&key, "x", || async {
                    self.clock.advance(Duration::from_secs(60));
                    assert_eq!(self.request(&key, "x").await, Ok(self.runs.get()), "its deadline has passed");
                    slow_result.clone().map_err(|_| Error::retryable("Throttled", "throttled"))
                })
                .await;
            assert_eq!(result, slow_result);
            assert_eq!(
                self.request(&key, "x").await,
                Ok(self.runs.get()),
                "{key}: the taker's record stands"
            );
        }
        Ok(())
    }

    async fn nothing_begins_after_the_deadline(&self) -> Result<(), Error> {
        let runs = self.runs.get();
        let deadline = self.deadline();
        self.clock.advance(Duration::from_secs(60));
        let late = self.idempotency.run("late", "x", &deadline, || async { Ok(0) }).await;
        let error = late.err().map(|error| error.qualified_type());
        assert_eq!(error.as_deref(), Some("Retryable.DeadlineExceeded"));
        assert_eq!(self.request("late", "x").await, Ok(runs + 1));
        Ok(())
    }
}

async fn records_belong_to_their_owner(store: &impl Store, clock: &ManualClock) -> Result<(), Error> {
    let now = clock.now();
    let record = Record {
        id: "finding-enrich#owner".to_owned(),
        owner: "first".to_owned(),
        status: Status::InProgress,
        expiration: (now + Duration::from_secs(600)).truncate_to_second(),
        in_progress_expiration: (now + Duration::from_secs(60)).truncate_to_millisecond(),
        validation: "hash".to_owned(),
        data: None,
    };
    let other = Record { owner: "second".to_owned(), ..record.clone() };
    assert_eq!(store.begin(&record, now).await?, Begun::Fresh);
    assert_eq!(store.begin(&other, now).await?, Begun::Existing(record.clone()));

    let completed = Record { status: Status::Completed, data: Some("[1]".to_owned()), ..record.clone() };
    store.remove(&other).await?;
    assert!(!store.complete(&Record { owner: "second".to_owned(), ..completed.clone() }).await?);
    assert_eq!(store.begin(&other, now).await?, Begun::Existing(record));
    assert!(store.complete(&completed).await?);
    assert_eq!(store.begin(&other, now).await?, Begun::Existing(completed));
    Ok(())
}
