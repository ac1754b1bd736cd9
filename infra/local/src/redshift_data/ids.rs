//! Identifiers and times as the Data API writes them.

use std::hash::{BuildHasher, Hasher, RandomState};

use time::OffsetDateTime;

/// A random UUID's text.
pub(super) fn uuid() -> String {
    // Each RandomState has keys of its own, so that two hashes of nothing are 128 unforeseen bits.
    let bits = || RandomState::new().build_hasher().finish();
    let hex = format!("{:016x}{:016x}", bits(), bits());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// Seconds since 1970, to the millisecond.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit 53 bits")]
pub(super) fn timestamp(at: OffsetDateTime) -> f64 {
    (at.unix_timestamp_nanos() / 1_000_000) as f64 / 1_000.0
}
