//! API Gateway's throttling of routes: token buckets, by the machine's clock.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use super::values::number;

/// A bucket of `burst` tokens, into which `rate` come each second.
#[derive(Debug)]
pub(super) struct Throttle {
    rate: f64,
    burst: f64,
    /// The tokens that there were, and when.
    tokens: Mutex<(f64, Instant)>,
}

impl Throttle {
    fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, tokens: Mutex::new((burst, Instant::now())) }
    }

    /// Reads `ThrottlingRateLimit` and `ThrottlingBurstLimit`, where either is there.
    pub(super) fn parse(settings: &Value) -> Result<Option<Self>, String> {
        let limits = (number(settings, "ThrottlingRateLimit")?, number(settings, "ThrottlingBurstLimit")?);
        Ok(match limits {
            (None, None) => None,
            // The account's own limits stand in for the one that is not there.
            (rate, burst) => Some(Self::new(rate.unwrap_or(10_000.0), burst.unwrap_or(5_000.0))),
        })
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(tokens.1).as_secs_f64();
        let there = (tokens.0 + passed * self.rate).min(self.burst);
        let taken = there >= 1.0;
        *tokens = (if taken { there - 1.0 } else { there }, now);
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let throttle = Throttle::new(2.0, 3.0);
        let start = Instant::now();
        let taken = |at: u64| throttle.take_at(start + Duration::from_millis(at));
        assert_eq!([0, 0, 0, 0].map(taken), [true, true, true, false]);
        assert_eq!([400, 500, 500].map(taken), [false, true, false]);
        // No more than a burst is saved up.
        assert_eq!([60_000; 4].map(taken), [true, true, true, false]);
    }
}
