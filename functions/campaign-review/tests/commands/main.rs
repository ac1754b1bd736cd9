//! campaign-review without AWS: on fakes.

// The futures of the fakes on their lines nest deeper than the compiler's default limit of 128.
#![recursion_limit = "256"]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod config;
mod decisions;
mod files;
mod kills;
mod settling;
mod support;
mod test_sends;
mod whole;
