//! One message: claimed, sent, settled.

use std::collections::BTreeMap;

use eventide_clients::campaigns::Origins as _;
use eventide_clients::email::{Email as _, ListManagement, Mail, Sent};
use eventide_clients::sms::{Sms as _, TextMessage};
use eventide_kit::ledger::{Claimed, Entry, Ledger as _, Settlement, State};
use eventide_kit::{Class, Error, Invocation};
use eventide_types::campaign::outgoing::{Outgoing, tags};
use eventide_types::campaign::provider::Origin;
use eventide_types::campaign::{Campaign, Channel};

use crate::send::{CampaignSend, Ports};

/// How the reason of a refusal begins that is no last word: the message may be claimed again.
const POSTPONED: &str = "postponed";

/// What came of a message.
pub(crate) enum Step {
    /// Nothing is left to do here, now or since before.
    Settled,
    /// It is to be looked at again.
    Left,
    /// As all others behind it, until the provider's quota is renewed.
    UsedUp,
    /// There was no time.
    NotBegun,
}

impl<P: Ports> CampaignSend<P> {
    pub(crate) async fn one(
        &self,
        message: &Outgoing,
        campaign: &Campaign,
        test: bool,
        invocation: &Invocation,
    ) -> Result<Step, Error> {
        let detail = BTreeMap::from([
            ("campaign".to_owned(), campaign.id.clone()),
            ("channel".to_owned(), message.channel.as_str().to_owned()),
            ("line".to_owned(), message.line.to_string()),
            ("test".to_owned(), test.to_string()),
            // With the line it tells a second row of the same id from a repeat.
            ("upload".to_owned(), campaign.upload.clone()),
        ]);
        // A message of SQS may be delivered twice at the same time: each delivery is a holder of its own.
        let (holder, until) = (invocation.request_id.as_str(), invocation.deadline.expires_at());
        let ledger = self.ports.ledger();
        let mut claimed = ledger.claim(&message.entry, holder, until, detail.clone()).await?;
        if let Claimed::Held(entry) = &claimed
            && is_postponed(entry)
        {
            claimed = ledger.claim_again(entry, holder, until, detail).await?;
        }
        match claimed {
            Claimed::Won(entry) => self.won(message, campaign, &entry, invocation).await,
            Claimed::Held(entry) => self.held(&entry, holder).await,
        }
    }

    /// An entry that is not this message's to send now.
    async fn held(&self, entry: &Entry, holder: &str) -> Result<Step, Error> {
        match entry.state {
            // Two rows of one id: the other one is on its way in this very invocation.
            State::Claimed if entry.holder == holder => Ok(Step::Settled),
            State::Claimed if self.clock.now() < entry.claim_deadline => Ok(Step::Left),
            State::Claimed => {
                // It died, and may have sent before.
                let reason = "the function ended between claiming and settling".to_owned();
                let settlement = Settlement::Uncertain { reason };
                match self.ports.ledger().settle(&entry.key, entry.attempt, settlement).await {
                    // It was settled meanwhile. How, is looked at once more.
                    Err(error) if is_conflict(&error) => Ok(Step::Left),
                    settled => settled.map(|_| Step::Settled),
                }
            }
            State::Refused if is_postponed(entry) => Ok(Step::Left),
            State::Done | State::Refused | State::Uncertain => Ok(Step::Settled),
        }
    }

    async fn won(
        &self,
        message: &Outgoing,
        campaign: &Campaign,
        entry: &Entry,
        invocation: &Invocation,
    ) -> Result<Step, Error> {
        let sent = self.hand_to_provider(message, campaign).await;
        let (settlement, outcome, step) = match sent {
            Ok(Sent::Accepted { message_id }) => {
                // Before it is settled: if this invocation dies in between, the provider's events can do that.
                self.remember(message, campaign, &message_id, invocation).await;
                let detail = BTreeMap::from([("message_id".to_owned(), message_id)]);
                (Settlement::Done { detail }, "accepted", Ok(Step::Settled))
            }
            Ok(Sent::Refused { reason }) => (Settlement::Refused { reason }, "refused", Ok(Step::Settled)),
            Ok(Sent::Unknown { reason }) => {
                (Settlement::Uncertain { reason }, "uncertain", Ok(Step::Settled))
            }
            Ok(Sent::Postponed { reason, daily }) => {
                let step = if daily { Step::UsedUp } else { Step::Left };
                (Settlement::Refused { reason: format!("{POSTPONED}: {reason}") }, "postponed", Ok(step))
            }
            // It cannot even be written down as a request.
            Err(error) if error.class() == Class::Permanent => {
                let reason = error.error_type().to_owned();
                (Settlement::Refused { reason }, "refused", Ok(Step::Settled))
            }
            // Surely not sent, by no fault of the message's.
            Err(error) => {
                let reason = format!("{POSTPONED}: {}", error.error_type());
                (Settlement::Refused { reason }, "postponed", Err(error))
            }
        };
        if outcome == "uncertain" {
            tracing::warn!(
                entry = entry.key,
                channel = message.channel.as_str(),
                "nobody knows whether it was sent"
            );
        }
        match self.ports.ledger().settle(&entry.key, entry.attempt, settlement).await {
            // The provider's event came first, or a person: they know better.
            Err(error) if is_conflict(&error) => tracing::info!(entry = entry.key, outcome, "settled before"),
            settled => drop(settled?),
        }
        let dimensions = [("Channel", message.channel.as_str()), ("Outcome", outcome)];
        invocation.metrics.count("Messages", 1, &dimensions);
        step
    }

    /// Remembers which message the provider's id of an SMS stands for, by which campaign-track finds it: not all events of
    /// AWS End User Messaging have the message's context. Those of SES have its tags.
    async fn remember(
        &self,
        message: &Outgoing,
        campaign: &Campaign,
        message_id: &str,
        invocation: &Invocation,
    ) {
        if message.channel != Channel::Sms {
            return;
        }
        let origin = Origin { entry: message.entry.clone(), campaign: campaign.id.clone() };
        // It is sent, whether or not its news will be understood.
        if let Err(error) = self.ports.store().remember(message_id, &origin, self.clock.now()).await {
            tracing::warn!(
                entry = message.entry,
                error_type = error.qualified_type(),
                %error,
                "the provider's id is not remembered, so that its news of the message may be lost"
            );
            invocation.metrics.count("OriginsLost", 1, &[]);
        }
    }

    async fn hand_to_provider(&self, message: &Outgoing, campaign: &Campaign) -> Result<Sent, Error> {
        let tags = vec![
            (tags::ENTRY.to_owned(), message.entry.clone()),
            (tags::CAMPAIGN.to_owned(), campaign.id.clone()),
        ];
        match message.channel {
            Channel::Email => {
                let Some(settings) = &self.settings.email else { return Ok(off("SENDER_EMAIL")) };
                let topic = campaign.settings.topic.clone().or_else(|| settings.topic.clone());
                let list = settings.contact_list.clone();
                let mail = Mail {
                    from: settings.from.clone(),
                    to: message.to.clone(),
                    subject: message.subject.clone().unwrap_or_default(),
                    text: message.text.clone(),
                    html: message.html.clone(),
                    reply_to: settings.reply_to.clone(),
                    configuration_set: settings.configuration_set.clone(),
                    list: list.map(|contact_list| ListManagement { contact_list, topic }),
                    headers: Vec::new(),
                    tags,
                };
                self.ports.email().send(&mail).await
            }
            Channel::Sms => {
                let Some(settings) = &self.settings.sms else { return Ok(off("SMS_ORIGINATION")) };
                let text = TextMessage {
                    to: message.to.clone(),
                    body: message.text.clone().unwrap_or_default(),
                    origination_identity: settings.origination.clone(),
                    configuration_set: settings.configuration_set.clone(),
                    message_type: settings.message_type,
                    max_price: settings.max_price.clone(),
                    time_to_live_seconds: Some(settings.time_to_live_seconds),
                    context: tags,
                    protect_configuration: settings.protect_configuration.clone(),
                };
                self.ports.sms().send(&text).await
            }
        }
    }
}

fn off(variable: &str) -> Sent {
    Sent::Refused { reason: format!("the channel is off: `{variable}` is not set") }
}

fn is_conflict(error: &Error) -> bool {
    error.error_type() == "SettlementConflict"
}

fn is_postponed(entry: &Entry) -> bool {
    let reason = entry.reason.as_deref().unwrap_or_default();
    entry.state == State::Refused && reason.starts_with(POSTPONED)
}
