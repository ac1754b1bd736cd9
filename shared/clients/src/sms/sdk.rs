use aws_sdk_pinpointsmsvoicev2::Client;
use aws_sdk_pinpointsmsvoicev2::config::Config;
use aws_sdk_pinpointsmsvoicev2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_pinpointsmsvoicev2::operation::send_text_message::SendTextMessageError;
use aws_sdk_pinpointsmsvoicev2::types::MessageType as SdkMessageType;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use eventide_kit::error::{Class, Error};

use super::{MessageType, OPTED_OUT, PRICE_OVER_CAP, Sent, Sms, TextMessage};
use crate::sending;

const OPERATION: &str = "sms-voice:SendTextMessage";

/// [`Sms`] through the AWS SDK.
#[derive(Clone, Debug)]
pub struct SdkSms {
    client: Client,
}

impl SdkSms {
    /// In the Region of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

/// AWS's `Reason` for a refusal.
fn reason(error: &SendTextMessageError) -> Option<&str> {
    match error {
        SendTextMessageError::ConflictException(conflict) => {
            conflict.reason.as_ref().map(|reason| reason.as_str())
        }
        SendTextMessageError::ServiceQuotaExceededException(quota) => {
            quota.reason.as_ref().map(|reason| reason.as_str())
        }
        SendTextMessageError::ValidationException(invalid) => {
            invalid.reason.as_ref().map(|reason| reason.as_str())
        }
        _ => None,
    }
}

/// Reasons that are about what is configured: any other message would meet them too. What depends on the destination,
/// such as a country that the sender cannot reach, is the message's own.
const CONFIGURED: [&str; 9] = [
    "CHANNEL_NOT_ENABLED",
    "INVALID_ARN",
    "MESSAGE_TYPE_MISMATCH",
    "NUMBER_CAPABILITIES_MISMATCH",
    "PROTECT_CONFIGURATION_IS_ACCOUNT_DEFAULT",
    "PROTECT_CONFIGURATION_NOT_ASSOCIATED_WITH_CONFIGURATION_SET",
    "REGISTRATION_NOT_COMPLETE",
    "RESOURCE_NOT_ACCESSIBLE",
    "RESOURCE_NOT_ACTIVE",
];

fn refused(error: &SdkError<SendTextMessageError, HttpResponse>) -> Result<Sent, Error> {
    let failed = match sending::outcome(OPERATION, error) {
        Ok(sent) => return Ok(sent),
        Err(failed) => failed,
    };
    let Some(service) = error.as_service_error() else { return Err(failed) };
    let code = service.code().unwrap_or_default();
    match (code, reason(service)) {
        ("ConflictException", Some("DESTINATION_PHONE_NUMBER_OPTED_OUT")) => {
            Ok(Sent::Refused { reason: OPTED_OUT.to_owned() })
        }
        ("ValidationException", Some("PRICE_OVER_THRESHOLD")) => {
            Ok(Sent::Refused { reason: PRICE_OVER_CAP.to_owned() })
        }
        // What is spent in a month or sent in a day.
        ("ServiceQuotaExceededException", reason) => {
            Ok(Sent::Postponed { reason: reason.unwrap_or(code).to_owned(), daily: true })
        }
        ("ResourceNotFoundException", _) => Err(Error::environment("ResourceNotFound", failed.to_string())),
        (_, Some(reason)) if CONFIGURED.contains(&reason) => {
            Err(Error::environment("NotConfigured", format!("{failed}, `{reason}`")))
        }
        (_, reason) if failed.class() == Class::Permanent => {
            Ok(Sent::Refused { reason: reason.unwrap_or(code).to_owned() })
        }
        _ => Err(failed),
    }
}

impl Sms for SdkSms {
    async fn send(&self, message: &TextMessage) -> Result<Sent, Error> {
        let message_type = match message.message_type {
            MessageType::Promotional => SdkMessageType::Promotional,
            MessageType::Transactional => SdkMessageType::Transactional,
        };
        let context = (!message.context.is_empty()).then(|| message.context.iter().cloned().collect());
        // The service model's maximum is below `i32`'s; what does not fit is refused as what is too large.
        let seconds = |seconds: u32| i32::try_from(seconds).unwrap_or(i32::MAX);
        let request = self
            .client
            .send_text_message()
            .destination_phone_number(&message.to)
            .origination_identity(&message.origination_identity)
            .message_body(&message.body)
            .message_type(message_type)
            .set_configuration_set_name(message.configuration_set.clone())
            .set_max_price(message.max_price.clone())
            .set_time_to_live(message.time_to_live_seconds.map(seconds))
            .set_context(context)
            .set_protect_configuration_id(message.protect_configuration.clone());
        // There is no client token: a second attempt is a second message.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        match request.customize().config_override(once).send().await {
            Ok(output) => Ok(match output.message_id.filter(|id| !id.is_empty()) {
                Some(message_id) => Sent::Accepted { message_id },
                None => Sent::unknown("unreadable_answer"),
            }),
            Err(error) => refused(&error),
        }
    }
}
