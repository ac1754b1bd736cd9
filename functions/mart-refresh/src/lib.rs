//! mart-refresh: refreshes the materialized views and datashares whose time has come.
//!
//! A schedule invokes it every 5 minutes. A mart is due if its `refresh` names a moment in the last
//! `LOOK_BACK_MINUTES`; the newest such moment makes the client token, so that each is run once, however often the
//! function looks back at it, and one that a busy warehouse or a lost invocation left out is made up for.
//!
//! Nobody waits for a refresh. Its end comes to mart-deploy, which books what it cost and counts failures: the two
//! share a role, and Redshift shows a statement to no other.
//!
//! # Metrics
//!
//! | metric | dimensions | counts |
//! |---|---|---|
//! | `RefreshesBegun` | `Mart`, `Owner` | refreshes submitted; one that is looked back at counts again |
//! | `RefreshesNotBegun` | `Mart`, `Reason` | refreshes that could not be submitted |
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of the catalogue |
//! | `LOOK_BACK_MINUTES` | minutes, 5 to 240, default 15 | how late a refresh may be begun; a client token is good for 8 hours |

use std::sync::Arc;

use eventide_clients::marts::{Catalogue, DynamoDbMarts};
use eventide_clients::redshift_data::{RedshiftData, ResultFormat, SdkRedshiftData, Statement};
use eventide_kit::clock::Clock;
use eventide_kit::env::{FromEnv, Vars};
use eventide_kit::error::Class;
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use eventide_types::mart::Mart;
use eventide_types::mart::schedule::Schedule;
use eventide_types::mart::statement::StatementName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcOffset};

/// Kept back at the end of an invocation: more than the 20 s that the SDK gives one call with all its attempts.
const RESERVE: std::time::Duration = std::time::Duration::from_secs(22);

/// What the template sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of the catalogue.
    pub ledger_table: String,
    /// How late a refresh may be begun.
    pub look_back: Duration,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let look_back = vars.in_range("LOOK_BACK_MINUTES", 5..=240, 15).map(Duration::minutes);
        Some(Self { ledger_table: ledger_table?, look_back: look_back? })
    }
}

/// The event of a schedule: of an EventBridge rule, which says when it was due, or whatever a schedule of EventBridge
/// Scheduler is told to send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// When it was due. Without it, now.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub time: Option<OffsetDateTime>,
}

/// What was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The refreshes submitted, by their statements' names.
    pub begun: Vec<String>,
    /// Marts whose refresh could not be submitted now.
    pub not_begun: Vec<String>,
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct MartRefresh<C, R> {
    catalogue: C,
    redshift: R,
    look_back: Duration,
    clock: Arc<dyn Clock>,
}

/// mart-refresh on AWS.
#[derive(Debug)]
pub struct Deployed(Early<MartRefresh<DynamoDbMarts, SdkRedshiftData>>);

impl Function for Deployed {
    type Config = Config;
    type Event = Event;
    type Response = Answer;
    const NAMESPACE: &'static str = "Eventide/DataMarts";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let (sdk, clock) = (kit.sdk_config().clone(), kit.clock());
        Ok(Self(kit.early(move || {
            let catalogue = DynamoDbMarts::new(&sdk, &config.ledger_table);
            MartRefresh::new(catalogue, SdkRedshiftData::new(&sdk), config.look_back, clock)
        })))
    }

    async fn handle(&self, event: Event, invocation: &Invocation) -> Result<Answer, Error> {
        self.0.get()?.refresh(&event, invocation).await
    }
}

impl<C: Catalogue, R: RedshiftData> MartRefresh<C, R> {
    /// The function with these ports and this time of day.
    pub fn new(catalogue: C, redshift: R, look_back: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { catalogue, redshift, look_back, clock }
    }

    /// Submits the refreshes that are due.
    ///
    /// # Errors
    ///
    /// `DeadlineNear` if the marts are too many for one invocation, and errors of [`Class::Environment`], which every
    /// other mart would meet as well. What else fails concerns one mart, and is looked back at the next time.
    pub async fn refresh(&self, event: &Event, invocation: &Invocation) -> Result<Answer, Error> {
        let now = event.time.unwrap_or_else(|| self.clock.now());
        let mut answer = Answer { begun: Vec::new(), not_begun: Vec::new() };
        for name in self.catalogue.names().await? {
            if invocation.deadline.is_near(RESERVE) {
                return Err(Error::environment("DeadlineNear", "the marts are too many for one invocation"));
            }
            let Some(mart) = self.catalogue.mart(&name).await? else { continue };
            let Some((due, sql)) = due(&mart, now, self.look_back) else { continue };
            let statement = statement(&mart, due, sql)?;
            match self.redshift.submit(&statement).await {
                Ok(described) => {
                    let owner = mart.definition.owner.as_str();
                    tracing::info!(
                        mart = name,
                        statement_id = described.id,
                        name = statement.name,
                        "refresh begun"
                    );
                    invocation.metrics.count("RefreshesBegun", 1, &[("Mart", &name), ("Owner", owner)]);
                    answer.begun.push(statement.name);
                }
                Err(error) if error.class() == Class::Environment => return Err(error),
                Err(error) => {
                    let reason = error.error_type().to_owned();
                    tracing::error!(mart = name, error_type = error.qualified_type(), %error, "refresh not begun");
                    invocation.metrics.count("RefreshesNotBegun", 1, &[("Mart", &name), ("Reason", &reason)]);
                    answer.not_begun.push(name);
                }
            }
        }
        Ok(answer)
    }
}

/// The moment at which a mart was last due, if that was lately, and the statement that refreshes it.
fn due(mart: &Mart, now: OffsetDateTime, look_back: Duration) -> Option<(OffsetDateTime, String)> {
    // It was checked when the mart was deployed.
    let schedule = Schedule::parse(mart.definition.refresh.as_deref()?).ok()?;
    Some((schedule.latest(now - look_back, now)?, mart.refresh()?))
}

fn statement(mart: &Mart, due: OffsetDateTime, sql: String) -> Result<Statement, Error> {
    let format = format_description!("[year][month][day]T[hour][minute]Z");
    let run = due
        .to_offset(UtcOffset::UTC)
        .format(format)
        .map_err(|error| Error::permanent("Unwritable", "the moment cannot be written").with_source(error))?;
    let definition = &mart.definition;
    // A new version of the mart has a relation of its own, which this moment finds not refreshed.
    let token = hex::encode(Sha256::digest(format!("refresh {} {run} {sql}", definition.name)));
    Ok(Statement {
        warehouse: definition.warehouse.clone(),
        database: definition.database.clone(),
        sql: vec![sql],
        parameters: Vec::new(),
        name: StatementName::Refresh { mart: definition.name.clone(), run }.to_string(),
        client_token: token,
        result_format: ResultFormat::Json,
        transaction: false,
        wait_seconds: 0,
    })
}
