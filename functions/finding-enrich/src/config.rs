//! What the template sets.

use std::ops::RangeInclusive;

use eventide_kit::env::{FromEnv, Vars};
use eventide_types::partition::is_account_id;
use time::Duration;

const ACCOUNT_ID: &str = "an account id of 12 digits";

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The account that the function runs in: 12 digits.
    pub account_id: String,
    /// Where the function sends itself delayed messages.
    pub work_queue_url: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// The DynamoDB table of the effects ledger and of the chains.
    pub ledger_table: String,
    /// The role to assume in member accounts to look up a principal's path.
    pub member_role_name: Option<String>,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Seconds between two looks at an investigation.
    pub poll_delay_seconds: u16,
    /// How long to wait for an investigation.
    pub max_age: Duration,
    /// How old another investigation may be to serve.
    pub reuse: Duration,
    /// Whether activity after an investigation may start another.
    pub reinvestigate: bool,
    /// Whether nothing may be written.
    pub dry_run: bool,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let account_id = vars.required::<String>("ACCOUNT_ID", ACCOUNT_ID);
        let account_id = account_id.filter(|id| {
            let valid = is_account_id(id);
            if !valid {
                vars.fault("ACCOUNT_ID", ACCOUNT_ID);
            }
            valid
        });
        let work_queue_url = vars.required("WORK_QUEUE_URL", "the URL of an SQS queue");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let member_role_name = vars.present("MEMBER_ROLE_NAME", "the name of an IAM role");
        let poll_delay_seconds = vars.in_range("POLL_DELAY_SECONDS", 1..=900, 60);
        let max_age = minutes(vars, "MAX_INVESTIGATION_MINUTES", 1..=1440, 120);
        let reuse = minutes(vars, "REUSE_MINUTES", 0..=1440, 60);
        let reinvestigate = vars.optional("REINVESTIGATE_NEW_ACTIVITY", "`true` or `false`", false);
        let dry_run = vars.optional("DRY_RUN", "`true` or `false`", false);
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        Some(Self {
            account_id: account_id?,
            work_queue_url: work_queue_url?,
            failed_queue_url: failed_queue_url?,
            ledger_table: ledger_table?,
            member_role_name: member_role_name?,
            settings: Settings {
                poll_delay_seconds: poll_delay_seconds?,
                max_age: max_age?,
                reuse: reuse?,
                reinvestigate: reinvestigate?,
                dry_run: dry_run?,
                max_receives: max_receives?,
            },
        })
    }
}

fn minutes(
    vars: &mut Vars,
    name: &'static str,
    range: RangeInclusive<i64>,
    default: i64,
) -> Option<Duration> {
    vars.in_range(name, range, default).map(Duration::minutes)
}
