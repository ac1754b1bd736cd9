//! What SES remembers, per Region.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::messages::rate::Bucket;

/// The identity that is there from the beginning.
pub(super) const SEEDED_DOMAIN: &str = "example.com";

/// One Region of the account.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) sending_enabled: bool,
    /// Why addresses come onto the suppression list, and for which of them it holds mail back.
    pub(super) suppressed_reasons: Vec<String>,
    /// By lower-case name.
    pub(super) identities: BTreeMap<String, Identity>,
    pub(super) sets: BTreeMap<String, ConfigurationSet>,
    pub(super) lists: BTreeMap<String, ContactList>,
    /// By lower-case address.
    pub(super) suppressed: BTreeMap<String, Suppressed>,
    pub(super) sent: Sent,
    pub(super) rate: Option<Bucket>,
}

#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) verified: bool,
    pub(super) configuration_set: Option<String>,
    pub(super) tags: Vec<Value>,
    /// Seeded, so that a stack may still create it.
    pub(super) seeded: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ConfigurationSet {
    /// `DeliveryOptions`, `SendingOptions`, … and `Tags`, as they were given.
    pub(super) options: Map<String, Value>,
    pub(super) destinations: BTreeMap<String, Destination>,
}

/// An event destination: the default event bus.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) enabled: bool,
    pub(super) types: Vec<String>,
    pub(super) bus: String,
}

#[derive(Clone, Debug)]
pub(super) struct ContactList {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) topics: Vec<Topic>,
    pub(super) tags: Vec<Value>,
    pub(super) created: OffsetDateTime,
    pub(super) updated: OffsetDateTime,
    /// By lower-case address.
    pub(super) contacts: BTreeMap<String, Contact>,
}

#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) description: Option<String>,
    /// Whether contacts without a preference are subscribed.
    pub(super) opt_in: bool,
}

#[derive(Clone)]
pub(super) struct Contact {
    pub(super) address: String,
    /// Explicit preferences: whether it is subscribed to the topic.
    pub(super) topics: BTreeMap<String, bool>,
    pub(super) unsubscribe_all: bool,
    pub(super) attributes: Option<String>,
    pub(super) created: OffsetDateTime,
    pub(super) updated: OffsetDateTime,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contact").field("unsubscribe_all", &self.unsubscribe_all).finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(super) struct Suppressed {
    pub(super) address: String,
    pub(super) reason: String,
    pub(super) at: OffsetDateTime,
    pub(super) message_id: Option<String>,
    pub(super) feedback_id: Option<String>,
}

impl std::fmt::Debug for Suppressed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suppressed").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl Region {
    pub(super) fn new() -> Self {
        let seeded = Identity {
            name: SEEDED_DOMAIN.into(),
            verified: true,
            configuration_set: None,
            tags: Vec::new(),
            seeded: true,
        };
        Self {
            sending_enabled: true,
            // As in accounts that began to use SES after 25 November 2019.
            suppressed_reasons: vec!["BOUNCE".into(), "COMPLAINT".into()],
            identities: BTreeMap::from([(SEEDED_DOMAIN.into(), seeded)]),
            sets: BTreeMap::new(),
            lists: BTreeMap::new(),
            suppressed: BTreeMap::new(),
            sent: Sent::default(),
            rate: None,
        }
    }

    /// The verified identity that lets one send from an address: the address itself, its domain, or a domain
    /// above it.
    pub(super) fn identity_of(&self, address: &str) -> Option<&Identity> {
        let verified = |name: &str| self.identities.get(name).filter(|identity| identity.verified);
        let mut domain = super::address::domain_of(address);
        verified(address).or_else(|| {
            loop {
                if let Some(identity) = verified(domain) {
                    return Some(identity);
                }
                domain = domain.split_once('.')?.1;
            }
        })
    }
}

impl ContactList {
    pub(super) fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// Whether mail of the topic, or of the list if there is none, is not for that contact.
    pub(super) fn unsubscribed(&self, contact: &Contact, topic: Option<&str>) -> bool {
        let from_topic = |name: &str| {
            let default = || self.topic(name).is_none_or(|topic| topic.opt_in);
            !contact.topics.get(name).copied().unwrap_or_else(default)
        };
        contact.unsubscribe_all || topic.is_some_and(from_topic)
    }
}

/// How many recipients the last 24 hours had, by the minute.
#[derive(Debug, Default)]
pub(super) struct Sent {
    minutes: VecDeque<(OffsetDateTime, u64)>,
}

impl Sent {
    pub(super) fn add(&mut self, recipients: u64, now: OffsetDateTime) {
        match self.minutes.back_mut() {
            Some((begin, count)) if now - *begin < Duration::MINUTE && now >= *begin => *count += recipients,
            _ => self.minutes.push_back((now, recipients)),
        }
    }

    pub(super) fn last_24_hours(&mut self, now: OffsetDateTime) -> u64 {
        while self.minutes.front().is_some_and(|(begin, _)| now - *begin >= Duration::DAY) {
            self.minutes.pop_front();
        }
        self.minutes.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_counted_by_the_minute() {
        let mut sent = Sent::default();
        let begin = OffsetDateTime::UNIX_EPOCH;
        for second in 0..120 {
            sent.add(2, begin + Duration::seconds(second));
        }
        assert_eq!((sent.minutes.len(), sent.last_24_hours(begin + Duration::HOUR)), (2, 240));
        assert_eq!(sent.last_24_hours(begin + Duration::DAY + Duration::seconds(30)), 120);
        assert_eq!(sent.last_24_hours(begin + Duration::DAY * 2), 0);
    }

    #[test]
    fn an_identity_covers_its_domain_and_those_below() {
        let region = Region::new();
        for (address, covered) in [
            ("a@example.com", true),
            ("a@mail.example.com", true),
            ("a@example.org", false),
            ("a@notexample.com", false),
        ] {
            assert_eq!(region.identity_of(address).is_some(), covered, "{address}");
        }
    }
}
