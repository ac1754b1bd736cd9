//! The function as it is deployed: its ports are AWS.

use eventide_clients::campaigns::DynamoDbCampaigns;
use eventide_clients::s3::SdkBucket;
use eventide_clients::secrets::SdkSecrets;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::ledger::DynamoDbLedger;
use eventide_kit::{Early, Error, Function, Invocation, Kit};

use crate::config::Config;
use crate::event::Event;
use crate::review::{CampaignReview, Ports, Response};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    store: DynamoDbCampaigns,
    ledger: DynamoDbLedger,
    campaigns: SdkBucket,
    work: SdkBucket,
    reports: SdkBucket,
    secrets: SdkSecrets,
    judge_queue: SqsQueue,
    send_queue: SqsQueue,
    dead_letters: SqsDeadLetters<SqsQueue>,
}

impl Ports for Aws {
    type Store = DynamoDbCampaigns;
    type Ledger = DynamoDbLedger;
    type Bucket = SdkBucket;
    type Secrets = SdkSecrets;
    type Queue = SqsQueue;
    type DeadLetters = SqsDeadLetters<SqsQueue>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn ledger(&self) -> &Self::Ledger {
        &self.ledger
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

    fn judge_queue(&self) -> &Self::Queue {
        &self.judge_queue
    }

    fn send_queue(&self) -> &Self::Queue {
        &self.send_queue
    }

    fn dead_letters(&self) -> &Self::DeadLetters {
        &self.dead_letters
    }
}

/// campaign-review on AWS.
#[derive(Debug)]
pub struct Deployed(Early<CampaignReview<Aws>>);

impl Function for Deployed {
    type Config = Config;
    type Event = Event;
    type Response = Response;
    const NAMESPACE: &'static str = "Eventide/ComplianceScreening";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let given = kit.clone();
        Ok(Self(kit.early(move || on_aws(config, &given))))
    }

    async fn handle(&self, event: Event, invocation: &Invocation) -> Result<Response, Error> {
        self.0.get()?.answer(&event, invocation).await
    }
}

fn on_aws(config: Config, kit: &Kit) -> CampaignReview<Aws> {
    let sdk = kit.sdk_config();
    let queue = SqsQueue::new(sdk, config.judge_queue_url);
    let ledger = DynamoDbLedger::new(aws_sdk_dynamodb::Client::new(sdk), &config.ledger_table, kit.clock());
    let ports = Aws {
        store: DynamoDbCampaigns::new(sdk, &config.ledger_table),
        ledger,
        campaigns: SdkBucket::new(sdk, &config.campaign_bucket),
        work: SdkBucket::new(sdk, &config.work_bucket),
        reports: SdkBucket::new(sdk, &config.report_bucket),
        secrets: SdkSecrets::new(sdk, kit.clock()),
        send_queue: queue.with_url(config.send_queue_url),
        dead_letters: SqsDeadLetters::new(
            queue.with_url(config.failed_queue_url),
            kit.function_name().as_ref(),
        ),
        judge_queue: queue,
    };
    CampaignReview::new(ports, config.settings, kit.clock())
}
