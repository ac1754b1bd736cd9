//! What `make bench` measures the functions with: the Runtime API, the AWS APIs and the processes.

pub mod apis;
pub mod events;
pub mod figures;
pub mod process;
mod runtime_api;

/// Success, or what to tell.
pub type Outcome<T> = Result<T, String>;
