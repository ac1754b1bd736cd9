//! A contact event, as EventBridge brings it.

use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::link::contact_event::{ContactEvent, DETAIL_TYPE};
use serde::Deserialize;
use serde_json::value::RawValue;

const SOURCE: &str = "aws.connect";

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Envelope {
    source: String,
    detail_type: String,
    detail: Box<RawValue>,
}

/// What an event says that matters to links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An agent has a voice contact.
    VoiceAnswered {
        /// The contact, and the first of its chain if that is another: each may have a link.
        contact_ids: Vec<String>,
    },
    /// A chat has begun.
    ChatStarted {
        /// The contact.
        contact_id: String,
    },
    /// An agent has a chat.
    ChatAnswered {
        /// The contact.
        contact_id: String,
    },
}

/// What an event says; `None`: nothing that matters, or it is about another instance.
///
/// # Errors
///
/// `InvalidEvent` if it is no contact event.
pub fn news(body: &str, instance_id: &str) -> Result<Option<News>, Error> {
    let Envelope { source, detail_type, detail } = parse(body.as_bytes())?;
    for (member, value, expected) in [("source", source, SOURCE), ("detail-type", detail_type, DETAIL_TYPE)] {
        if value != expected {
            let message = format!("event does not parse at `{member}`: expected `{expected}`");
            return Err(Error::permanent("InvalidEvent", message));
        }
    }
    let event: ContactEvent = parse(detail.get().as_bytes())?;
    let instance = event.instance_arn.as_deref().and_then(|arn| arn.rsplit('/').next());
    if instance.is_some_and(|instance| instance != instance_id) {
        return Ok(None);
    }
    let contact_id = event.contact_id;
    Ok(match (event.channel.as_str(), event.event_type.as_str()) {
        ("VOICE", "CONNECTED_TO_AGENT") => {
            let first = event.initial_contact_id.filter(|first| *first != contact_id);
            Some(News::VoiceAnswered { contact_ids: [contact_id].into_iter().chain(first).collect() })
        }
        ("CHAT", "INITIATED") => Some(News::ChatStarted { contact_id }),
        ("CHAT", "CONNECTED_TO_AGENT") => Some(News::ChatAnswered { contact_id }),
        _ => None,
    })
}
