//! campaign-send without AWS: on fakes.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod hours;
mod kills;
mod once;
mod pace;
mod refusals;
mod support;
mod sweep;
mod trouble;
mod wired;
