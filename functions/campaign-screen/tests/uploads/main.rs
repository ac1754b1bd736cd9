//! campaign-screen without AWS: on fakes.

// Futures nest deeper than the compiler's default limit of 128.
#![recursion_limit = "256"]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod again;
mod contents;
mod failures;
mod files;
mod kills;
mod settings;
mod support;
