//! link-follow without AWS: on fakes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod config;
mod revoking;
mod stopping;
mod support;
