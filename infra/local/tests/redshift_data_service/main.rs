//! The Redshift Data stand-in as a service, without gateway and SQL: what it validates, how statements go, who
//! may see them, and what control changes.

mod bench;
mod requests;
mod statements;
