//! The story of a contact event: revoke the link of who has an agent, end the call of who has a chat.

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::connect::{Connect, Standing};
use eventide_clients::links::Links;
use eventide_kit::error::Class;
use eventide_kit::sqs::{
    DeadLetters, Options, Record as SqsRecord, SqsBatchResponse, SqsEvent, each, respond,
};
use eventide_kit::{Error, Invocation};
use eventide_types::printable;

use crate::config::{Settings, StopVoice};
use crate::event::{News, news};

/// Kept back for answering.
const RESERVE: Duration = Duration::from_secs(5);
/// Events that are worked on at a time.
const CONCURRENCY: usize = 10;
/// Characters of a contact's id in the logs.
const LOGGED_ID: usize = 64;

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// Links.
    type Links: Links;
    /// Amazon Connect.
    type Connect: Connect;
    /// The failed queue.
    type DeadLetters: DeadLetters;

    /// Links.
    fn links(&self) -> &Self::Links;
    /// Amazon Connect.
    fn connect(&self) -> &Self::Connect;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct LinkFollow<P> {
    ports: P,
    settings: Settings,
}

impl<P: Ports> LinkFollow<P> {
    /// The function with these ports.
    pub fn new(ports: P, settings: Settings) -> Self {
        Self { ports, settings }
    }

    /// Works through a batch of contact events.
    ///
    /// # Errors
    ///
    /// Only for the batch as a whole; each event's own failure is in the response.
    pub async fn answer(&self, batch: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        let max_receives = self.settings.max_receives;
        let options = Options { concurrency: CONCURRENCY, reserve: RESERVE, max_receives };
        let done = each(batch, &options, &invocation.deadline, |record| self.one(record, invocation)).await;
        respond(done, &options, self.ports.dead_letters()).await
    }

    async fn one(&self, record: Arc<SqsRecord>, invocation: &Invocation) -> Result<(), Error> {
        match (news(&record.body, &self.settings.instance_id)?, self.settings.stop_voice) {
            (Some(News::VoiceAnswered { contact_ids }), _) => {
                for contact_id in contact_ids {
                    self.revoke(&contact_id, invocation).await?;
                }
                Ok(())
            }
            (Some(News::ChatStarted { contact_id }), StopVoice::ChatStarted)
            | (Some(News::ChatAnswered { contact_id }), StopVoice::AgentJoined | StopVoice::ChatStarted) => {
                self.end_voice(&contact_id, invocation).await
            }
            _ => Ok(()),
        }
    }

    async fn revoke(&self, contact_id: &str, invocation: &Invocation) -> Result<(), Error> {
        if self.ports.links().revoke(contact_id).await? {
            invocation.metrics.count("LinksRevoked", 1, &[]);
            tracing::info!(contact = printable(contact_id, LOGGED_ID), "an agent answered: link revoked");
        }
        Ok(())
    }

    /// Ends the voice contact that a chat continues, unless an agent has it.
    async fn end_voice(&self, chat: &str, invocation: &Invocation) -> Result<(), Error> {
        let Some(voice) = self.ports.links().voice_of(chat).await? else { return Ok(()) };
        let connect = self.ports.connect();
        let outcome = match connect.standing(&voice).await? {
            Standing::Ended => "ended",
            Standing::WithAgent => "with_agent",
            Standing::Waiting => match connect.stop(&voice).await {
                Ok(()) => "stopped",
                // Of the requests that Connect does not accept only this one comes from the contact.
                Err(error) if error.class() == Class::Permanent => {
                    tracing::warn!(voice = printable(&voice, LOGGED_ID), %error, "not ended by Connect");
                    "not_stoppable"
                }
                Err(error) => return Err(error),
            },
        };
        invocation.metrics.count("VoiceContacts", 1, &[("Outcome", outcome)]);
        let (chat, voice) = (printable(chat, LOGGED_ID), printable(&voice, LOGGED_ID));
        tracing::info!(chat, voice, outcome, "a voice contact goes on as a chat");
        Ok(())
    }
}
