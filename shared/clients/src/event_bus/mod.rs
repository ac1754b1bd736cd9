//! Amazon EventBridge: our own events.

use eventide_kit::error::Error;
use serde_json::Value;

/// An event to be sent. Its size may be 1 MiB at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Who sends it, such as `eventide.data-marts`.
    pub source: String,
    /// What it is, such as `Data Mart Ready`.
    pub detail_type: String,
    /// What it says.
    pub detail: Value,
    /// ARNs that it is about.
    pub resources: Vec<String>,
}

/// An event bus to send to.
pub trait EventBus: Send + Sync {
    /// Sends an event. After a time-out it may have been sent all the same.
    fn send(&self, event: &Event) -> impl Future<Output = Result<(), Error>> + Send;
}
