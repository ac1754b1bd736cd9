//! Email through Amazon SES (API v2).

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
mod fake;
mod sdk;

use std::fmt;

use eventide_kit::error::Error;
#[cfg(feature = "testing")]
pub use fake::{AcceptedMail, FakeEmail};
pub use sdk::SdkEmail;

pub use crate::sending::Sent;

/// An email to one recipient.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Mail {
    /// A verified address, or `Name <address>`. Names beyond ASCII are given as RFC 2047 encoded words.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// The subject, in any script.
    pub subject: String,
    /// The body as text. Text, HTML or both.
    pub text: Option<String>,
    /// The body as HTML.
    pub html: Option<String>,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<String>,
    /// The configuration set, whose event destinations tell what became of it.
    pub configuration_set: Option<String>,
    /// From what one can unsubscribe.
    pub list: Option<ListManagement>,
    /// At most 15 headers: names of at most 126, values of at most 995 printable ASCII characters.
    pub headers: Vec<(String, String)>,
    /// Names and values that the events repeat: at most 256 of `A-Z`, `a-z`, `0-9`, `_` and `-` each.
    pub tags: Vec<(String, String)>,
}

impl fmt::Debug for Mail {
    /// Without addresses and content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("configuration_set", &self.configuration_set)
            .field("list", &self.list)
            .field("headers", &self.headers.len())
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

/// The account's contact list: SES leaves out who has unsubscribed, fills in `{{amazonSESUnsubscribeUrl}}`, and adds the
/// headers of one-click unsubscribing (Amazon SES Developer Guide, "Using list management").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListManagement {
    /// Its name.
    pub contact_list: String,
    /// The topic; without it the list as a whole.
    pub topic: Option<String>,
}

/// What the account may send in this Region. Recipients are counted, not emails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    /// A second.
    pub max_per_second: f64,
    /// In 24 hours; -1 if there is no limit.
    pub max_24_hours: f64,
    /// In the last 24 hours.
    pub sent_24_hours: f64,
    /// Whether it may send at all.
    pub sending_enabled: bool,
}

/// Sends email.
pub trait Email: Send + Sync {
    /// What the account may send.
    fn quota(&self) -> impl Future<Output = Result<Quota, Error>> + Send;

    /// Hands one email over, in exactly one request that is never repeated, whatever becomes of it.
    ///
    /// # Errors
    /// Only if it was surely not accepted, through no fault of its own and so as any other would meet it: credentials,
    /// permission, an account that is suspended or paused (`Environment`); a request that could not be built
    /// (`Permanent.InvalidRequest`).
    fn send(&self, mail: &Mail) -> impl Future<Output = Result<Sent, Error>> + Send;
}
