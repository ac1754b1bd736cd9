//! The function as it is deployed: its ports are AWS.

use eventide_clients::connect::SdkConnect;
use eventide_clients::links::DynamoDbLinks;
use eventide_clients::secrets::SdkSecrets;
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use eventide_links::http::{Answer, Event};

use crate::config::Config;
use crate::redeem::{LinkRedeem, Ports};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    links: DynamoDbLinks,
    secrets: SdkSecrets,
    connect: SdkConnect,
}

impl Ports for Aws {
    type Links = DynamoDbLinks;
    type Limits = DynamoDbLinks;
    type Secrets = SdkSecrets;
    type Connect = SdkConnect;

    fn links(&self) -> &Self::Links {
        &self.links
    }

    fn limits(&self) -> &Self::Limits {
        &self.links
    }

    fn secrets(&self) -> &Self::Secrets {
        &self.secrets
    }

    fn connect(&self) -> &Self::Connect {
        &self.connect
    }
}

/// link-redeem on AWS.
#[derive(Debug)]
pub struct Deployed(Early<LinkRedeem<Aws>>);

impl Function for Deployed {
    type Config = Config;
    type Event = Event;
    type Response = Answer;
    const NAMESPACE: &'static str = "Eventide/VoiceToChat";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let given = kit.clone();
        Ok(Self(kit.early(move || on_aws(config, &given))))
    }

    async fn handle(&self, event: Event, invocation: &Invocation) -> Result<Answer, Error> {
        Ok(self.0.get()?.answer(&event, invocation).await)
    }
}

fn on_aws(config: Config, kit: &Kit) -> LinkRedeem<Aws> {
    let sdk = kit.sdk_config();
    let ports = Aws {
        links: DynamoDbLinks::new(sdk, &config.link_table),
        secrets: SdkSecrets::new(sdk, kit.clock()),
        connect: SdkConnect::new(sdk, &config.instance_id),
    };
    LinkRedeem::new(ports, config.settings, kit.clock())
}
