//! Text messages through AWS End User Messaging SMS.

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
mod fake;
mod sdk;

use std::fmt;

use eventide_kit::error::Error;
#[cfg(feature = "testing")]
pub use fake::{AcceptedText, FakeSms};
pub use sdk::SdkSms;

pub use crate::sending::Sent;

/// The reason of [`Sent::Refused`] if the recipient has opted out.
pub const OPTED_OUT: &str = "opted_out";
/// The reason of [`Sent::Refused`] if the message would cost more than [`TextMessage::max_price`].
pub const PRICE_OVER_CAP: &str = "price_over_cap";

/// What a message is for, which decides on its route and price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// Marketing.
    Promotional,
    /// Expected by its recipient, such as a code.
    Transactional,
}

/// A text message to one recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct TextMessage {
    /// The recipient's number in E.164: `+` and 2 to 19 digits.
    pub to: String,
    /// 1 to 1,600 characters, not only white space.
    pub body: String,
    /// A phone number, sender or pool: id or ARN.
    pub origination_identity: String,
    /// The configuration set, whose event destinations tell what became of it: name or ARN.
    pub configuration_set: Option<String>,
    /// What it is for.
    pub message_type: MessageType,
    /// The most that a part of it may cost, in US dollars: up to 2 digits, a point, 1 to 5 digits.
    pub max_price: Option<String>,
    /// For how long it is worth delivering: 5 to 259,200 seconds. 72 hours if nothing is said.
    pub time_to_live_seconds: Option<u32>,
    /// What the events repeat: at most 5 names of up to 100 and values of up to 800 characters.
    pub context: Vec<(String, String)>,
    /// The protect configuration that says to which countries it may go: id or ARN.
    pub protect_configuration: Option<String>,
}

impl fmt::Debug for TextMessage {
    /// Without number and text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextMessage")
            .field("origination_identity", &self.origination_identity)
            .field("message_type", &self.message_type)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Sends text messages.
pub trait Sms: Send + Sync {
    /// Hands one message over, in exactly one request that is never repeated, whatever becomes of it.
    ///
    /// [`OPTED_OUT`] and [`PRICE_OVER_CAP`] are refusals; others have AWS's own reason, such as
    /// `DESTINATION_COUNTRY_BLOCKED`.
    ///
    /// # Errors
    /// Only if it was surely not accepted, through no fault of its own and so as any other would meet it: credentials,
    /// permission, an account that is disabled, an origination identity or configuration set that cannot be used
    /// (`Environment`); a request that could not be built (`Permanent.InvalidRequest`).
    fn send(&self, message: &TextMessage) -> impl Future<Output = Result<Sent, Error>> + Send;
}
