use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_types::SdkConfig;
use eventide_kit::error::{Class, Error};

use super::{Event, EventBus};
use crate::errors::failed;

const OPERATION: &str = "events:PutEvents";

/// [`EventBus`] through the AWS SDK.
#[derive(Clone, Debug)]
pub struct SdkEventBus {
    client: Client,
    bus: String,
}

impl SdkEventBus {
    /// The bus of that name or ARN.
    pub fn new(config: &SdkConfig, bus: impl Into<String>) -> Self {
        Self { client: Client::new(config), bus: bus.into() }
    }
}

impl EventBus for SdkEventBus {
    async fn send(&self, event: &Event) -> Result<(), Error> {
        let detail = event.checked()?;
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(&event.source)
            .detail_type(&event.detail_type)
            .detail(detail)
            .set_resources(Some(event.resources.clone()))
            .build();
        let request = self.client.put_events().entries(entry);
        let output = request.send().await.map_err(|error| failed(OPERATION, &error))?;
        // The answer is 200 whatever became of the entries.
        let entry = output.entries.unwrap_or_default().into_iter().next();
        match entry.as_ref().map(|entry| (&entry.event_id, entry.error_code.as_deref())) {
            Some((Some(_), None)) if output.failed_entry_count == 0 => Ok(()),
            Some((_, Some(code))) => Err(refused(code)),
            _ => Err(Error::retryable("IncompleteAnswer", format!("`{OPERATION}` did not say what it sent"))),
        }
    }
}

/// What an entry's error code means (EventBridge API reference, `PutEventsResultEntry`). The message is left out: it
/// may quote the event.
fn refused(code: &str) -> Error {
    let short = code.strip_suffix("Exception").unwrap_or(code);
    let (class, error_type) = if code.contains("Throttl") {
        (Class::Retryable, "Throttled")
    } else if code.starts_with("Internal") {
        (Class::Retryable, "ServerError")
    } else if ["AccessDenied", "NotAuthorized", "ResourceNotFound", "InvalidState", "InvalidAccountId"]
        .iter()
        .any(|start| code.starts_with(start))
        || code.to_ascii_lowercase().starts_with("kms")
    {
        (Class::Environment, short)
    } else {
        (Class::Permanent, short)
    };
    Error::new(class, error_type.to_owned(), format!("`{OPERATION}` refused the event with `{code}`"))
}
