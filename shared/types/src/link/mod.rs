//! Links that take a waiting caller to a chat.
//!
//! - [`flow`]: what an Amazon Connect flow hands to a function, and what it is answered
//! - [`contact_event`]: what Amazon Connect tells of contacts through EventBridge
//! - [`record`]: what is kept of a link
//! - [`language`]: the languages that links are sent and shown in

pub mod contact_event;
pub mod flow;
pub mod language;
pub mod record;

pub use language::Language;
pub use record::{Link, LinkHash};
