#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
pub mod aws;
pub mod clock;
mod context;
pub mod continuation;
pub mod deadline;
mod early;
pub mod env;
pub mod error;
pub mod event;
pub mod idempotency;
mod init;
#[cfg(feature = "dynamodb")]
pub mod item;
pub mod ledger;
mod log;
mod long;
pub mod metrics;
mod run;
pub mod sqs;
#[cfg(feature = "testing")]
pub mod tap;

pub use context::{Invocation, Kit};
pub use early::Early;
pub use error::{Class, Error};
pub use metrics::{Metrics, Unit};
pub use run::{Function, run};
