//! Timestamps and identifiers as Security Hub writes them.

use std::hash::{BuildHasher, Hasher, RandomState};

use time::OffsetDateTime;
use time::macros::format_description;

/// A timestamp to the millisecond: `2026-01-31T23:00:00.123Z`.
pub(super) fn timestamp(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.to_offset(time::UtcOffset::UTC).format(&format).unwrap_or_default()
}

/// A timestamp to the second, as EventBridge has them.
pub(super) fn timestamp_seconds(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    at.to_offset(time::UtcOffset::UTC).format(&format).unwrap_or_default()
}

/// Milliseconds since 1970, as OCSF has them.
pub(super) fn epoch_milliseconds(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// A random identifier in the shape of a UUID.
pub(super) fn unique_id() -> String {
    // Each RandomState has keys of its own, so that two hashes of nothing are 128 unforeseen bits.
    let bits = || RandomState::new().build_hasher().finish();
    let hex = format!("{:016x}{:016x}", bits(), bits());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
