//! campaign-judge without AWS: on fakes.

// Futures nest deeper than the compiler's default limit of 128.
#![recursion_limit = "256"]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod failures;
mod join;
mod kills;
mod releases;
mod shards;
mod support;
mod when;
