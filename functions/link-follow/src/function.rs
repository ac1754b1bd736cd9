//! The function as it is deployed: its ports are AWS.

use eventide_clients::connect::SdkConnect;
use eventide_clients::links::DynamoDbLinks;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::sqs::{SqsBatchResponse, SqsEvent};
use eventide_kit::{Early, Error, Function, Invocation, Kit};

use crate::config::Config;
use crate::follow::{LinkFollow, Ports};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    links: DynamoDbLinks,
    connect: SdkConnect,
    dead_letters: SqsDeadLetters<SqsQueue>,
}

impl Ports for Aws {
    type Links = DynamoDbLinks;
    type Connect = SdkConnect;
    type DeadLetters = SqsDeadLetters<SqsQueue>;

    fn links(&self) -> &Self::Links {
        &self.links
    }

    fn connect(&self) -> &Self::Connect {
        &self.connect
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

/// link-follow on AWS.
#[derive(Debug)]
pub struct Deployed(Early<LinkFollow<Aws>>);

impl Function for Deployed {
    type Config = Config;
    type Event = SqsEvent;
    type Response = SqsBatchResponse;
    const NAMESPACE: &'static str = "Eventide/VoiceToChat";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let given = kit.clone();
        Ok(Self(kit.early(move || on_aws(config, &given))))
    }

    async fn handle(&self, event: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        self.0.get()?.answer(event, invocation).await
    }
}

fn on_aws(config: Config, kit: &Kit) -> LinkFollow<Aws> {
    let sdk = kit.sdk_config();
    let failed = SqsQueue::new(sdk, config.failed_queue_url);
    let ports = Aws {
        links: DynamoDbLinks::new(sdk, &config.link_table),
        connect: SdkConnect::new(sdk, &config.settings.instance_id),
        dead_letters: SqsDeadLetters::new(failed, kit.function_name().as_ref()),
    };
    LinkFollow::new(ports, config.settings)
}
