//! The time of day as a dependency, so that tests decide what time it is.

use std::fmt::Debug;

use time::OffsetDateTime;

/// Tells the time.
pub trait Clock: Send + Sync + Debug {
    /// The present moment in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

#[cfg(any(test, feature = "testing"))]
pub use manual::ManualClock;

#[cfg(any(test, feature = "testing"))]
mod manual {
    use std::{
        sync::{Arc, Mutex, PoisonError},
        time::Duration,
    };

    use time::OffsetDateTime;

    use super::Clock;

    /// A clock that stands still until a test moves it. Clones share one time.
    #[derive(Debug, Clone)]
    pub struct ManualClock(Arc<Mutex<OffsetDateTime>>);

    impl ManualClock {
        /// A clock that stands at `now`.
        pub fn new(now: OffsetDateTime) -> Self {
            Self(Arc::new(Mutex::new(now)))
        }

        /// Sets the time, forwards or backwards.
        pub fn set(&self, now: OffsetDateTime) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }

        /// Moves the time forward by `step`.
        pub fn advance(&self, step: Duration) {
            let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *now += step;
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> OffsetDateTime {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
