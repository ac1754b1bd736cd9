//! What the template sets.

use eventide_kit::env::{FromEnv, Vars};
use time::Duration;

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of the ledger and the outcomes.
    pub ledger_table: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// After which a campaign's report is written that has news.
    pub report_after: Duration,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let report = vars.in_range("REPORT_MINUTES", 0..=1440, 5_i64);
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        let settings = Settings { report_after: Duration::minutes(report?), max_receives: max_receives? };
        Some(Self { ledger_table: ledger_table?, failed_queue_url: failed_queue_url?, settings })
    }
}
