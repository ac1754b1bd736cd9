//! The function as it is deployed: its ports are AWS.

use eventide_clients::event_bus::SdkEventBus;
use eventide_clients::marts::DynamoDbMarts;
use eventide_clients::redshift_data::SdkRedshiftData;
use eventide_clients::s3::SdkBucket;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use serde_json::value::RawValue;

use crate::config::Config;
use crate::event::Event;
use crate::query::{MartQuery, Ports};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    marts: DynamoDbMarts,
    redshift: SdkRedshiftData,
    query_queue: SqsQueue,
    deliver_queue: SqsQueue,
    dead_letters: SqsDeadLetters<SqsQueue>,
    bucket: SdkBucket,
    event_bus: SdkEventBus,
}

impl Ports for Aws {
    type Marts = DynamoDbMarts;
    type Redshift = SdkRedshiftData;
    type Queue = SqsQueue;
    type DeadLetters = SqsDeadLetters<SqsQueue>;
    type Bucket = SdkBucket;
    type EventBus = SdkEventBus;

    fn marts(&self) -> &Self::Marts {
        &self.marts
    }

    fn redshift(&self) -> &Self::Redshift {
        &self.redshift
    }

    fn query_queue(&self) -> &Self::Queue {
        &self.query_queue
    }

    fn deliver_queue(&self) -> &Self::Queue {
        &self.deliver_queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }

    fn bucket(&self) -> &Self::Bucket {
        &self.bucket
    }

    fn event_bus(&self) -> &Self::EventBus {
        &self.event_bus
    }
}

/// mart-query on AWS.
#[derive(Debug)]
pub struct Deployed(Early<MartQuery<Aws>>);

impl Function for Deployed {
    type Config = Config;
    type Event = Event;
    type Response = Box<RawValue>;
    const NAMESPACE: &'static str = "Eventide/DataMarts";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let given = kit.clone();
        Ok(Self(kit.early(move || on_aws(config, &given))))
    }

    async fn handle(&self, event: Event, invocation: &Invocation) -> Result<Box<RawValue>, Error> {
        self.0.get()?.answer(&event, invocation).await?.into_json().map_err(|error| {
            Error::permanent("InvalidResponse", "the response does not serialize").with_source(error)
        })
    }

    fn json(response: Box<RawValue>) -> serde_json::Result<Box<RawValue>> {
        Ok(response)
    }
}

fn on_aws(config: Config, kit: &Kit) -> MartQuery<Aws> {
    let sdk = kit.sdk_config();
    let queue = SqsQueue::new(sdk, config.query_queue_url);
    let ports = Aws {
        marts: DynamoDbMarts::new(sdk, &config.ledger_table),
        redshift: SdkRedshiftData::new(sdk),
        deliver_queue: queue.with_url(config.deliver_queue_url),
        dead_letters: SqsDeadLetters::new(
            queue.with_url(config.failed_queue_url),
            kit.function_name().as_ref(),
        ),
        bucket: SdkBucket::new(sdk, &config.result_bucket),
        event_bus: SdkEventBus::new(sdk, &config.event_bus),
        query_queue: queue,
    };
    MartQuery::new(ports, config.settings, kit.clock())
}
