//! How much of an invocation's time is left, so that work stops cleanly before Lambda stops it.

use std::{future::Future, sync::Arc, time::Duration};

use time::OffsetDateTime;

use crate::{
    clock::{Clock, SystemClock},
    error::Error,
};

/// The moment at which Lambda ends the invocation.
#[derive(Debug, Clone)]
pub struct Deadline {
    expires_at: OffsetDateTime,
    clock: Arc<dyn Clock>,
}

impl Deadline {
    /// A deadline at `expires_at`, as told by `clock`.
    pub fn at(expires_at: OffsetDateTime, clock: Arc<dyn Clock>) -> Self {
        Self { expires_at, clock }
    }

    /// A deadline `remaining` from now, as told by `clock`.
    pub fn after(remaining: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { expires_at: clock.now() + remaining, clock }
    }

    /// The deadline of the Runtime API's `Lambda-Runtime-Deadline-Ms` header: milliseconds since 1970. A number too
    /// large to be a date gives a deadline that has passed, because nothing may rely on it.
    pub fn from_epoch_millis(millis: u64) -> Self {
        let expires_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self::at(expires_at, Arc::new(SystemClock))
    }

    /// When the invocation ends.
    pub fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }

    /// The time left, zero once the deadline has passed.
    pub fn remaining(&self) -> Duration {
        Duration::try_from(self.expires_at - self.clock.now()).unwrap_or(Duration::ZERO)
    }

    /// Whether `reserve` or less is left.
    pub fn is_near(&self, reserve: Duration) -> bool {
        self.remaining() <= reserve
    }

    /// Runs `work` for as long as more than `reserve` is left, and drops it then.
    ///
    /// # Errors
    ///
    /// [`Expired`] if `work` was not done by then; `work` is not begun if the reserve is already reached.
    pub async fn run<F: Future>(&self, reserve: Duration, work: F) -> Result<F::Output, Expired> {
        let budget = self.remaining().saturating_sub(reserve);
        if budget.is_zero() {
            return Err(Expired);
        }
        tokio::time::timeout(budget, work).await.map_err(|_elapsed| Expired)
    }
}

/// The invocation's time is used up, but for the reserve that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the invocation's time is used up")]
pub struct Expired;

impl From<Expired> for Error {
    fn from(expired: Expired) -> Self {
        Self::retryable("DeadlineExceeded", expired.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use time::macros::datetime;

    use super::*;
    use crate::clock::ManualClock;

    fn ten_seconds() -> (ManualClock, Deadline) {
        let clock = ManualClock::new(datetime!(2026-11-23 09:00 UTC));
        let deadline = Deadline::after(Duration::from_secs(10), Arc::new(clock.clone()));
        (clock, deadline)
    }

    #[test]
    fn remaining_time_falls_to_zero_and_no_further() {
        let (clock, deadline) = ten_seconds();
        assert_eq!(deadline.remaining(), Duration::from_secs(10));
        clock.advance(Duration::from_secs(8));
        assert_eq!(deadline.remaining(), Duration::from_secs(2));
        assert!(deadline.is_near(Duration::from_secs(2)));
        assert!(!deadline.is_near(Duration::from_millis(1999)));
        clock.advance(Duration::from_secs(8));
        assert_eq!(deadline.remaining(), Duration::ZERO);
    }

    #[test]
    fn runtime_header_is_milliseconds_since_1970() {
        assert_eq!(
            Deadline::from_epoch_millis(1_795_424_400_250).expires_at(),
            datetime!(2026-11-23 09:00:00.250 UTC)
        );
        assert_eq!(Deadline::from_epoch_millis(u64::MAX).remaining(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_cut_off_when_the_reserve_is_reached() {
        let (clock, deadline) = ten_seconds();
        let reserve = Duration::from_secs(3);
        assert_eq!(deadline.run(reserve, ready(7)).await, Ok(7));

        let started = tokio::time::Instant::now();
        assert_eq!(deadline.run(reserve, pending::<()>()).await, Err(Expired));
        assert_eq!(started.elapsed(), Duration::from_secs(7));

        clock.advance(Duration::from_secs(7));
        assert_eq!(deadline.run(reserve, ready(7)).await, Err(Expired), "not begun at all");
    }
}
