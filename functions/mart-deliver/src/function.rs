//! The function as it is deployed: its ports are AWS.

use eventide_clients::event_bus::SdkEventBus;
use eventide_clients::marts::{DynamoDbMarts, DynamoDbUsages};
use eventide_clients::redshift_data::SdkRedshiftData;
use eventide_clients::s3::SdkBucket;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use serde_json::value::RawValue;

use crate::config::Config;
use crate::deliver::{MartDeliver, Ports, Response};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    marts: DynamoDbMarts,
    usages: DynamoDbUsages,
    redshift: SdkRedshiftData,
    bucket: SdkBucket,
    event_bus: SdkEventBus,
    deliver_queue: SqsQueue,
    query_queue: SqsQueue,
    dead_letters: SqsDeadLetters<SqsQueue>,
}

impl Ports for Aws {
    type Requests = DynamoDbMarts;
    type Usages = DynamoDbUsages;
    type Redshift = SdkRedshiftData;
    type Bucket = SdkBucket;
    type EventBus = SdkEventBus;
    type Queue = SqsQueue;
    type DeadLetters = SqsDeadLetters<SqsQueue>;

    fn requests(&self) -> &Self::Requests {
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

    fn deliver_queue(&self) -> &Self::Queue {
        &self.deliver_queue
    }

    fn query_queue(&self) -> &Self::Queue {
        &self.query_queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

/// mart-deliver on AWS.
#[derive(Debug)]
pub struct Deployed(Early<MartDeliver<Aws>>);

impl Function for Deployed {
    type Config = Config;
    type Event = Box<RawValue>;
    type Response = Response;
    const NAMESPACE: &'static str = "Eventide/DataMarts";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let given = kit.clone();
        Ok(Self(kit.early(move || on_aws(config, &given))))
    }

    async fn handle(&self, event: Box<RawValue>, invocation: &Invocation) -> Result<Response, Error> {
        self.0.get()?.answer(&event, invocation).await
    }
}

fn on_aws(config: Config, kit: &Kit) -> MartDeliver<Aws> {
    let sdk = kit.sdk_config();
    let queue = SqsQueue::new(sdk, config.deliver_queue_url);
    let ports = Aws {
        marts: DynamoDbMarts::new(sdk, &config.ledger_table),
        usages: DynamoDbUsages::new(sdk, &config.usage_table),
        redshift: SdkRedshiftData::new(sdk),
        bucket: SdkBucket::new(sdk, &config.result_bucket),
        event_bus: SdkEventBus::new(sdk, &config.event_bus),
        query_queue: queue.with_url(config.query_queue_url),
        dead_letters: SqsDeadLetters::new(
            queue.with_url(config.failed_queue_url),
            kit.function_name().as_ref(),
        ),
        deliver_queue: queue,
    };
    MartDeliver::new(ports, config.settings, kit.clock())
}
