//! What an event asks for: whom to reach, how, in which language, and what the chat is to know.

use std::collections::BTreeMap;

use eventide_kit::Error;
use eventide_types::link::Language;
use eventide_types::link::flow::{ContactData, FlowEvent};
use eventide_types::link::record::Context;
use eventide_types::printable;

use crate::channel::Channel;
use crate::config::{ConsentRule, Settings};

/// Longest id of a contact (ContactId in the Amazon Connect API reference).
const MAX_CONTACT_ID: usize = 256;
/// Longest `request` of the flow's parameters, in bytes.
const MAX_REQUEST: usize = 256;
/// Longest display name of a chat (StartChatContact in the Amazon Connect API reference).
const MAX_NAME: usize = 256;
/// Longest name of a queue that the chat is told.
const MAX_QUEUE: usize = 256;
/// What the chat's attributes may take together is 32,768 bytes; link-redeem adds some of its own.
const MAX_ATTRIBUTES: usize = 31_000;

/// What is asked for. Nothing of it is to be logged but the contact's id.
pub(crate) struct Asked {
    pub(crate) contact_id: String,
    /// The first contact of the chain of transfers.
    pub(crate) first_contact_id: String,
    /// Tells a second wish of the same caller from a repeat of the first.
    pub(crate) request: String,
    pub(crate) language: Language,
    pub(crate) to: Vec<Recipient>,
    /// What is missing, if there are no recipients.
    pub(crate) lacks: Lacks,
    pub(crate) context: Context,
}

/// Somebody on a channel.
pub(crate) struct Recipient {
    pub(crate) channel: Channel,
    pub(crate) address: String,
}

/// What keeps a channel from being used: the first of these that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lacks {
    Consent,
    Address,
    Configuration,
}

impl Lacks {
    /// As the flow reads it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Consent => "no_consent",
            Self::Address => "no_address",
            Self::Configuration => "not_configured",
        }
    }
}

/// What an event asks for.
///
/// # Errors
///
/// `Permanent.InvalidEvent`: the contact's id cannot be one, or `request` is too long.
pub(crate) fn read(event: &FlowEvent, settings: &Settings) -> Result<Asked, Error> {
    let (contact, parameters) = (&event.details.contact_data, &event.details.parameters);
    if !is_contact_id(&contact.contact_id) {
        return Err(invalid(
            "Details.ContactData.ContactId",
            "the id of a contact: 1 to 256 letters, digits and dashes",
        ));
    }
    let request = given(parameters, "request").unwrap_or_default();
    if request.len() > MAX_REQUEST {
        return Err(invalid("Details.Parameters.request", "at most 256 bytes"));
    }
    // The flow's word counts before what is known of the contact.
    let said =
        |parameter, attribute| given(parameters, parameter).or_else(|| given(&contact.attributes, attribute));
    let (may_sms, may_email) = consent(said("consent", "chatConsent"), settings.consent);
    let phone = first(parameters, contact, "phone", "TELEPHONE_NUMBER", number);
    let email = first(parameters, contact, "email", "EMAIL_ADDRESS", mailbox);
    let found = [
        reach(Channel::Sms, may_sms, phone.clone(), settings.sms.is_some()),
        reach(Channel::Email, may_email, email, settings.email.is_some()),
    ];
    // Of two channels the one counts that is nearer to being used.
    let lacks = found.iter().filter_map(|found| found.as_ref().err()).max().copied();
    let tags = [
        given(parameters, "language"),
        given(&contact.attributes, "language"),
        contact.language_code.as_deref(),
    ];
    let language = tags.into_iter().flatten().find_map(Language::of_tag).unwrap_or(settings.default_language);
    let name = said(&settings.name_attribute, &settings.name_attribute);
    let queue = contact.queue.as_ref().and_then(|queue| queue.name.as_deref());
    let first_contact_id = contact.initial_contact_id.as_deref().filter(|id| is_contact_id(id));
    Ok(Asked {
        contact_id: contact.contact_id.clone(),
        first_contact_id: first_contact_id.unwrap_or(&contact.contact_id).to_owned(),
        request: request.to_owned(),
        language,
        to: found.into_iter().flatten().collect(),
        lacks: lacks.unwrap_or(Lacks::Address),
        context: Context {
            display_name: name.map(|name| printable(name, MAX_NAME)).filter(|name| !name.is_empty()),
            language,
            queue: queue.map(|name| printable(name, MAX_QUEUE)).filter(|name| !name.is_empty()),
            attributes: allowed(contact, settings),
            phone,
        },
    })
}

fn invalid(place: &str, expected: &str) -> Error {
    Error::permanent("InvalidEvent", format!("event does not parse at `{place}`: expected {expected}"))
}

/// Whether it may be put into keys and logs.
pub(crate) fn is_contact_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=MAX_CONTACT_ID).contains(&id.len()) && id.bytes().all(plain)
}

/// A value that says something: a flow passes what is not set as an empty text.
fn given<'a>(values: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
}

/// Where to, by parameter, attribute or endpoint: the first that can be an address.
fn first(
    parameters: &BTreeMap<String, String>,
    contact: &ContactData,
    name: &str,
    kind: &str,
    read: fn(&str) -> Option<String>,
) -> Option<String> {
    let endpoint =
        contact.customer_endpoint.as_ref().filter(|endpoint| endpoint.kind.as_deref() == Some(kind));
    let endpoint = endpoint.and_then(|endpoint| endpoint.address.as_deref());
    let candidates = [given(parameters, name), given(&contact.attributes, name), endpoint];
    candidates.into_iter().flatten().find_map(read)
}

/// A number in E.164, which has at most 15 digits and begins with a country's code (ITU-T E.164, 6.2.1).
fn number(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.strip_prefix('+')?;
    let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    (fits && !digits.starts_with('0')).then(|| text.to_owned())
}

/// One address as Amazon SES takes it in ASCII: a local part of at most 64 characters without quotes, and a domain with a dot.
fn mailbox(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    let label = |label: &str| {
        let bytes = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && bytes && !label.starts_with('-') && !label.ends_with('-')
    };
    let dotted = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    let fits = (1..=64).contains(&local.len()) && local.bytes().all(plain) && dotted(local);
    let leads = text.len() <= 254 && domain.contains('.') && domain.split('.').all(label);
    (fits && leads).then(|| text.to_owned())
}

/// Whether SMS and email are agreed to. A word that is not known agrees to nothing.
fn consent(said: Option<&str>, rule: ConsentRule) -> (bool, bool) {
    let Some(said) = said else {
        let given = rule == ConsentRule::Given;
        return (given, given);
    };
    let (mut sms, mut email) = (false, false);
    for word in said.split([',', ';', ' ']).filter(|word| !word.is_empty()) {
        match word.to_ascii_lowercase().as_str() {
            "true" | "yes" | "both" => (sms, email) = (true, true),
            "sms" => sms = true,
            "email" => email = true,
            _ => return (false, false),
        }
    }
    (sms, email)
}

fn reach(
    channel: Channel,
    is_agreed: bool,
    address: Option<String>,
    is_configured: bool,
) -> Result<Recipient, Lacks> {
    if !is_agreed {
        return Err(Lacks::Consent);
    }
    let address = address.ok_or(Lacks::Address)?;
    if is_configured { Ok(Recipient { channel, address }) } else { Err(Lacks::Configuration) }
}

/// The attributes that the chat may know, as far as there is room for them.
fn allowed(contact: &ContactData, settings: &Settings) -> BTreeMap<String, String> {
    let mut room = MAX_ATTRIBUTES;
    let mut attributes = BTreeMap::new();
    for name in &settings.attributes {
        let Some(value) = contact.attributes.get(name).filter(|value| !value.is_empty()) else { continue };
        let Some(rest) = room.checked_sub(name.len() + value.len()) else {
            tracing::warn!(
                contact_id = contact.contact_id,
                attribute = name,
                "attribute left out: there is no room"
            );
            continue;
        };
        room = rest;
        attributes.insert(name.clone(), value.clone());
    }
    attributes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_e164() {
        for (text, valid) in [
            ("+15555550100", true),
            (" +4915112345678 ", true),
            ("+123456789012345", true),
            ("15555550100", false),
            ("+1 555 555 0100", false),
            ("+1555555010a", false),
            ("+05555550100", false),
            ("+1234567890123456", false),
            ("+123456", false),
            ("anonymous", false),
            ("+", false),
            ("", false),
            ("+١٥٥٥٥٥٥٠١٠٠", false),
        ] {
            assert_eq!(number(text).is_some(), valid, "{text}");
        }
        assert_eq!(number(" +15555550100 ").as_deref(), Some("+15555550100"));
    }

    #[test]
    fn addresses_are_single_and_plain() {
        let long = format!("{}@example.com", "a".repeat(65));
        for (text, valid) in [
            ("ana@example.com", true),
            ("ana.maria+chat@mail.example.co.uk", true),
            (" ana@example.com ", true),
            ("ana@example", false),
            ("ana@@example.com", false),
            ("ana@example.com, bob@example.com", false),
            ("Ana <ana@example.com>", false),
            ("ana@example.com\r\nBcc: bob@example.com", false),
            ("\"ana maria\"@example.com", false),
            (".ana@example.com", false),
            ("a..b@example.com", false),
            ("ana@-example.com", false),
            ("ana@exa mple.com", false),
            ("añа@example.com", false),
            ("@example.com", false),
            ("ana@", false),
            (long.as_str(), false),
        ] {
            assert_eq!(mailbox(text).is_some(), valid, "{text}");
        }
    }

    #[test]
    fn consent_is_what_was_said() {
        use ConsentRule::{Given, Required};
        for (said, rule, expected) in [
            (None, Required, (false, false)),
            (None, Given, (true, true)),
            (Some("true"), Required, (true, true)),
            (Some("YES"), Required, (true, true)),
            (Some("both"), Required, (true, true)),
            (Some("sms"), Required, (true, false)),
            (Some("email"), Required, (false, true)),
            (Some("sms,email"), Required, (true, true)),
            (Some("SMS, Email"), Required, (true, true)),
            (Some("false"), Required, (false, false)),
            (Some("no"), Given, (false, false)),
            (Some("sms"), Given, (true, false)),
            (Some("sms,never"), Given, (false, false)),
            (Some("perhaps"), Required, (false, false)),
            (Some(","), Given, (false, false)),
        ] {
            assert_eq!(consent(said, rule), expected, "{said:?} {rule:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC*") {
            let _ = (number(&text), mailbox(&text), consent(Some(&text), ConsentRule::Given), is_contact_id(&text));
        }

        #[test]
        fn what_is_an_address_breaks_no_header(text in "[a-z@. \r\n<>,;:\"()]{0,24}") {
            if let Some(address) = mailbox(&text) {
                prop_assert!(address.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>,;:\"()".contains(&byte)));
            }
        }
    }
}
