//! mart-query without AWS: on fakes.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod config;
mod http;
mod refusals;
mod room;
mod submission;
mod support;
mod triggers;
mod waiting;
