//! What becomes of an accepted message, recipient by recipient.

use serde::{Deserialize, Serialize};

use super::address::Mailbox;
use super::store::Region;

/// What a plan can make of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Outcome {
    /// It is delivered.
    Delivery,
    /// It bounces for good: the mailbox does not exist.
    Bounce,
    /// It bounces after retries: the mailbox is full.
    SoftBounce,
    /// It is delivered, and the recipient complains.
    Complaint,
    /// Its delivery is delayed, and then succeeds.
    Delay,
    /// SES takes it for a virus after it accepted it.
    Reject,
    /// Nothing is ever heard of it, beyond that it was sent.
    Silence,
}

/// Why and how a message bounced (SES developer guide, Bounce types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounce {
    pub(super) kind: &'static str,
    pub(super) sub_type: &'static str,
    /// Status and diagnostic code, where another server answered.
    pub(super) answer: Option<(&'static str, &'static str)>,
}

/// What becomes of it for some recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Delivered,
    Delayed,
    Bounced(Bounce),
    /// The recipient complained; or it was held back, since the recipient had complained before.
    Complained {
        held_back: bool,
    },
    Silent,
}

pub(super) const NO_MAILBOX: Bounce = Bounce {
    kind: "Permanent",
    sub_type: "General",
    answer: Some(("5.1.1", "smtp; 550 5.1.1 user unknown")),
};

pub(super) const MAILBOX_FULL: Bounce = Bounce {
    kind: "Transient",
    sub_type: "MailboxFull",
    answer: Some(("4.2.2", "smtp; 452 4.2.2 mailbox full")),
};

/// On the account's own list.
const SUPPRESSED: Bounce = Bounce { kind: "Permanent", sub_type: "OnAccountSuppressionList", answer: None };

/// On the list of all of SES, which only the simulator's address is on here.
const SUPPRESSED_BY_SES: Bounce = Bounce { kind: "Permanent", sub_type: "Suppressed", answer: None };

/// Unsubscribed from the contact list or the topic.
const UNSUBSCRIBED: Bounce = Bounce { kind: "Permanent", sub_type: "UnsubscribedRecipient", answer: None };

const SIMULATOR: &str = "simulator.amazonses.com";

/// What a message is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    pub(super) region: &'a Region,
    /// Reasons for which suppressed addresses are held back.
    pub(super) reasons: &'a [String],
    /// The contact list, and the topic if there is one.
    pub(super) list: Option<(&'a str, Option<&'a str>)>,
    pub(super) planned: Option<Outcome>,
}

impl Circumstances<'_> {
    /// What becomes of the message for a recipient. What SES itself holds back does not reach a plan.
    fn of(&self, recipient: &Mailbox) -> End {
        let key = recipient.key();
        let suppressed = self.region.suppressed.get(&key);
        match suppressed
            .map(|entry| entry.reason.as_str())
            .filter(|reason| self.reasons.iter().any(|r| r == reason))
        {
            // "If the value is OnAccountSuppressionList, Amazon SES accepted the message, but didn't attempt
            // to send it" (SES developer guide, Complaint subtypes).
            Some("COMPLAINT") => return End::Complained { held_back: true },
            Some(_) => return End::Bounced(SUPPRESSED),
            None => {}
        }
        if let Some((list, topic)) = self.list {
            let list = self.region.lists.get(list);
            let contact = list.and_then(|list| Some((list, list.contacts.get(&key)?)));
            if contact.is_some_and(|(list, contact)| list.unsubscribed(contact, topic)) {
                return End::Bounced(UNSUBSCRIBED);
            }
        }
        match self.planned {
            None => simulated(&key).unwrap_or(End::Delivered),
            Some(Outcome::Delivery | Outcome::Reject) => End::Delivered,
            Some(Outcome::Bounce) => End::Bounced(NO_MAILBOX),
            Some(Outcome::SoftBounce) => End::Bounced(MAILBOX_FULL),
            Some(Outcome::Complaint) => End::Complained { held_back: false },
            Some(Outcome::Delay) => End::Delayed,
            Some(Outcome::Silence) => End::Silent,
        }
    }

    /// The ends of a message, each with the recipients that it comes to.
    pub(super) fn ends<'m>(&self, recipients: impl Iterator<Item = &'m Mailbox>) -> Vec<(End, Vec<String>)> {
        let mut ends: Vec<(End, Vec<String>)> = Vec::new();
        for recipient in recipients {
            let end = self.of(recipient);
            match ends.iter_mut().find(|(known, _)| *known == end) {
                Some((_, recipients)) => recipients.push(recipient.address.clone()),
                None => ends.push((end, vec![recipient.address.clone()])),
            }
        }
        ends
    }
}

/// The mailbox simulator, with labels: `bounce+label@simulator.amazonses.com`.
fn simulated(address: &str) -> Option<End> {
    let (local, domain) = address.rsplit_once('@')?;
    let local = local.split('+').next().unwrap_or(local);
    (domain == SIMULATOR).then_some(match local {
        "bounce" => End::Bounced(NO_MAILBOX),
        "complaint" => End::Complained { held_back: false },
        "suppressionlist" => End::Bounced(SUPPRESSED_BY_SES),
        _ => End::Delivered,
    })
}

/// Whether the address is the simulator's, which quotas, the sandbox and suppression do not concern.
pub(super) fn is_simulator(address: &str) -> bool {
    super::address::domain_of(address).eq_ignore_ascii_case(SIMULATOR)
}

impl End {
    /// The reason for which its recipients come onto the suppression list, if they do.
    pub(super) fn suppresses(self) -> Option<&'static str> {
        match self {
            Self::Bounced(bounce) if bounce == NO_MAILBOX => Some("BOUNCE"),
            Self::Complained { held_back: false } => Some("COMPLAINT"),
            _ => None,
        }
    }

    /// As the list of messages names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivery",
            Self::Delayed => "delay",
            Self::Bounced(_) => "bounce",
            Self::Complained { .. } => "complaint",
            Self::Silent => "silence",
        }
    }
}
