//! What the template sets.

use eventide_kit::env::{FromEnv, Vars};

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of campaigns, decisions, shards and the ledger.
    pub ledger_table: String,
    /// Where decision files are uploaded.
    pub campaign_bucket: String,
    /// Where shards and releases lie.
    pub work_bucket: String,
    /// Where the list of held contents lies.
    pub report_bucket: String,
    /// campaign-judge's queue.
    pub judge_queue_url: String,
    /// campaign-send's queue.
    pub send_queue_url: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The secret that the names of ledger entries are made with.
    pub secret: String,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let campaign_bucket = vars.required("CAMPAIGN_BUCKET", "the name of a bucket");
        let work_bucket = vars.required("WORK_BUCKET", "the name of a bucket");
        let report_bucket = vars.required("REPORT_BUCKET", "the name of a bucket");
        let judge_queue_url = vars.required("JUDGE_QUEUE_URL", "the URL of an SQS queue");
        let send_queue_url = vars.required("SEND_QUEUE_URL", "the URL of an SQS queue");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let secret = vars.required("ENTRY_SECRET_ARN", "the ARN or name of a secret");
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        Some(Self {
            ledger_table: ledger_table?,
            campaign_bucket: campaign_bucket?,
            work_bucket: work_bucket?,
            report_bucket: report_bucket?,
            judge_queue_url: judge_queue_url?,
            send_queue_url: send_queue_url?,
            failed_queue_url: failed_queue_url?,
            settings: Settings { secret: secret?, max_receives: max_receives? },
        })
    }
}
