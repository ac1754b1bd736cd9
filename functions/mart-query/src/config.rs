//! What the template sets.

use std::time::Duration;

use eventide_kit::env::{FromEnv, Vars};

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of the catalogue and the requests.
    pub ledger_table: String,
    /// Where results are delivered.
    pub result_bucket: String,
    /// The queue of requests that Redshift had no room for.
    pub query_queue_url: String,
    /// mart-deliver's queue.
    pub deliver_queue_url: String,
    /// Where requests go that nobody can carry on.
    pub failed_queue_url: String,
    /// Where events go.
    pub event_bus: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The bucket of the results, for the text of `UNLOAD`.
    pub result_bucket: String,
    /// The role with which the warehouse writes results: an ARN, or `default`.
    pub unload_role: String,
    /// How long a presigned link is valid.
    pub link_life: Duration,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

const ROLE: &str = "`default` or the ARN of an IAM role";

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let result_bucket = vars.required::<String>("RESULT_BUCKET", "the name of a bucket");
        let query_queue_url = vars.required("QUERY_QUEUE_URL", "the URL of an SQS queue");
        let deliver_queue_url = vars.required("DELIVER_QUEUE_URL", "the URL of an SQS queue");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let event_bus =
            vars.optional("EVENT_BUS_NAME", "the name or ARN of an event bus", "default".to_owned());
        let unload_role = vars.optional("UNLOAD_ROLE", ROLE, "default".to_owned()).filter(|role| {
            let valid = is_role(role);
            if !valid {
                vars.fault("UNLOAD_ROLE", ROLE);
            }
            valid
        });
        let link_minutes = vars.in_range("LINK_MINUTES", 1..=720, 60_u64);
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        let result_bucket = result_bucket?;
        Some(Self {
            ledger_table: ledger_table?,
            result_bucket: result_bucket.clone(),
            query_queue_url: query_queue_url?,
            deliver_queue_url: deliver_queue_url?,
            failed_queue_url: failed_queue_url?,
            event_bus: event_bus?,
            settings: Settings {
                result_bucket,
                unload_role: unload_role?,
                link_life: Duration::from_secs(link_minutes? * 60),
                max_receives: max_receives?,
            },
        })
    }
}

/// The role becomes a literal of SQL, so no character may end one.
fn is_role(role: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "+=,.@_/:-".contains(character);
    role == "default" || (role.starts_with("arn:") && role.contains(":role/") && role.chars().all(plain))
}
