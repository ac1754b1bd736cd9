//! Events and domain types of the Eventide systems.
//!
//! This crate knows no AWS SDK and does no I/O. It is lenient where AWS is (unknown fields, nulls, missing
//! members) and strict where Eventide decides.
//!
//! # Layout
//!
//! - [`asff`]: findings in the AWS Security Finding Format, as Security Hub CSPM sends them
//! - [`ocsf`]: findings in OCSF, as the new Security Hub sends them (`Findings Imported V2`)
//! - [`finding`]: what both formats are to us: identity, principals, times, what an analyst did to it
//! - [`principal`]: IAM users and roles, and why something is neither
//! - [`investigation`]: Amazon Detective's investigations and indicators
//! - [`work`]: the message that carries a finding from one function to the next
//! - [`mart`]: data marts, their definitions, requests and results
//! - [`campaign`]: marketing campaigns, their messages, verdicts and sending
//! - [`link`]: links that take a waiting caller to a chat
//! - [`s3`]: new objects in Amazon S3
//! - [`partition`]: partitions, ARNs and console addresses

pub mod asff;
pub mod campaign;
pub mod finding;
mod hostile;
pub mod investigation;
pub mod link;
pub mod mart;
pub mod ocsf;
pub mod partition;
pub mod principal;
pub mod s3;
pub mod work;

pub use hostile::printable;
pub use link::{Link, LinkHash};
