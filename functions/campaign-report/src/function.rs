//! The function as it is deployed: its ports are AWS.

use eventide_clients::campaigns::DynamoDbCampaigns;
use eventide_clients::event_bus::SdkEventBus;
use eventide_clients::s3::SdkBucket;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use serde_json::value::RawValue;

use crate::config::Config;
use crate::report::{CampaignReport, Ports, Response};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    store: DynamoDbCampaigns,
    work: SdkBucket,
    reports: SdkBucket,
    event_bus: SdkEventBus,
    dead_letters: SqsDeadLetters<SqsQueue>,
}

impl Ports for Aws {
    type Store = DynamoDbCampaigns;
    type Bucket = SdkBucket;
    type EventBus = SdkEventBus;
    type DeadLetters = SqsDeadLetters<SqsQueue>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn work(&self) -> &Self::Bucket {
        &self.work
    }

    fn reports(&self) -> &Self::Bucket {
        &self.reports
    }

    fn event_bus(&self) -> &Self::EventBus {
        &self.event_bus
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

/// campaign-report on AWS.
#[derive(Debug)]
pub struct Deployed(Early<CampaignReport<Aws>>);

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

fn on_aws(config: Config, kit: &Kit) -> CampaignReport<Aws> {
    let sdk = kit.sdk_config();
    let failed = SqsQueue::new(sdk, config.failed_queue_url);
    let ports = Aws {
        store: DynamoDbCampaigns::new(sdk, &config.ledger_table),
        work: SdkBucket::new(sdk, &config.work_bucket),
        reports: SdkBucket::new(sdk, &config.report_bucket),
        event_bus: SdkEventBus::new(sdk, &config.event_bus),
        dead_letters: SqsDeadLetters::new(failed, kit.function_name().as_ref()),
    };
    CampaignReport::new(ports, config.settings, kit.clock())
}
