//! What the template sets.

use eventide_kit::env::{FromEnv, Vars};
use time::Duration;

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of the requests.
    pub ledger_table: String,
    /// The DynamoDB table of what statements cost.
    pub usage_table: String,
    /// Where results go.
    pub result_bucket: String,
    /// Where events go.
    pub event_bus: String,
    /// This function's own queue.
    pub deliver_queue_url: String,
    /// mart-query's queue.
    pub query_queue_url: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// After which a request that has not moved is looked after.
    pub overdue: Duration,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let usage_table = vars.required("USAGE_TABLE", "the name of a DynamoDB table");
        let result_bucket = vars.required("RESULT_BUCKET", "the name of a bucket");
        let event_bus =
            vars.optional("EVENT_BUS_NAME", "the name or ARN of an event bus", "default".to_owned());
        let deliver_queue_url = vars.required("DELIVER_QUEUE_URL", "the URL of an SQS queue");
        let query_queue_url = vars.required("QUERY_QUEUE_URL", "the URL of an SQS queue");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let overdue = vars.in_range("OVERDUE_MINUTES", 1..=1440, 15_i64);
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        Some(Self {
            ledger_table: ledger_table?,
            usage_table: usage_table?,
            result_bucket: result_bucket?,
            event_bus: event_bus?,
            deliver_queue_url: deliver_queue_url?,
            query_queue_url: query_queue_url?,
            failed_queue_url: failed_queue_url?,
            settings: Settings { overdue: Duration::minutes(overdue?), max_receives: max_receives? },
        })
    }
}
