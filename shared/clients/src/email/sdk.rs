use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::Config;
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{
    Body, Content, Destination, EmailContent, ListManagementOptions, Message, MessageHeader, MessageTag,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use eventide_kit::error::{Class, Error};

use super::{Email, ListManagement, Mail, Quota, Sent};
use crate::errors::{self, environment, failed};
use crate::sending;

/// [`Email`] through the AWS SDK.
#[derive(Clone, Debug)]
pub struct SdkEmail {
    client: Client,
}

impl SdkEmail {
    /// In the Region of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

fn content(text: &str) -> Result<Content, BuildError> {
    Content::builder().data(text).charset("UTF-8").build()
}

fn message(mail: &Mail) -> Result<EmailContent, BuildError> {
    let text = mail.text.as_deref().map(content).transpose()?;
    let html = mail.html.as_deref().map(content).transpose()?;
    let mut message = Message::builder()
        .subject(content(&mail.subject)?)
        .body(Body::builder().set_text(text).set_html(html).build());
    for (name, value) in &mail.headers {
        message = message.headers(MessageHeader::builder().name(name).value(value).build()?);
    }
    Ok(EmailContent::builder().simple(message.build()).build())
}

fn tags(mail: &Mail) -> Result<Option<Vec<MessageTag>>, BuildError> {
    let tag = |(name, value): &(String, String)| MessageTag::builder().name(name).value(value).build();
    let tags = mail.tags.iter().map(tag).collect::<Result<Vec<_>, _>>()?;
    Ok((!tags.is_empty()).then_some(tags))
}

fn list(list: &ListManagement) -> Result<ListManagementOptions, BuildError> {
    let options = ListManagementOptions::builder().contact_list_name(&list.contact_list);
    options.set_topic_name(list.topic.clone()).build()
}

/// Codes that are about the account or what is configured in it: any other message would meet them too.
const ACCOUNT: [&str; 4] = [
    "AccountSuspendedException",
    "MailFromDomainNotVerifiedException",
    // The configuration set, or the contact list.
    "NotFoundException",
    "SendingPausedException",
];

/// Whether a rejection is about the sender: `Email address is not verified. The following identities failed the check in
/// region …: …` names all those, in the sandbox recipients too.
fn is_about_sender(said: &str, from: &str) -> bool {
    let address = from.rsplit_once('<').map_or(from, |(_, address)| address.trim_end_matches('>')).trim();
    !address.is_empty() && said.contains("not verified") && said.contains(address)
}

fn refused(
    operation: &str,
    error: &SdkError<SendEmailError, HttpResponse>,
    from: &str,
) -> Result<Sent, Error> {
    let failed = match sending::outcome(operation, error) {
        Ok(sent) => return Ok(sent),
        Err(failed) => failed,
    };
    let service = error.as_service_error();
    let said = service.and_then(ProvideErrorMetadata::message).unwrap_or_default();
    match service.and_then(ProvideErrorMetadata::code) {
        Some(code) if ACCOUNT.contains(&code) => Err(environment(failed)),
        Some("MessageRejected") if is_about_sender(said, from) => {
            Err(Error::environment("SenderNotVerified", failed.to_string()))
        }
        Some(code) if failed.class() == Class::Permanent => Ok(Sent::Refused { reason: code.to_owned() }),
        _ => Err(failed),
    }
}

impl Email for SdkEmail {
    async fn quota(&self) -> Result<Quota, Error> {
        const OPERATION: &str = "ses:GetAccount";
        let account = self.client.get_account().send().await.map_err(|error| failed(OPERATION, &error))?;
        let quota = account.send_quota.ok_or_else(|| {
            Error::retryable("IncompleteAnswer", format!("`{OPERATION}` did not answer in full"))
        })?;
        Ok(Quota {
            max_per_second: quota.max_send_rate,
            max_24_hours: quota.max24_hour_send,
            sent_24_hours: quota.sent_last24_hours,
            sending_enabled: account.sending_enabled,
        })
    }

    async fn send(&self, mail: &Mail) -> Result<Sent, Error> {
        const OPERATION: &str = "ses:SendEmail";
        let unbuildable = |error| errors::request(OPERATION, error);
        let request = self
            .client
            .send_email()
            .from_email_address(&mail.from)
            .destination(Destination::builder().to_addresses(&mail.to).build())
            .set_reply_to_addresses(mail.reply_to.clone().map(|address| vec![address]))
            .content(message(mail).map_err(unbuildable)?)
            .set_email_tags(tags(mail).map_err(unbuildable)?)
            .set_configuration_set_name(mail.configuration_set.clone())
            .set_list_management_options(mail.list.as_ref().map(list).transpose().map_err(unbuildable)?);
        // SES knows no client token: a second attempt is a second email.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        match request.customize().config_override(once).send().await {
            Ok(output) => Ok(match output.message_id.filter(|id| !id.is_empty()) {
                Some(message_id) => Sent::Accepted { message_id },
                None => Sent::unknown("unreadable_answer"),
            }),
            Err(error) => refused(OPERATION, &error, &mail.from),
        }
    }
}
