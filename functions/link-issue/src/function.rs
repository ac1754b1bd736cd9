//! The function as it is deployed: its ports are AWS.

use eventide_clients::email::SdkEmail;
use eventide_clients::links::DynamoDbLinks;
use eventide_clients::secrets::SdkSecrets;
use eventide_clients::sms::SdkSms;
use eventide_kit::idempotency::DynamoDbStore;
use eventide_kit::ledger::DynamoDbLedger;
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use eventide_types::link::flow::FlowEvent;
use serde::Deserialize;

use crate::answer::Answer;
use crate::config::Config;
use crate::issue::{LinkIssue, Ports};
use crate::request::is_contact_id;

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    links: DynamoDbLinks,
    ledger: DynamoDbLedger,
    secrets: SdkSecrets,
    email: SdkEmail,
    sms: SdkSms,
}

impl Ports for Aws {
    type Links = DynamoDbLinks;
    type Answers = DynamoDbStore;
    type Ledger = DynamoDbLedger;
    type Secrets = SdkSecrets;
    type Email = SdkEmail;
    type Sms = SdkSms;

    fn links(&self) -> &Self::Links {
        &self.links
    }

    fn ledger(&self) -> &Self::Ledger {
        &self.ledger
    }

    fn secrets(&self) -> &Self::Secrets {
        &self.secrets
    }

    fn email(&self) -> &Self::Email {
        &self.email
    }

    fn sms(&self) -> &Self::Sms {
        &self.sms
    }
}

/// link-issue on AWS.
#[derive(Debug)]
pub struct Deployed(Early<LinkIssue<Aws>>);

impl Function for Deployed {
    type Config = Config;
    type Event = FlowEvent;
    type Response = Answer;
    const NAMESPACE: &'static str = "Eventide/VoiceToChat";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let given = kit.clone();
        Ok(Self(kit.early(move || on_aws(config, &given))))
    }

    async fn handle(&self, event: FlowEvent, invocation: &Invocation) -> Result<Answer, Error> {
        self.0.get()?.answer(&event, invocation).await
    }

    /// The contact's id: what Connect's own records know the call by.
    fn correlation_id(payload: &[u8]) -> Option<String> {
        contact_id(payload)
    }
}

fn contact_id(payload: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Event {
        details: Details,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Details {
        contact_data: Contact,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Contact {
        contact_id: String,
    }

    let event: Event = serde_json::from_slice(payload).ok()?;
    Some(event.details.contact_data.contact_id).filter(|id| is_contact_id(id))
}

fn on_aws(config: Config, kit: &Kit) -> LinkIssue<Aws> {
    let (sdk, settings) = (kit.sdk_config(), config.settings);
    let table = aws_sdk_dynamodb::Client::new(sdk);
    let ledger = DynamoDbLedger::new(table.clone(), &config.link_table, kit.clock());
    let ports = Aws {
        links: DynamoDbLinks::new(sdk, &config.link_table).with_retention(settings.retention),
        ledger: ledger.with_retention(settings.kept_for()),
        secrets: SdkSecrets::new(sdk, kit.clock()),
        email: SdkEmail::new(sdk),
        sms: SdkSms::new(sdk),
    };
    let answers = DynamoDbStore::new(table, config.link_table);
    LinkIssue::new(ports, answers, kit.function_name().as_ref(), settings, kit.clock())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_tied_together_by_the_contact() {
        let with = |id: &str| {
            contact_id(format!(r#"{{"Details":{{"ContactData":{{"ContactId":"{id}"}}}}}}"#).as_bytes())
        };
        assert_eq!(with("4a573372-1f28").as_deref(), Some("4a573372-1f28"));
        assert_eq!(with("ana@example.com"), None);
        assert_eq!(contact_id(b"{}"), None);
        assert_eq!(contact_id(b"\xff"), None);
    }
}
