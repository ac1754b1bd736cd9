//! Amazon EventBridge: our own events.

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
mod fake;
mod sdk;

use std::fmt;

use eventide_kit::error::Error;
#[cfg(feature = "testing")]
pub use fake::FakeEventBus;
pub use sdk::SdkEventBus;
use serde_json::Value;

/// An event to be sent. Its size may be 1 MiB at most.
#[derive(Clone, PartialEq)]
pub struct Event {
    /// Who sends it, such as `eventide.data-marts`.
    pub source: String,
    /// What it is, such as `Data Mart Ready`.
    pub detail_type: String,
    /// What it says. An object.
    pub detail: Value,
    /// ARNs that it is about.
    pub resources: Vec<String>,
}

impl fmt::Debug for Event {
    /// Without the detail, which is content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("source", &self.source)
            .field("detail_type", &self.detail_type)
            .finish_non_exhaustive()
    }
}

/// Bytes of an event (Amazon EventBridge User Guide, "Calculating `PutEvents` event entry size"; 1 MiB since
/// January 2026).
const MAX_BYTES: usize = 1_048_576;
/// Bytes that the time counts, if it is given or not.
const TIME_BYTES: usize = 14;

impl Event {
    /// An event about nothing that has an ARN.
    ///
    /// # Errors
    /// `Permanent.Unwritable` if the detail cannot be written.
    pub fn new(source: &str, detail_type: &str, detail: &impl serde::Serialize) -> Result<Self, Error> {
        let detail = serde_json::to_value(detail).map_err(|error| {
            Error::permanent("Unwritable", "the event cannot be written").with_source(error)
        })?;
        let (source, detail_type) = (source.to_owned(), detail_type.to_owned());
        Ok(Self { source, detail_type, detail, resources: Vec::new() })
    }

    /// The detail as it is sent, if EventBridge can take the event.
    fn checked(&self) -> Result<String, Error> {
        if !self.detail.is_object() {
            return Err(Error::permanent("InvalidEvent", "the detail of the event is no object"));
        }
        let detail = self.detail.to_string();
        let resources: usize = self.resources.iter().map(String::len).sum();
        let size = TIME_BYTES + self.source.len() + self.detail_type.len() + detail.len() + resources;
        if size > MAX_BYTES {
            let message = format!("the event has {size} bytes, expected at most {MAX_BYTES}");
            return Err(Error::permanent("EventTooLarge", message));
        }
        Ok(detail)
    }
}

/// An event bus to send to.
pub trait EventBus: Send + Sync {
    /// Sends an event. After a time-out it may have been sent all the same.
    ///
    /// # Errors
    /// `Permanent.EventTooLarge` and `Permanent.InvalidEvent` if EventBridge would not take it; an `Environment` error
    /// if the bus is missing or denied.
    fn send(&self, event: &Event) -> impl Future<Output = Result<(), Error>> + Send;
}
