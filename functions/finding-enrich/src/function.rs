//! The function as it is deployed: its ports are AWS.

use eventide_clients::detective::SdkDetective;
use eventide_clients::iam::{Account, SdkIam};
use eventide_clients::security_hub::SdkSecurityHub;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::continuation::DynamoDbContinuations;
use eventide_kit::ledger::DynamoDbLedger;
use eventide_kit::sqs::{SqsBatchResponse, SqsEvent};
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use eventide_types::partition::of_region;

use crate::batch::{FindingEnrich, Ports};
use crate::config::Config;

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    detective: SdkDetective,
    hub: SdkSecurityHub,
    iam: SdkIam,
    queue: SqsQueue,
    dead_letters: SqsDeadLetters<SqsQueue>,
    ledger: DynamoDbLedger,
    chains: DynamoDbContinuations,
}

impl Ports for Aws {
    type Detective = SdkDetective;
    type Hub = SdkSecurityHub;
    type Iam = SdkIam;
    type Queue = SqsQueue;
    type DeadLetters = SqsDeadLetters<SqsQueue>;
    type Ledger = DynamoDbLedger;
    type Chains = DynamoDbContinuations;

    fn detective(&self) -> &Self::Detective {
        &self.detective
    }

    fn hub(&self) -> &Self::Hub {
        &self.hub
    }

    fn iam(&self) -> &Self::Iam {
        &self.iam
    }

    fn queue(&self) -> &Self::Queue {
        &self.queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }

    fn ledger(&self) -> &Self::Ledger {
        &self.ledger
    }

    fn chains(&self) -> &Self::Chains {
        &self.chains
    }
}

/// finding-enrich on AWS.
#[derive(Debug)]
pub struct Deployed(Early<FindingEnrich<Aws>>);

impl Function for Deployed {
    type Config = Config;
    type Event = SqsEvent;
    type Response = SqsBatchResponse;
    const NAMESPACE: &'static str = "Eventide/FindingEnrichment";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let given = kit.clone();
        Ok(Self(kit.early(move || on_aws(config, &given))))
    }

    async fn handle(&self, event: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        self.0.get()?.enrich(event, invocation).await
    }

    fn correlation_id(_payload: &[u8]) -> Option<String> {
        // A batch has no id of its own; each record's log lines carry the run they belong to.
        None
    }
}

fn on_aws(config: Config, kit: &Kit) -> FindingEnrich<Aws> {
    let sdk = kit.sdk_config();
    let region = sdk.region().map_or("", |region| region.as_ref());
    let own = Account { partition: of_region(region).to_owned(), id: config.account_id };
    let dynamodb = aws_sdk_dynamodb::Client::new(sdk);
    let work = SqsQueue::new(sdk, config.work_queue_url);
    let ports = Aws {
        detective: SdkDetective::new(sdk, kit.clock()),
        hub: SdkSecurityHub::new(sdk),
        iam: SdkIam::new(sdk, own, config.member_role_name, kit.clock()),
        dead_letters: SqsDeadLetters::new(
            work.with_url(config.failed_queue_url),
            kit.function_name().as_ref(),
        ),
        queue: work,
        ledger: DynamoDbLedger::new(dynamodb.clone(), &config.ledger_table, kit.clock()),
        chains: DynamoDbContinuations::new(dynamodb, &config.ledger_table, kit.clock()),
    };
    FindingEnrich::new(ports, config.settings, kit.clock())
}
