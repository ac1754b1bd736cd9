//! The function as it is deployed: its ports are AWS.

use eventide_clients::campaigns::DynamoDbCampaigns;
use eventide_clients::comprehend::SdkClassifier;
use eventide_clients::event_bus::SdkEventBus;
use eventide_clients::s3::SdkBucket;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use serde_json::value::RawValue;

use crate::classify::{CampaignClassify, Ports, Response};
use crate::config::Config;

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    store: DynamoDbCampaigns,
    work: SdkBucket,
    classifier: SdkClassifier,
    event_bus: SdkEventBus,
    classify_queue: SqsQueue,
    judge_queue: SqsQueue,
    dead_letters: SqsDeadLetters<SqsQueue>,
}

impl Ports for Aws {
    type Store = DynamoDbCampaigns;
    type Bucket = SdkBucket;
    type Classifier = SdkClassifier;
    type EventBus = SdkEventBus;
    type Queue = SqsQueue;
    type DeadLetters = SqsDeadLetters<SqsQueue>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn work(&self) -> &Self::Bucket {
        &self.work
    }

    fn classifier(&self) -> &Self::Classifier {
        &self.classifier
    }

    fn event_bus(&self) -> &Self::EventBus {
        &self.event_bus
    }

    fn classify_queue(&self) -> &Self::Queue {
        &self.classify_queue
    }

    fn judge_queue(&self) -> &Self::Queue {
        &self.judge_queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

/// campaign-classify on AWS.
#[derive(Debug)]
pub struct Deployed(Early<CampaignClassify<Aws>>);

impl Function for Deployed {
    type Config = Config;
    type Event = Box<RawValue>;
    type Response = Response;
    const NAMESPACE: &'static str = "Eventide/ComplianceScreening";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let given = kit.clone();
        Ok(Self(kit.early(move || on_aws(config, &given))))
    }

    async fn handle(&self, event: Box<RawValue>, invocation: &Invocation) -> Result<Response, Error> {
        self.0.get()?.answer(&event, invocation).await
    }
}

fn on_aws(config: Config, kit: &Kit) -> CampaignClassify<Aws> {
    let sdk = kit.sdk_config();
    let queue = SqsQueue::new(sdk, config.classify_queue_url);
    let ports = Aws {
        store: DynamoDbCampaigns::new(sdk, &config.ledger_table),
        work: SdkBucket::new(sdk, &config.work_bucket),
        classifier: SdkClassifier::new(sdk),
        event_bus: SdkEventBus::new(sdk, &config.event_bus),
        judge_queue: queue.with_url(config.judge_queue_url),
        dead_letters: SqsDeadLetters::new(
            queue.with_url(config.failed_queue_url),
            kit.function_name().as_ref(),
        ),
        classify_queue: queue,
    };
    CampaignClassify::new(ports, config.settings, kit.clock())
}
