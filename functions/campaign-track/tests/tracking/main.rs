//! campaign-track without AWS: on fakes.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod config;
mod settling;
mod support;
