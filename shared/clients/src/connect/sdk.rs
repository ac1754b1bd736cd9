use std::collections::{BTreeMap, HashMap};

use aws_sdk_connect::Client;
use aws_sdk_connect::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_connect::types::{ChatMessage, Contact, ParticipantDetails};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::SdkConfig;
use eventide_kit::error::Error;

use super::{Chat, Connect, NewCall, NewChat, Standing};
use crate::errors::{self, environment, failed};

/// The contact has ended, or there is none (API reference, StopContact).
const CONTACT_NOT_FOUND: &str = "ContactNotFoundException";

/// [`Connect`] through the AWS SDK. What starts a contact carries a client token, so that the SDK may repeat
/// it.
#[derive(Clone, Debug)]
pub struct SdkConnect {
    client: Client,
    instance_id: String,
}

impl SdkConnect {
    /// The instance of that id, in the Region of `config`.
    pub fn new(config: &SdkConfig, instance_id: impl Into<String>) -> Self {
        Self { client: Client::new(config), instance_id: instance_id.into() }
    }
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// What is configured and not there is no fault of the contact; a number that may not be called is, though
/// Connect answers with the status of a missing permission.
fn sorted<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E, HttpResponse>) -> Error {
    let failed = failed(operation, error);
    match code(error) {
        Some("ResourceNotFoundException") => environment(failed),
        Some("DestinationNotAllowedException" | "OutboundContactNotPermittedException") => {
            Error::permanent(failed.error_type().to_owned(), failed.to_string())
        }
        _ => failed,
    }
}

fn incomplete(operation: &str) -> Error {
    Error::retryable("IncompleteAnswer", format!("`{operation}` did not answer in full"))
}

fn attributes(attributes: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!attributes.is_empty()).then(|| attributes.clone().into_iter().collect())
}

fn standing(contact: &Contact) -> Standing {
    if contact.disconnect_timestamp.is_some() {
        Standing::Ended
    } else if contact.agent_info.is_some() {
        // The agent who accepted the contact; there is none before.
        Standing::WithAgent
    } else {
        Standing::Waiting
    }
}

impl Connect for SdkConnect {
    async fn start_chat(&self, chat: &NewChat) -> Result<Chat, Error> {
        const OPERATION: &str = "connect:StartChatContact";
        chat.check()?;
        let unbuildable = |error| errors::request(OPERATION, error);
        let customer = ParticipantDetails::builder().display_name(&chat.display_name).build();
        let message = chat.initial_message.as_ref().map(|message| {
            ChatMessage::builder().content_type("text/plain").content(message).build().map_err(unbuildable)
        });
        let duration = i32::try_from(chat.duration_minutes).unwrap_or(i32::MAX);
        let request = self
            .client
            .start_chat_contact()
            .instance_id(&self.instance_id)
            .contact_flow_id(&chat.flow_id)
            .participant_details(customer.map_err(unbuildable)?)
            .set_attributes(attributes(&chat.attributes))
            .set_initial_message(message.transpose()?)
            .chat_duration_in_minutes(duration)
            .set_related_contact_id(chat.related_contact_id.clone())
            .client_token(&chat.client_token);
        let started = request.send().await.map_err(|error| sorted(OPERATION, &error))?;
        match (started.contact_id, started.participant_id, started.participant_token) {
            (Some(contact_id), Some(participant_id), Some(participant_token)) => {
                Ok(Chat { contact_id, participant_id, participant_token })
            }
            _ => Err(incomplete(OPERATION)),
        }
    }

    async fn start_call(&self, call: &NewCall) -> Result<String, Error> {
        const OPERATION: &str = "connect:StartOutboundVoiceContact";
        let request = self
            .client
            .start_outbound_voice_contact()
            .instance_id(&self.instance_id)
            .contact_flow_id(&call.flow_id)
            .destination_phone_number(&call.to)
            .set_source_phone_number(call.from.clone())
            .set_queue_id(call.queue_id.clone())
            .set_attributes(attributes(&call.attributes))
            .set_related_contact_id(call.related_contact_id.clone())
            .client_token(&call.client_token);
        let started = request.send().await.map_err(|error| sorted(OPERATION, &error))?;
        started.contact_id.ok_or_else(|| incomplete(OPERATION))
    }

    async fn standing(&self, contact_id: &str) -> Result<Standing, Error> {
        const OPERATION: &str = "connect:DescribeContact";
        let request = self.client.describe_contact().instance_id(&self.instance_id).contact_id(contact_id);
        match request.send().await {
            Ok(output) => output.contact.as_ref().map(standing).ok_or_else(|| incomplete(OPERATION)),
            Err(error) if matches!(code(&error), Some("ResourceNotFoundException" | CONTACT_NOT_FOUND)) => {
                Ok(Standing::Ended)
            }
            Err(error) => Err(sorted(OPERATION, &error)),
        }
    }

    async fn stop(&self, contact_id: &str) -> Result<(), Error> {
        let request = self.client.stop_contact().instance_id(&self.instance_id).contact_id(contact_id);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some(CONTACT_NOT_FOUND) => Ok(()),
            Err(error) => Err(sorted("connect:StopContact", &error)),
        }
    }
}
