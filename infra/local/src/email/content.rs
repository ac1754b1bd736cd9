//! A message as `SendEmail` gives it: simple or raw.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::address::Mailbox;
use super::mime;
use super::refusal::{Outcome, Refusal};
use crate::messages::Header;
use crate::messages::input::{Fault, Input, required};

/// Recipients of a message, To, Cc and Bcc together (SES quotas).
const MOST_RECIPIENTS: usize = 50;

/// Bytes of a message after it was encoded (SES quotas).
const MOST_BYTES: usize = 40 * 1024 * 1024;

/// `MessageHeaderList`, and the lengths of names and values.
const MOST_HEADERS: usize = 15;

/// What SES makes of the other members, so that `Headers` must not hold it.
const OWN_HEADERS: [&str; 12] = [
    "bcc",
    "cc",
    "content-disposition",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "reply-to",
    "return-path",
    "subject",
    "to",
];

/// A message that can be sent.
#[derive(Clone)]
pub(super) struct Letter {
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
    pub(super) cc: Vec<Mailbox>,
    pub(super) bcc: Vec<Mailbox>,
    pub(super) reply_to: Vec<String>,
    pub(super) subject: Option<String>,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) headers: Vec<Header>,
    /// Whether it holds the test file of virus scanners.
    pub(super) has_virus: bool,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").field("recipients", &self.recipients().count()).finish_non_exhaustive()
    }
}

impl Letter {
    pub(super) fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }

    /// Sets a header, in place of those of the same name.
    pub(super) fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|header| !header.name.eq_ignore_ascii_case(name));
        self.headers.push(header(name, value));
    }

    /// Reads and checks the message of a request.
    pub(super) fn read(input: Input<'_>) -> Outcome<Self> {
        let content = required("Content", input.structure("Content")?)?;
        let (simple, raw) = (content.structure("Simple")?, content.structure("Raw")?);
        let letter = match (simple, raw, content.get("Template")) {
            (Some(simple), None, None) => Self::simple(input, simple)?,
            (None, Some(raw), None) => Self::raw(input, raw)?,
            (None, None, Some(_)) => return Err(Refusal::not_covered("SES's templates")),
            _ => return Err(Refusal::bad_request("Content: expected one of Simple, Raw and Template")),
        };
        let count = letter.recipients().count();
        if count == 0 {
            return Err(Refusal::bad_request("Destination: at least one recipient is required"));
        }
        if count > MOST_RECIPIENTS {
            return Err(Refusal::bad_request(format!("Recipient count exceeds {MOST_RECIPIENTS}.")));
        }
        Ok(letter)
    }

    fn simple(input: Input<'_>, simple: Input<'_>) -> Outcome<Self> {
        let from = required("FromEmailAddress", input.text("FromEmailAddress")?)?;
        let subject = required("Subject", simple.structure("Subject")?)?;
        let subject = required("Subject.Data", subject.text("Data")?)?;
        if subject.chars().any(char::is_control) {
            return Err(Fault::new("Subject.Data", "must not hold control characters").into());
        }
        let body = required("Body", simple.structure("Body")?)?;
        let part = |name: &str| -> Outcome<Option<String>> {
            let Some(part) = body.structure(name)? else { return Ok(None) };
            Ok(Some(required("Data", part.text("Data")?)?.to_owned()))
        };
        let (text, html) = (part("Text")?, part("Html")?);
        let kind = match (&text, &html) {
            (Some(_), Some(_)) => "multipart/alternative; boundary=\"----=_Part_0\"",
            (Some(_), None) => "text/plain; charset=UTF-8",
            (None, Some(_)) => "text/html; charset=UTF-8",
            (None, None) => return Err(Fault::new("Body", "must have Text or Html").into()),
        };
        let given = custom_headers(simple)?;
        let attached = attached_bytes(simple)?;
        let infected = [text.as_deref(), html.as_deref()].into_iter().flatten().any(has_virus);
        let mut letter = Self {
            from: Mailbox::parse(from, "FromEmailAddress")?,
            to: addresses(input, "ToAddresses")?,
            cc: addresses(input, "CcAddresses")?,
            bcc: addresses(input, "BccAddresses")?,
            reply_to: reply_to(input)?,
            subject: Some(subject.to_owned()),
            has_virus: infected,
            text,
            html,
            headers: Vec::new(),
        };
        letter.headers = vec![header("From", &letter.from.given)];
        let lists = [
            ("To", joined(&letter.to)),
            ("Cc", joined(&letter.cc)),
            ("Reply-To", letter.reply_to.join(", ")),
        ];
        letter.headers.extend(
            lists
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| header(name, &value)),
        );
        letter.headers.push(header("Subject", subject));
        letter.headers.push(header("MIME-Version", "1.0"));
        letter.headers.push(header("Content-Type", kind));
        letter.headers.extend(given);
        // Text grows by its transfer encoding; attachments are counted as they came, in base64.
        let texts = [&letter.subject, &letter.text, &letter.html];
        let bytes: usize = texts.into_iter().flatten().map(String::len).sum();
        check_size(bytes + attached)?;
        Ok(letter)
    }

    fn raw(input: Input<'_>, raw: Input<'_>) -> Outcome<Self> {
        let data = required("Data", raw.text("Data")?)?;
        check_size(data.len())?;
        let data = STANDARD.decode(data).map_err(|_| Fault::new("Raw.Data", "must be base64"))?;
        let message = mime::Parsed::read(&data).ok_or_else(|| Refusal::bad_request("Raw.Data: no header"))?;
        let from = match input.text("FromEmailAddress")? {
            Some(from) => from.to_owned(),
            None => message
                .header("From")
                .ok_or_else(|| Refusal::bad_request("Missing required header 'From'."))?,
        };
        let listed = |name: &str| -> Outcome<Vec<Mailbox>> {
            let value = message.header(name).unwrap_or_default();
            mime::split_addresses(&value).iter().map(|address| Mailbox::parse(address, name)).collect()
        };
        let given = input.structure("Destination")?.is_some();
        let (to, cc, bcc) = if given {
            (
                addresses(input, "ToAddresses")?,
                addresses(input, "CcAddresses")?,
                addresses(input, "BccAddresses")?,
            )
        } else {
            (listed("To")?, listed("Cc")?, listed("Bcc")?)
        };
        Ok(Self {
            from: Mailbox::parse(&from, "FromEmailAddress")?,
            to,
            cc,
            bcc,
            reply_to: reply_to(input)?,
            subject: message.header("Subject"),
            text: message.part("text/plain"),
            html: message.part("text/html"),
            headers: message
                .headers
                .iter()
                // Bcc is taken out before a message is sent.
                .filter(|(name, _)| !name.eq_ignore_ascii_case("Bcc"))
                .map(|(name, value)| header(name, value))
                .collect(),
            has_virus: has_virus(&String::from_utf8_lossy(&data)),
        })
    }
}

fn header(name: &str, value: &str) -> Header {
    Header { name: name.to_owned(), value: value.to_owned() }
}

fn joined(mailboxes: &[Mailbox]) -> String {
    mailboxes.iter().map(|mailbox| mailbox.given.as_str()).collect::<Vec<_>>().join(", ")
}

fn addresses(input: Input<'_>, member: &str) -> Outcome<Vec<Mailbox>> {
    let Some(destination) = input.structure("Destination")? else { return Ok(Vec::new()) };
    destination
        .texts(member, 0..=10_000)?
        .into_iter()
        .map(|address| Mailbox::parse(address, member))
        .collect()
}

fn reply_to(input: Input<'_>) -> Outcome<Vec<String>> {
    let given = input.texts("ReplyToAddresses", 0..=MOST_RECIPIENTS)?;
    given.into_iter().map(|address| Ok(Mailbox::parse(address, "ReplyToAddresses")?.given)).collect()
}

/// `Headers`: names of printable ASCII but the colon, 126 at most, values of printable ASCII, 995 at most,
/// both together 996 at most (service model, `MessageHeader`).
fn custom_headers(simple: Input<'_>) -> Outcome<Vec<Header>> {
    let mut headers: Vec<Header> = Vec::new();
    for given in simple.structures("Headers", 0..=MOST_HEADERS)? {
        let allowed = |c: char| c.is_ascii_graphic() && c != ':';
        let name = required("Headers.Name", given.name("Name", 1..=126, allowed)?)?;
        let printable = |c: char| c.is_ascii_graphic() || c == ' ';
        let value = required("Headers.Value", given.name("Value", 1..=995, printable)?)?;
        if name.len() + value.len() > 996 {
            return Err(Fault::new("Headers", "a name and its value must have at most 996 characters").into());
        }
        if OWN_HEADERS.contains(&name.to_lowercase().as_str()) {
            return Err(Refusal::bad_request(format!("Headers: `{name}` is set by Amazon SES")));
        }
        if headers.iter().any(|header| header.name.eq_ignore_ascii_case(name)) {
            return Err(Refusal::bad_request(format!("Headers: `{name}` is given twice")));
        }
        headers.push(header(name, value));
    }
    Ok(headers)
}

fn attached_bytes(simple: Input<'_>) -> Outcome<usize> {
    let mut bytes = 0;
    for attachment in simple.structures("Attachments", 0..=10_000)? {
        required("FileName", attachment.sized("FileName", 1..=255)?)?;
        bytes += required("RawContent", attachment.text("RawContent")?)?.len();
    }
    Ok(bytes)
}

fn check_size(bytes: usize) -> Outcome<()> {
    if bytes > MOST_BYTES {
        return Err(Refusal::bad_request(format!(
            "Message length is more than {MOST_BYTES} bytes long: '{bytes}'."
        )));
    }
    Ok(())
}

/// The EICAR test file, put together here so that no scanner takes this source for it.
fn has_virus(text: &str) -> bool {
    text.contains(concat!("EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE"))
}
