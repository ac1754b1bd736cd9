//! mart-deliver without AWS: on fakes.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod config;
mod ends;
mod formats;
mod memory;
mod messages;
mod support;
mod sweep;
mod trouble;
mod unload;
