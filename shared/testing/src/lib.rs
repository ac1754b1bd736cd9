//! Test support shared by the workspace: fixtures, the local cloud as a test sees it, and a reader of the
//! deployment templates.
//!
//! - [`fixture`], [`fixture_json`]: files of the `events/` folder.
//! - [`LocalCloud`]: a local cloud of the test's own, gone when it is dropped.
//! - [`Aws`]: the few lines of HTTP that an AWS call is, without an SDK.
//! - [`eventually`]: waits for a condition, with a bound.
//! - [`template`]: SAM and CloudFormation templates as JSON, and their intrinsic functions.

mod aws;
mod cloud;
mod fixtures;
pub mod template;
mod wait;
pub mod xml;

pub use aws::{Answer, Aws, CallError};
pub use cloud::LocalCloud;
pub use fixtures::{fixture, fixture_json, repository};
pub use wait::eventually;
