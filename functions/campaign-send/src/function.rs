//! The function as it is deployed: its ports are AWS.

use eventide_clients::campaigns::DynamoDbCampaigns;
use eventide_clients::email::SdkEmail;
use eventide_clients::s3::SdkBucket;
use eventide_clients::sms::SdkSms;
use eventide_clients::sqs::{SqsDeadLetters, SqsQueue};
use eventide_kit::ledger::DynamoDbLedger;
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use serde_json::value::RawValue;

use crate::config::Config;
use crate::send::{CampaignSend, Ports, Response};

/// The ports of the deployed function.
#[derive(Debug)]
struct Aws {
    store: DynamoDbCampaigns,
    ledger: DynamoDbLedger,
    bucket: SdkBucket,
    email: SdkEmail,
    sms: SdkSms,
    send_queue: SqsQueue,
    report_queue: SqsQueue,
    dead_letters: SqsDeadLetters<SqsQueue>,
}

impl Ports for Aws {
    type Store = DynamoDbCampaigns;
    type Ledger = DynamoDbLedger;
    type Bucket = SdkBucket;
    type Email = SdkEmail;
    type Sms = SdkSms;
    type Queue = SqsQueue;
    type DeadLetters = SqsDeadLetters<SqsQueue>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn ledger(&self) -> &Self::Ledger {
        &self.ledger
    }

    fn bucket(&self) -> &Self::Bucket {
        &self.bucket
    }

    fn email(&self) -> &Self::Email {
        &self.email
    }

    fn sms(&self) -> &Self::Sms {
        &self.sms
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

/// campaign-send on AWS.
#[derive(Debug)]
pub struct Deployed(Early<CampaignSend<Aws>>);

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

fn on_aws(config: Config, kit: &Kit) -> CampaignSend<Aws> {
    let sdk = kit.sdk_config();
    let queue = SqsQueue::new(sdk, config.send_queue_url);
    let ports = Aws {
        store: DynamoDbCampaigns::new(sdk, &config.ledger_table),
        ledger: DynamoDbLedger::new(aws_sdk_dynamodb::Client::new(sdk), &config.ledger_table, kit.clock()),
        bucket: SdkBucket::new(sdk, &config.work_bucket),
        email: SdkEmail::new(sdk),
        sms: SdkSms::new(sdk),
        report_queue: queue.with_url(config.report_queue_url),
        dead_letters: SqsDeadLetters::new(
            queue.with_url(config.failed_queue_url),
            kit.function_name().as_ref(),
        ),
        send_queue: queue,
    };
    CampaignSend::new(ports, config.settings, kit.clock())
}
