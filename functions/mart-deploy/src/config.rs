//! What the template sets.

use eventide_kit::env::{FromEnv, Vars};

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of the catalogue and the deployments.
    pub ledger_table: String,
    /// The DynamoDB table of what statements cost.
    pub usage_table: String,
    /// The bucket of the marts' files.
    pub mart_bucket: String,
    /// The function's own queue.
    pub deploy_queue_url: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// The event bus.
    pub event_bus_name: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether a schema is made where there is none.
    pub create_schemas: bool,
    /// The role of mart-query, to which every mart that logs in by IAM is granted.
    pub query_role_name: Option<String>,
    /// Seconds until a step is tried again that has to wait.
    pub busy_seconds: u16,
    /// Seconds after which a statement is asked after whose end was not told.
    pub overdue_seconds: u16,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let usage_table = vars.required("USAGE_TABLE", "the name of a DynamoDB table");
        let mart_bucket = vars.required("MART_BUCKET", "the name of a bucket");
        let deploy_queue_url = vars.required("DEPLOY_QUEUE_URL", "the URL of an SQS queue");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let event_bus_name =
            vars.optional("EVENT_BUS_NAME", "the name of an event bus", "default".to_owned());
        let create_schemas = vars.optional("CREATE_SCHEMAS", "`true` or `false`", false);
        let query_role_name = vars.present("QUERY_ROLE_NAME", "the name of an IAM role");
        let busy_seconds = vars.in_range("BUSY_SECONDS", 1..=900, 60);
        let overdue_seconds = vars.in_range("OVERDUE_SECONDS", 1..=900, 900);
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        Some(Self {
            ledger_table: ledger_table?,
            usage_table: usage_table?,
            mart_bucket: mart_bucket?,
            deploy_queue_url: deploy_queue_url?,
            failed_queue_url: failed_queue_url?,
            event_bus_name: event_bus_name?,
            settings: Settings {
                create_schemas: create_schemas?,
                query_role_name: query_role_name?,
                busy_seconds: busy_seconds?,
                overdue_seconds: overdue_seconds?,
                max_receives: max_receives?,
            },
        })
    }
}
