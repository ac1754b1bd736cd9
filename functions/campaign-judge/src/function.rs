//! The function as it is deployed: its ports are AWS.

use eventide_clients::campaigns::DynamoDbCampaigns;
use eventide_clients::event_bus::SdkEventBus;
use eventide_clients::s3::SdkBucket;
use eventide_clients::secrets::SdkSecrets;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::sqs::{SqsBatchResponse, SqsEvent};
use eventide_kit::{Early, Error, Function, Invocation, Kit};

use crate::config::Config;
use crate::judge::{CampaignJudge, Ports};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    store: DynamoDbCampaigns,
    campaigns: SdkBucket,
    work: SdkBucket,
    reports: SdkBucket,
    secrets: SdkSecrets,
    event_bus: SdkEventBus,
    send_queue: SqsQueue,
    report_queue: SqsQueue,
    dead_letters: SqsDeadLetters<SqsQueue>,
}

impl Ports for Aws {
    type Store = DynamoDbCampaigns;
    type Bucket = SdkBucket;
    type Secrets = SdkSecrets;
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

    fn reports(&self) -> &Self::Bucket {
        &self.reports
    }

    fn secrets(&self) -> &Self::Secrets {
        &self.secrets
    }

    fn event_bus(&self) -> &Self::EventBus {
        &self.event_bus
    }

    fn send_queue(&self) -> &Self::Queue {
        &self.send_queue
    }

    fn report_queue(&self) -> &Self::Queue {
        &self.report_queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

/// campaign-judge on AWS.
#[derive(Debug)]
pub struct Deployed(Early<CampaignJudge<Aws>>);

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

fn on_aws(config: Config, kit: &Kit) -> CampaignJudge<Aws> {
    let sdk = kit.sdk_config();
    let queue = SqsQueue::new(sdk, config.send_queue_url);
    let ports = Aws {
        store: DynamoDbCampaigns::new(sdk, &config.ledger_table),
        campaigns: SdkBucket::new(sdk, &config.campaign_bucket),
        work: SdkBucket::new(sdk, &config.work_bucket),
        reports: SdkBucket::new(sdk, &config.report_bucket),
        secrets: SdkSecrets::new(sdk, kit.clock()),
        event_bus: SdkEventBus::new(sdk, &config.event_bus),
        report_queue: queue.with_url(config.report_queue_url),
        dead_letters: SqsDeadLetters::new(
            queue.with_url(config.failed_queue_url),
            kit.function_name().as_ref(),
        ),
        send_queue: queue,
    };
    CampaignJudge::new(ports, config.settings, kit.clock())
}
