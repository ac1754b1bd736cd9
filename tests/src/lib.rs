//! The systems on a local cloud, as a test or the demo sees it.

pub mod bench;
pub mod bench_marts;
pub mod demo;
pub mod findings;
pub mod marts;
pub mod policy;
pub mod system;
pub mod trouble;

pub use marts::Marts;
pub use system::System;
