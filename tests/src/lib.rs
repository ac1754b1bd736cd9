//! The systems on a local cloud, as a test or the demo sees it.

pub mod bench;
pub mod demo;
pub mod findings;
pub mod policy;
pub mod system;
pub mod trouble;

pub use system::System;
