//! Times and identifiers as Comprehend writes them, and waiting by the stand-ins' clock, which tests move.

use std::hash::{BuildHasher, Hasher, RandomState};

use time::OffsetDateTime;

use crate::service::Clock;

/// How often the clock is looked at: nothing tells that it was moved.
const LOOK: std::time::Duration = std::time::Duration::from_millis(10);

/// 32 random hexadecimal digits, which a `JobId` is.
pub(super) fn id() -> String {
    // Each RandomState has keys of its own, so that two hashes of nothing are 128 unforeseen bits.
    let bits = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", bits(), bits())
}

/// Seconds since 1970, to the millisecond.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit 53 bits")]
pub(super) fn timestamp(at: OffsetDateTime) -> f64 {
    (at.unix_timestamp_nanos() / 1_000_000) as f64 / 1_000.0
}

/// A time so many seconds later.
pub(super) fn later(at: OffsetDateTime, seconds: f64) -> OffsetDateTime {
    at + time::Duration::seconds_f64(seconds)
}

/// Waits until the clock shows a time.
pub(super) async fn until(clock: &Clock, at: OffsetDateTime) {
    loop {
        match std::time::Duration::try_from(at - clock.now()) {
            Ok(left) if !left.is_zero() => tokio::time::sleep(left.min(LOOK)).await,
            _ => return,
        }
    }
}
