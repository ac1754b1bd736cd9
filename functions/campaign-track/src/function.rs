//! The function as it is deployed: its ports are AWS.

use eventide_clients::campaigns::DynamoDbCampaigns;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::ledger::DynamoDbLedger;
use eventide_kit::sqs::{SqsBatchResponse, SqsEvent};
use eventide_kit::{Early, Error, Function, Invocation, Kit};

use crate::config::Config;
use crate::track::{CampaignTrack, Ports};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    store: DynamoDbCampaigns,
    ledger: DynamoDbLedger,
    dead_letters: SqsDeadLetters<SqsQueue>,
}

impl Ports for Aws {
    type Store = DynamoDbCampaigns;
    type Ledger = DynamoDbLedger;
    type DeadLetters = SqsDeadLetters<SqsQueue>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn ledger(&self) -> &Self::Ledger {
        &self.ledger
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

/// campaign-track on AWS.
#[derive(Debug)]
pub struct Deployed(Early<CampaignTrack<Aws>>);

impl Function for Deployed {
    type Config = Config;
    type Event = SqsEvent;
    type Response = SqsBatchResponse;
    const NAMESPACE: &'static str = "Eventide/ComplianceScreening";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let given = kit.clone();
        Ok(Self(kit.early(move || on_aws(config, &given))))
    }

    async fn handle(&self, event: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        self.0.get()?.answer(event, invocation).await
    }
}

fn on_aws(config: Config, kit: &Kit) -> CampaignTrack<Aws> {
    let sdk = kit.sdk_config();
    let ledger = DynamoDbLedger::new(aws_sdk_dynamodb::Client::new(sdk), &config.ledger_table, kit.clock());
    let failed = SqsQueue::new(sdk, config.failed_queue_url);
    let ports = Aws {
        store: DynamoDbCampaigns::new(sdk, &config.ledger_table),
        ledger,
        dead_letters: SqsDeadLetters::new(failed, kit.function_name().as_ref()),
    };
    CampaignTrack::new(ports, config.settings, kit.clock())
}
