//! The systems on a local cloud, as a test or the demo sees it.

pub mod bench;
pub mod bench_campaigns;
pub mod bench_chats;
pub mod bench_marts;
pub mod browser;
pub mod campaigns;
pub mod chats;
pub mod demo;
pub mod findings;
pub mod marts;
pub mod policy;
pub mod stack;
pub mod system;
pub mod trouble;

pub use campaigns::Campaigns;
pub use chats::Chats;
pub use marts::Marts;
pub use system::System;
