//! The function as it is deployed: its ports are AWS.

use eventide_clients::campaigns::DynamoDbCampaigns;
use eventide_clients::event_bus::SdkEventBus;
use eventide_clients::s3::SdkBucket;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::sqs::{SqsBatchResponse, SqsEvent};
use eventide_kit::{Early, Error, Function, Invocation, Kit};

use crate::config::Config;
use crate::screen::{CampaignScreen, Ports};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    store: DynamoDbCampaigns,
    campaigns: SdkBucket,
    work: SdkBucket,
    event_bus: SdkEventBus,
    classify_queue: SqsQueue,
    judge_queue: SqsQueue,
    dead_letters: SqsDeadLetters<SqsQueue>,
}

impl Ports for Aws {
    type Store = DynamoDbCampaigns;
    type Bucket = SdkBucket;
    type EventBus = SdkEventBus;
    type Queue = SqsQueue;
    type DeadLetters = SqsDeadLetters<SqsQueue>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn campaigns(&self) -> &Self::Bucket {
        &self.campaigns
    }

    fn work(&self) -> &Self::Bucket {
        &self.work
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

/// campaign-screen on AWS.
#[derive(Debug)]
pub struct Deployed(Early<CampaignScreen<Aws>>);

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

fn on_aws(config: Config, kit: &Kit) -> CampaignScreen<Aws> {
    let sdk = kit.sdk_config();
    let queue = SqsQueue::new(sdk, config.classify_queue_url);
    let ports = Aws {
        store: DynamoDbCampaigns::new(sdk, &config.ledger_table),
        campaigns: SdkBucket::new(sdk, &config.campaign_bucket),
        work: SdkBucket::new(sdk, &config.work_bucket),
        event_bus: SdkEventBus::new(sdk, &config.event_bus),
        judge_queue: queue.with_url(config.judge_queue_url),
        dead_letters: SqsDeadLetters::new(
            queue.with_url(config.failed_queue_url),
            kit.function_name().as_ref(),
        ),
        classify_queue: queue,
    };
    CampaignScreen::new(ports, config.settings, kit.clock())
}
