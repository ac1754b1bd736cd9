//! The arithmetic of a rate that concurrent takers keep: what was granted lately, and what that leaves.
//!
//! Grants are kept for as long as they count, so that no stretch of time has more of them than the rate
//! allows. A bucket of tokens would let a second have twice as many: those that had gathered before it, and
//! those that came during it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Parts of a window. Grants in the same one are kept as one, given at the time of the last.
const PARTS: i64 = 20;
/// When a rate of nothing is looked at again.
const NEVER: Duration = Duration::from_secs(60);

/// Permits given at a time, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Grant(i64, u32);

/// The permits that still count, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Grants(Vec<Grant>);

/// What a rate comes down to.
struct Rate {
    /// Permits in a window, at least one.
    permits: u32,
    /// The window in microseconds: a second, or as long as one permit takes.
    window: i64,
}

impl Rate {
    fn of(per_second: f64) -> Option<Self> {
        const SECOND: f64 = 1_000_000.0;
        // Not for what is no number, either. Casts of floats saturate.
        (per_second > 0.0).then(|| Self {
            permits: (per_second as u32).max(1),
            window: (SECOND / per_second.min(1.0)).ceil() as i64,
        })
    }
}

impl Grants {
    /// Takes up to `want` permits: how many, and the grants from then on. Otherwise how long there is none.
    pub(super) fn take(
        &self,
        per_second: f64,
        want: u32,
        now: OffsetDateTime,
    ) -> Result<(u32, Self), Duration> {
        let Rate { permits, window } = Rate::of(per_second).ok_or(NEVER)?;
        let now = i64::try_from(now.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX);
        let ends = |at: i64| at.saturating_add(window);
        let mut counting: Vec<Grant> = self.0.iter().filter(|grant| ends(grant.0) > now).copied().collect();
        let used = counting.iter().fold(0, |sum: u32, grant| sum.saturating_add(grant.1));
        let taken = want.max(1).min(permits.saturating_sub(used));
        if taken == 0 {
            let oldest = counting.first().map_or(now, |grant| ends(grant.0));
            return Err(Duration::from_micros(u64::try_from(oldest.saturating_sub(now)).unwrap_or(1)));
        }
        let part = (window / PARTS).max(1);
        match counting.last_mut().filter(|last| last.0.div_euclid(part) == now.div_euclid(part)) {
            Some(last) => *last = Grant(last.0.max(now), last.1.saturating_add(taken)),
            None => {
                counting.push(Grant(now, taken));
                // The clocks of two takers differ.
                counting.sort_unstable_by_key(|grant| grant.0);
            }
        }
        Ok((taken, Self(counting)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    const NOON: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);

    fn after(micros: u64) -> OffsetDateTime {
        NOON + Duration::from_micros(micros)
    }

    #[test]
    fn what_was_not_taken_gathers_for_one_second() {
        let (taken, grants) = Grants::default().take(14.0, 100, NOON).unwrap();
        assert_eq!(taken, 14);
        assert_eq!(grants.take(14.0, 1, NOON), Err(Duration::from_secs(1)));
        assert_eq!(grants.take(14.0, 1, after(999_999)), Err(Duration::from_micros(1)));
        for (micros, expected) in [(1_000_000, 14), (60_000_000, 14)] {
            assert_eq!(grants.take(14.0, 100, after(micros)).unwrap().0, expected, "{micros}");
        }
        assert_eq!(grants.take(20.0, 100, NOON).unwrap().0, 6, "the rate was raised");
    }

    #[test]
    fn a_part_of_a_rate_is_what_is_wanted_or_left() {
        let (taken, grants) = Grants::default().take(10.0, 4, NOON).unwrap();
        assert_eq!(taken, 4);
        let (taken, grants) = grants.take(10.0, 0, after(600_000)).unwrap();
        assert_eq!(taken, 1, "at least one");
        let (taken, grants) = grants.take(10.0, 9, after(600_001)).unwrap();
        assert_eq!(taken, 5);
        assert_eq!(grants.take(10.0, 9, after(999_999)), Err(Duration::from_micros(1)));
        assert_eq!(grants.take(10.0, 9, after(1_000_000)).unwrap().0, 4);
    }

    #[test]
    fn slow_rates_take_longer_than_a_second_and_odd_ones_are_rounded_down() {
        for (rate, permits, wait) in [
            (0.5, 1, Duration::from_secs(2)),
            (1.0, 1, Duration::from_secs(1)),
            (2.9, 2, Duration::from_secs(1)),
            (f64::INFINITY, u32::MAX, Duration::from_secs(1)),
        ] {
            let (taken, grants) = Grants::default().take(rate, u32::MAX, NOON).unwrap();
            assert_eq!((taken, grants.take(rate, 1, NOON)), (permits, Err(wait)), "{rate}");
        }
        for none in [0.0, -1.0, f64::NAN] {
            assert_eq!(Grants::default().take(none, 1, NOON), Err(NEVER), "{none}");
        }
    }

    proptest! {
        /// Whoever takes what and when: no second has more, what is told to be waited for is there then, and
        /// little is kept.
        #[test]
        fn no_second_has_more_than_the_rate(
            rate in 1_u32..50,
            takes in prop::collection::vec((0_u64..300_000, 0_u32..60), 1..200),
        ) {
            let (mut grants, mut given, mut time) = (Grants::default(), Vec::new(), 0);
            for (step, want) in takes {
                time += step;
                match grants.take(f64::from(rate), want, after(time)) {
                    Ok((taken, next)) => {
                        prop_assert!((1..=want.max(1)).contains(&taken));
                        given.push((time, taken));
                        grants = next;
                        prop_assert!(grants.0.len() <= 22, "{}", grants.0.len());
                    }
                    Err(wait) => {
                        let then = after(time) + wait;
                        prop_assert!(wait <= Duration::from_secs(1));
                        prop_assert!(grants.take(f64::from(rate), want, then).is_ok());
                    }
                }
            }
            for (start, _) in &given {
                let second = given.iter().filter(|(at, _)| (*start..start + 1_000_000).contains(at));
                prop_assert!(second.map(|(_, taken)| taken).sum::<u32>() <= rate);
            }
        }
    }
}
