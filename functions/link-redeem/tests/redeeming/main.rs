//! link-redeem without AWS: on fakes.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod kills;
mod once;
mod quiet;
mod refusals;
mod support;
mod trouble;
