//! What the template sets.

use eventide_kit::env::{FromEnv, Vars};

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of campaigns and scores.
    pub ledger_table: String,
    /// Where documents and scores lie.
    pub work_bucket: String,
    /// Where events go.
    pub event_bus: String,
    /// This function's own queue.
    pub classify_queue_url: String,
    /// campaign-judge's queue.
    pub judge_queue_url: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The role that Comprehend assumes.
    pub role: String,
    /// An endpoint of the same classifier version.
    pub endpoint: Option<String>,
    /// The most documents that go to the endpoint.
    pub sync_documents: u64,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let work_bucket = vars.required("WORK_BUCKET", "the name of a bucket");
        let event_bus =
            vars.optional("EVENT_BUS_NAME", "the name or ARN of an event bus", "default".to_owned());
        let classify_queue_url = vars.required("CLASSIFY_QUEUE_URL", "the URL of an SQS queue");
        let judge_queue_url = vars.required("JUDGE_QUEUE_URL", "the URL of an SQS queue");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let role = vars.required("DATA_ACCESS_ROLE_ARN", "the ARN of an IAM role");
        let endpoint = vars.present("ENDPOINT_ARN", "the ARN of an endpoint");
        let sync_documents = vars.in_range("SYNC_DOCUMENTS", 0..=10_000, 200);
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        Some(Self {
            ledger_table: ledger_table?,
            work_bucket: work_bucket?,
            event_bus: event_bus?,
            classify_queue_url: classify_queue_url?,
            judge_queue_url: judge_queue_url?,
            failed_queue_url: failed_queue_url?,
            settings: Settings {
                role: role?,
                endpoint: endpoint?,
                sync_documents: sync_documents?,
                max_receives: max_receives?,
            },
        })
    }
}
