//! What the demo shows, and how it prints it.

pub mod campaigns;
pub mod cast;
pub mod chats;
pub mod findings;
pub mod marts;
pub mod metrics;
pub mod text;
