use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use aws_types::SdkConfig;
use eventide_kit::error::{Class, Error};

use super::chunk::{chunks, size};
use super::{Outgoing, Queue};
use crate::errors::{self, failed};

const OPERATION: &str = "sqs:SendMessageBatch";

/// [`Queue`] through the AWS SDK.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue with this URL.
    pub fn new(config: &SdkConfig, url: impl Into<String>) -> Self {
        Self { client: Client::new(config), url: url.into() }
    }

    /// Another queue, through the same client.
    #[must_use]
    pub fn with_url(&self, url: impl Into<String>) -> Self {
        Self { client: self.client.clone(), url: url.into() }
    }

    async fn send_together(&self, messages: &[(usize, Outgoing)]) -> Result<SendMessageBatchOutput, Error> {
        let mut entries = Vec::with_capacity(messages.len());
        for (index, message) in messages {
            entries.push(entry(*index, message).map_err(|error| errors::request(OPERATION, error))?);
        }
        let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        request.send().await.map_err(|error| {
            let about_queue = error.code().is_some_and(is_about_the_queue);
            let error = failed(OPERATION, &error);
            if about_queue { errors::environment(error) } else { error }
        })
    }
}

/// Whether a code says that the queue is not usable, whatever the message. SQS has two names for each
/// (Amazon SQS API reference, `SendMessageBatch`, and its query-compatible codes).
fn is_about_the_queue(code: &str) -> bool {
    let short = code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code);
    matches!(
        short,
        "NonExistentQueue"
            | "QueueDoesNotExist"
            | "InvalidAddress"
            | "InvalidSecurity"
            | "UnsupportedOperation"
    ) || (short.starts_with("Kms") || short.starts_with("KMS.")) && !short.contains("Throttl")
}

fn entry(
    index: usize,
    message: &Outgoing,
) -> Result<SendMessageBatchRequestEntry, aws_sdk_sqs::error::BuildError> {
    let mut entry = SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(&message.body)
        .delay_seconds(message.delay_seconds.into());
    for (name, value) in message.attributes.iter().filter(|(_, value)| !value.is_empty()) {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value).build()?;
        entry = entry.message_attributes(name, value);
    }
    entry.build()
}

/// Adds what SQS says of each message of a call.
fn sort_out(output: SendMessageBatchOutput, results: &mut BTreeMap<String, Result<String, Error>>) {
    for sent in output.successful {
        results.insert(sent.id, Ok(sent.message_id));
    }
    for failed in output.failed {
        let message = format!("`{OPERATION}` did not take the message: `{}`", failed.code);
        let class = if failed.sender_fault { Class::Permanent } else { Class::Retryable };
        results.insert(failed.id, Err(Error::new(class, failed.code, message)));
    }
}

impl Queue for SqsQueue {
    async fn send(&self, messages: Vec<Outgoing>) -> Result<Vec<Result<String, Error>>, Error> {
        let count = messages.len();
        let mut results = BTreeMap::new();
        let mut sendable = Vec::with_capacity(count);
        for (index, message) in messages.into_iter().enumerate() {
            match message.check() {
                Ok(()) => sendable.push((size(&message), (index, message))),
                Err(error) => {
                    results.insert(index.to_string(), Err(error));
                }
            }
        }
        let mut stopped: Option<Error> = None;
        for (call, messages) in chunks(sendable).into_iter().enumerate() {
            let answer = match &stopped {
                Some(error) => Err(errors::again(error)),
                None => self.send_together(&messages).await,
            };
            match answer {
                Ok(output) => sort_out(output, &mut results),
                Err(error) if call == 0 => return Err(error),
                Err(error) => {
                    for (index, _) in &messages {
                        results.insert(index.to_string(), Err(errors::again(&error)));
                    }
                    stopped = (error.class() == Class::Environment).then_some(error);
                }
            }
        }
        let unanswered = || Error::retryable("IncompleteAnswer", format!("`{OPERATION}` answered in part"));
        let result = |index: usize| results.remove(&index.to_string()).unwrap_or_else(|| Err(unanswered()));
        Ok((0..count).map(result).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_about_the_queue_are_told_from_those_about_messages() {
        for (code, expected) in [
            ("AWS.SimpleQueueService.NonExistentQueue", true),
            ("QueueDoesNotExist", true),
            ("KMS.DisabledException", true),
            ("KmsInvalidState", true),
            ("KMS.ThrottlingException", false),
            ("KmsThrottled", false),
            ("AWS.SimpleQueueService.BatchRequestTooLong", false),
            ("InvalidMessageContents", false),
        ] {
            assert_eq!(is_about_the_queue(code), expected, "{code}");
        }
    }
}
