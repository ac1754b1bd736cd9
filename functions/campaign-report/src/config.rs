//! What the template sets.

use eventide_kit::env::{FromEnv, Vars};

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of campaigns, decisions, shards and the ledger.
    pub ledger_table: String,
    /// Where contents and shards lie.
    pub work_bucket: String,
    /// Where reports go.
    pub report_bucket: String,
    /// Where events go.
    pub event_bus: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The labels that mean compliant. Approved contents are to be trained as the first, rejected ones as none of them.
    pub compliant_labels: Vec<String>,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let work_bucket = vars.required("WORK_BUCKET", "the name of a bucket");
        let report_bucket = vars.required("REPORT_BUCKET", "the name of a bucket");
        let event_bus =
            vars.optional("EVENT_BUS_NAME", "the name or ARN of an event bus", "default".to_owned());
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let labels = vars.required::<String>("COMPLIANT_LABELS", "labels, joined by commas");
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        let compliant_labels = labels?.split(',').map(|label| label.trim().to_owned()).collect();
        Some(Self {
            ledger_table: ledger_table?,
            work_bucket: work_bucket?,
            report_bucket: report_bucket?,
            event_bus: event_bus?,
            failed_queue_url: failed_queue_url?,
            settings: Settings { compliant_labels, max_receives: max_receives? },
        })
    }
}
