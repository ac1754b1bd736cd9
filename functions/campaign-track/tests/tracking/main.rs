//! campaign-track without AWS: on fakes.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod config;
mod settling;
mod support;
mod unnamed;
