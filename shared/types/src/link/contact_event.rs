//! What Amazon Connect tells of contacts through EventBridge: `Amazon Connect Contact Event`.
//!
//! Source: Amazon Connect Administrator Guide, "Amazon Connect contact events". New members and event types come
//! without notice, so only what is needed is read.

use serde::Deserialize;

/// The event's detail type.
pub const DETAIL_TYPE: &str = "Amazon Connect Contact Event";

/// The `detail` of such an event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactEvent {
    /// Such as `INITIATED`, `CONNECTED_TO_AGENT` or `DISCONNECTED`.
    pub event_type: String,
    /// The contact.
    pub contact_id: String,
    /// `VOICE`, `CHAT`, `TASK` or `EMAIL`.
    pub channel: String,
    /// `arn:aws:connect:<region>:<account>:instance/<id>`.
    #[serde(default)]
    pub instance_arn: Option<String>,
    /// The first contact of the chain of transfers that it belongs to.
    #[serde(default)]
    pub initial_contact_id: Option<String>,
}
