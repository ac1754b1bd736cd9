//! link-issue without AWS: on fakes.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod context;
mod destinations;
mod events;
mod flow;
mod keys;
mod kills;
mod limits;
mod links;
mod privacy;
mod providers;
mod repeats;
mod statuses;
mod support;
mod tap;
mod wired;
