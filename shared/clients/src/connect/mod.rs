//! Contacts in Amazon Connect.

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
mod fake;
mod sdk;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use eventide_kit::error::Error;
#[cfg(feature = "testing")]
pub use fake::{FakeConnect, Operation, StartedCall, StartedChat};
pub use sdk::SdkConnect;

/// Characters of a customer's name.
const MAX_NAME: usize = 256;
/// Bytes of all attributes, names included.
const MAX_ATTRIBUTES: usize = 32_768;
/// Bytes of a client token.
const MAX_TOKEN: usize = 500;
/// Bytes of a first message.
const MAX_MESSAGE: usize = 16_384;
/// Minutes that a chat may last.
const MINUTES: RangeInclusive<u32> = 60..=10_080;

/// A chat to be started.
#[derive(Clone, PartialEq, Eq)]
pub struct NewChat {
    /// The flow that it begins with: id.
    pub flow_id: String,
    /// The customer's name, 1 to 256 characters.
    pub display_name: String,
    /// Contact attributes: names of `A-Z`, `a-z`, `0-9`, `-` and `_`; at most 32,768 bytes together.
    pub attributes: BTreeMap<String, String>,
    /// The voice contact that it continues.
    pub related_contact_id: Option<String>,
    /// The same for every attempt to start the same chat, at most 500 characters.
    pub client_token: String,
    /// 60 to 10,080 minutes.
    pub duration_minutes: u32,
    /// The customer's first message, at most 16,384 bytes of text.
    pub initial_message: Option<String>,
}

impl fmt::Debug for NewChat {
    /// Without name, message and the values of attributes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewChat")
            .field("flow_id", &self.flow_id)
            .field("attributes", &self.attributes.keys().collect::<Vec<_>>())
            .field("related_contact_id", &self.related_contact_id)
            .field("duration_minutes", &self.duration_minutes)
            .finish_non_exhaustive()
    }
}

impl NewChat {
    /// Checks what Connect would refuse (API reference, StartChatContact).
    pub(crate) fn check(&self) -> Result<(), Error> {
        let name = self.display_name.chars().count();
        let attributes: usize = self.attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
        let message = self.initial_message.as_ref().map_or(1, String::len);
        let faults = [
            (!(1..=MAX_NAME).contains(&name), "`display_name` should have 1 to 256 characters"),
            (attributes > MAX_ATTRIBUTES, "`attributes` should have at most 32,768 bytes"),
            (!self.attributes.keys().all(|name| is_name(name)), "names of `attributes` should be words"),
            (
                !(1..=MAX_TOKEN).contains(&self.client_token.len()),
                "`client_token` should have 1 to 500 bytes",
            ),
            (!MINUTES.contains(&self.duration_minutes), "`duration_minutes` should be 60 to 10,080"),
            (!(1..=MAX_MESSAGE).contains(&message), "`initial_message` should have 1 to 16,384 bytes"),
        ];
        match faults.into_iter().find(|(is_fault, _)| *is_fault) {
            Some((_, expected)) => Err(Error::permanent("InvalidRequest", format!("chat: {expected}"))),
            None => Ok(()),
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(is_allowed)
}

/// A chat that was started, with what its participant connects with.
#[derive(Clone, PartialEq, Eq)]
pub struct Chat {
    /// The chat's contact.
    pub contact_id: String,
    /// The customer in it.
    pub participant_id: String,
    /// What the participant's connection is asked for with; valid as long as the participant is in the chat.
    pub participant_token: String,
}

impl fmt::Debug for Chat {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").field("contact_id", &self.contact_id).finish_non_exhaustive()
    }
}

/// A call to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewCall {
    /// The flow that it begins with: id.
    pub flow_id: String,
    /// Whom to call, in E.164.
    pub to: String,
    /// The number that is shown: one of the instance's, in E.164. Without it the queue's.
    pub from: Option<String>,
    /// The queue: id. Without it the flow's own.
    pub queue_id: Option<String>,
    /// Contact attributes, as of a chat.
    pub attributes: BTreeMap<String, String>,
    /// The contact that it continues, whose attributes Connect copies (API reference,
    /// StartOutboundVoiceContact).
    pub related_contact_id: Option<String>,
    /// The same for every attempt to make the same call.
    pub client_token: String,
}

impl fmt::Debug for NewCall {
    /// Without numbers and the values of attributes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCall")
            .field("flow_id", &self.flow_id)
            .field("queue_id", &self.queue_id)
            .field("attributes", &self.attributes.keys().collect::<Vec<_>>())
            .field("related_contact_id", &self.related_contact_id)
            .finish_non_exhaustive()
    }
}

/// Where a contact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is in a flow or waits in a queue: no agent has it.
    Waiting,
    /// An agent has it, or had it.
    WithAgent,
    /// It has ended, or there is no such contact.
    Ended,
}

/// Contacts of one Amazon Connect instance.
///
/// All of its calls fail with what [`eventide_kit::aws::classify`] makes of the answer:
/// `LimitExceededException` and `TooManyRequestsException` are `Retryable.Throttled`; of an answer that did
/// not come in time, or a server's error, nobody knows whether the call was carried out. An unknown instance
/// or flow is `Environment.ResourceNotFound`. No error quotes an address, a name or a text.
pub trait Connect: Send + Sync {
    /// Starts a chat. Another attempt with the same client token gives the same chat again (API reference,
    /// StartChatContact, which does not say for how long). `Permanent.InvalidRequest` if the chat is beyond the
    /// limits that [`NewChat`] names.
    fn start_chat(&self, chat: &NewChat) -> impl Future<Output = Result<Chat, Error>> + Send;

    /// Calls somebody, and gives the contact's id. Another attempt with the same client token makes no second
    /// call (API reference, StartOutboundVoiceContact: for 7 days). A number that the instance may not call is `Permanent.DestinationNotAllowed` or
    /// `Permanent.OutboundContactNotPermitted`.
    fn start_call(&self, call: &NewCall) -> impl Future<Output = Result<String, Error>> + Send;

    /// Where a contact stands (DescribeContact).
    fn standing(&self, contact_id: &str) -> impl Future<Output = Result<Standing, Error>> + Send;

    /// Ends a contact. That it has ended already, or that there is none, is no error.
    /// `Permanent.InvalidRequest` if it came to be in a way that StopContact does not end: such as a
    /// transfer.
    fn stop(&self, contact_id: &str) -> impl Future<Output = Result<(), Error>> + Send;
}
