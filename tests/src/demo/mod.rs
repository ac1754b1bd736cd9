//! What the demo shows, and how it prints it.

pub mod cast;
pub mod metrics;
pub mod text;
