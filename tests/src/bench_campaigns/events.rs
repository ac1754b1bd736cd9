//! The functions' environment, and the events that they are measured with.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

/// What the template gives the functions that stream campaigns.
pub const TIMEOUT: Duration = Duration::from_secs(900);
/// The campaign.
pub const CAMPAIGN: &str = "bench";
/// Its file in the campaign bucket.
pub const KEY: &str = "campaigns/bench.csv";
/// A file of decisions in the campaign bucket.
pub const DECISIONS: &str = "decisions/bench/held.csv";
/// The version of the classifier.
const CLASSIFIER: &str = "arn:aws:comprehend:us-east-1:111122223333:document-classifier/marketing/version/v1";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A hello-world on the same runtime, which all are held against.
    Hello,
    /// A campaign's file, read.
    Screen,
    /// Its job, started.
    Classify,
    /// Its messages, joined with the verdicts.
    Judge,
    /// Some of its messages, sent.
    Send,
    /// A provider's news of one of them.
    Track,
    /// A command of a person's.
    Review,
    /// Its report.
    Report,
}

/// All of them.
pub const SUBJECTS: [Subject; 8] = [
    Subject::Hello,
    Subject::Screen,
    Subject::Classify,
    Subject::Judge,
    Subject::Send,
    Subject::Track,
    Subject::Review,
    Subject::Report,
];

impl Subject {
    /// The function's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Screen => "campaign-screen",
            Self::Classify => "campaign-classify",
            Self::Judge => "campaign-judge",
            Self::Send => "campaign-send",
            Self::Track => "campaign-track",
            Self::Review => "campaign-review",
            Self::Report => "campaign-report",
        }
    }
}

/// S3's word of the campaign's file.
#[must_use]
pub fn uploaded(bytes: usize) -> Value {
    created(KEY, bytes)
}

/// S3's word of a file of decisions.
#[must_use]
pub fn decided() -> Value {
    created(DECISIONS, 1)
}

fn created(key: &str, bytes: usize) -> Value {
    batch(&json!({
        "version": "0", "id": "18e7079c-dd49-dd64-caf9-e5a31640dab0", "detail-type": "Object Created",
        "source": "aws.s3", "account": "111122223333", "time": "2026-11-27T09:00:00Z", "region": "us-east-1",
        "resources": ["arn:aws:s3:::campaigns"],
        "detail": {
            "version": "0", "bucket": { "name": "campaigns" },
            "object": { "key": key, "size": bytes, "etag": "e", "version-id": "v", "sequencer": "0055AED6" },
            "request-id": "R", "requester": "111122223333", "reason": "PutObject"
        }
    }))
}

/// campaign-screen's message to campaign-classify, and campaign-classify's to campaign-judge.
#[must_use]
pub fn of_upload(upload: &str) -> Value {
    batch(&json!({ "campaign": CAMPAIGN, "upload": upload }))
}

/// A shard is to be taken up.
#[must_use]
pub fn of_shard(key: &str) -> Value {
    batch(&json!({ "shard": key }))
}

/// A report is to be written.
#[must_use]
pub fn report() -> Value {
    batch(&json!({ "campaign": CAMPAIGN }))
}

/// A person pauses the campaign.
#[must_use]
pub fn command() -> Value {
    batch(&json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "Campaign Command",
        "source": "marketing", "account": "111122223333", "time": "2026-11-27T09:00:00Z", "region": "us-east-1",
        "resources": [], "detail": { "campaign": CAMPAIGN, "action": "pause", "by": "ann" }
    }))
}

/// Amazon SES delivered a message.
#[must_use]
pub fn delivered() -> Value {
    batch(&json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "Email Delivered",
        "source": "aws.ses", "account": "111122223333", "time": "2026-11-27T09:00:00Z", "region": "us-east-1",
        "resources": [],
        "detail": {
            "eventType": "Delivery",
            "mail": { "messageId": "m", "tags": {
                "eventide-entry": ["0123456789abcdef0123456789abcdef"], "eventide-campaign": [CAMPAIGN]
            } },
            "delivery": { "recipients": ["a@example.com"] }
        }
    }))
}

fn batch(body: &Value) -> Value {
    json!({ "Records": [{
        "messageId": "8b29b307-ad94-4302-adc7-33eb2d476540", "receiptHandle": "r", "body": body.to_string(),
        "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795176000214" },
        "messageAttributes": {}, "md5OfBody": "0".repeat(32), "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:bench", "awsRegion": "us-east-1"
    }] })
}

/// The environment that the template gives the functions, all in one, with `endpoint` as AWS.
#[must_use]
pub fn environment(endpoint: &str) -> BTreeMap<String, String> {
    let queue = |name: &str| format!("{endpoint}/111122223333/{name}");
    BTreeMap::from(
        [
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
            ("AWS_SESSION_TOKEN", "bench".to_owned()),
            ("AWS_SDK_UA_APP_ID", "compliance-screening".to_owned()),
            ("LEDGER_TABLE", "ledger".to_owned()),
            ("CAMPAIGN_BUCKET", "campaigns".to_owned()),
            ("WORK_BUCKET", "work".to_owned()),
            ("REPORT_BUCKET", "reports".to_owned()),
            ("EVENT_BUS_NAME", "default".to_owned()),
            ("SCREEN_QUEUE_URL", queue("screen")),
            ("CLASSIFY_QUEUE_URL", queue("classify")),
            ("JUDGE_QUEUE_URL", queue("judge")),
            ("SEND_QUEUE_URL", queue("send")),
            ("REVIEW_QUEUE_URL", queue("review")),
            ("REPORT_QUEUE_URL", queue("report")),
            ("FAILED_QUEUE_URL", queue("failed")),
            ("CLASSIFIER_ARN", CLASSIFIER.to_owned()),
            ("DATA_ACCESS_ROLE_ARN", "arn:aws:iam::111122223333:role/comprehend".to_owned()),
            ("COMPLIANT_LABELS", "compliant".to_owned()),
            ("RESTRICTED_LABELS", "gambling,firearms".to_owned()),
            ("ENTRY_SECRET_ARN", "entries".to_owned()),
            ("SENDER_EMAIL", "news@example.com".to_owned()),
            ("CONFIGURATION_SET", "screening".to_owned()),
            ("CONTACT_LIST", "readers".to_owned()),
            ("SMS_ORIGINATION", "pool-1".to_owned()),
            ("SMS_PER_SECOND", "1000".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}
