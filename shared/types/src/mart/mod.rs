//! Data marts: named, parameterised queries on Amazon Redshift, run through the Data API.
//!
//! A mart is one SQL file: a typed [`Definition`] in its header and exactly one `SELECT` as its body. mart-deploy
//! compiles it into a [`Mart`], the entry of the catalogue that the other functions read; none of them parses SQL.
//!
//! - [`definition`]: the header, as its author writes it
//! - [`catalogue`]: the compiled mart in force
//! - [`value`]: parameters of a request, checked against their definition
//! - [`schedule`]: when a mart is refreshed
//! - [`request`]: what is asked for, and the record of a request on its way
//! - [`message`]: what the functions tell each other through queues
//! - [`statement`]: names of statements and the event that tells of their end
//! - [`delivery`]: the manifest of a delivered result and the events about it

pub mod catalogue;
pub mod definition;
pub mod delivery;
pub mod message;
pub mod request;
pub mod schedule;
pub mod statement;
pub mod value;

pub use catalogue::Mart;
pub use definition::Definition;
