//! Identifiers and times as the messaging services write them.

use std::hash::{BuildHasher, Hasher, RandomState};

use sha2::{Digest, Sha256};
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// A random UUID's text.
pub(crate) fn uuid() -> String {
    // Each RandomState has keys of its own, so that two hashes of nothing are 128 unforeseen bits.
    let bits = || RandomState::new().build_hasher().finish();
    let hex = format!("{:016x}{:016x}", bits(), bits());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// 32 hexadecimal digits that follow from a text: the same resource of a stack has the same id again.
pub(crate) fn digits_of(text: &str) -> String {
    hex::encode(Sha256::digest(text)).chars().take(32).collect()
}

/// To the millisecond: `2026-01-31T23:00:00.123Z`.
pub(crate) fn milliseconds(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.to_offset(UtcOffset::UTC).format(&format).unwrap_or_default()
}

/// To the second, as EventBridge has it.
pub(crate) fn seconds(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    at.to_offset(UtcOffset::UTC).format(&format).unwrap_or_default()
}

/// Milliseconds since 1970.
pub(crate) fn epoch_milliseconds(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// Seconds since 1970, to the millisecond, as AWS's JSON protocols have timestamps.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit 53 bits")]
pub(crate) fn timestamp(at: OffsetDateTime) -> f64 {
    epoch_milliseconds(at) as f64 / 1_000.0
}
