//! The function as it is deployed: its ports are AWS.

use eventide_clients::event_bus::SdkEventBus;
use eventide_clients::marts::{DynamoDbMarts, DynamoDbUsages};
use eventide_clients::redshift_data::SdkRedshiftData;
use eventide_clients::s3::SdkBucket;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::sqs::{SqsBatchResponse, SqsEvent};
use eventide_kit::{Early, Error, Function, Invocation, Kit};

use crate::config::Config;
use crate::deploy::{MartDeploy, Ports};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    marts: DynamoDbMarts,
    usages: DynamoDbUsages,
    redshift: SdkRedshiftData,
    bucket: SdkBucket,
    event_bus: SdkEventBus,
    queue: SqsQueue,
    dead_letters: SqsDeadLetters<SqsQueue>,
}

impl Ports for Aws {
    type Catalogue = DynamoDbMarts;
    type Usages = DynamoDbUsages;
    type Redshift = SdkRedshiftData;
    type Bucket = SdkBucket;
    type EventBus = SdkEventBus;
    type Queue = SqsQueue;
    type DeadLetters = SqsDeadLetters<SqsQueue>;

    fn catalogue(&self) -> &Self::Catalogue {
        &self.marts
    }

    fn usages(&self) -> &Self::Usages {
        &self.usages
    }

    fn redshift(&self) -> &Self::Redshift {
        &self.redshift
    }

    fn bucket(&self) -> &Self::Bucket {
        &self.bucket
    }

    fn event_bus(&self) -> &Self::EventBus {
        &self.event_bus
    }

    fn queue(&self) -> &Self::Queue {
        &self.queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

/// mart-deploy on AWS.
#[derive(Debug)]
pub struct Deployed(Early<MartDeploy<Aws>>);

impl Function for Deployed {
    type Config = Config;
    type Event = SqsEvent;
    type Response = SqsBatchResponse;
    const NAMESPACE: &'static str = "Eventide/DataMarts";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let given = kit.clone();
        Ok(Self(kit.early(move || on_aws(config, &given))))
    }

    async fn handle(&self, event: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        self.0.get()?.deploy(event, invocation).await
    }

    fn correlation_id(_payload: &[u8]) -> Option<String> {
        // A batch has no id of its own; each record's log lines carry that of the event or statement.
        None
    }
}

fn on_aws(config: Config, kit: &Kit) -> MartDeploy<Aws> {
    let sdk = kit.sdk_config();
    let queue = SqsQueue::new(sdk, config.deploy_queue_url);
    let ports = Aws {
        marts: DynamoDbMarts::new(sdk, &config.ledger_table),
        usages: DynamoDbUsages::new(sdk, &config.usage_table),
        redshift: SdkRedshiftData::new(sdk),
        bucket: SdkBucket::new(sdk, &config.mart_bucket),
        event_bus: SdkEventBus::new(sdk, &config.event_bus_name),
        dead_letters: SqsDeadLetters::new(
            queue.with_url(config.failed_queue_url),
            kit.function_name().as_ref(),
        ),
        queue,
    };
    MartDeploy::new(ports, config.settings, kit.clock())
}
