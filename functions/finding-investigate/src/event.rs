//! The events of Security Hub that ask for an investigation.
//!
//! Source: Security Hub user guide, EventBridge event formats (CSPM and Security Hub).

use eventide_kit::error::Error;
use eventide_kit::event;
use eventide_types::{asff, finding::Finding, ocsf};
use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;

/// An EventBridge event of Security Hub. Its findings stay raw, so that one that does not parse keeps none of
/// the others from being investigated.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// The same for every delivery of the event.
    pub id: String,
    /// When it was sent.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// What kind of event it is.
    pub detail_type: String,
    /// `aws.securityhub`
    pub source: String,
    /// The findings.
    pub detail: Detail,
}

/// The `detail` of all three kinds of events.
#[derive(Debug, Deserialize)]
pub struct Detail {
    /// Present in all of them; optional here so that an event of another kind is called by its name.
    pub findings: Option<Vec<Box<RawValue>>>,
}

/// The kinds of events that ask for an investigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Security Hub Findings - Imported`
    Imported,
    /// `Security Hub Findings - Custom Action`
    CustomAction,
    /// `Findings Imported V2`
    ImportedV2,
}

impl Event {
    /// Which kind of event it is.
    ///
    /// # Errors
    ///
    /// `UnknownEvent` if it is none of ours: a rule points here by mistake.
    pub fn kind(&self) -> Result<Kind, Error> {
        match (self.source.as_str(), self.detail_type.as_str()) {
            ("aws.securityhub", "Security Hub Findings - Imported") => Ok(Kind::Imported),
            ("aws.securityhub", "Security Hub Findings - Custom Action") => Ok(Kind::CustomAction),
            ("aws.securityhub", "Findings Imported V2") => Ok(Kind::ImportedV2),
            _ => Err(Error::permanent(
                "UnknownEvent",
                "the event is none of Security Hub's, expected `Security Hub Findings - Imported`, \
                 `Security Hub Findings - Custom Action` or `Findings Imported V2` from `aws.securityhub`",
            )),
        }
    }
}

impl Detail {
    /// The findings.
    ///
    /// # Errors
    ///
    /// `InvalidEvent` if there is no list of them.
    pub fn findings(&self) -> Result<&[Box<RawValue>], Error> {
        let missing =
            || Error::permanent("InvalidEvent", "event does not parse at `detail`: missing field `findings`");
        self.findings.as_deref().ok_or_else(missing)
    }
}

/// Reads the finding at `index` of an event.
///
/// # Errors
///
/// `InvalidEvent` with the path of what does not parse or is missing, never with its content.
pub fn finding(kind: Kind, index: usize, raw: &RawValue) -> Result<Finding, Error> {
    let path = format!("detail.findings[{index}]");
    let invalid = |error| Error::permanent("InvalidEvent", format!("`{path}`")).with_source(error);
    let payload = raw.get().as_bytes();
    let reduced = match kind {
        Kind::Imported | Kind::CustomAction => {
            event::parse::<asff::Finding>(payload).map_err(invalid)?.reduce()
        }
        Kind::ImportedV2 => event::parse::<ocsf::Finding>(payload).map_err(invalid)?.reduce(),
    };
    reduced.map_err(|member| {
        Error::permanent("InvalidEvent", format!("`{path}.{member}` is missing or malformed"))
    })
}
