//! The warehouse as its callers see it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod access;
mod large;
mod mart;
mod parameters;
mod queries;
mod shares;
mod support;
mod transactions;
mod unload;
mod views;
