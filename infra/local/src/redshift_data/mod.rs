//! The Amazon Redshift Data API, over a real SQL engine.
//!
//! Certain, from the service model and the Management Guide: operations, members, patterns, lengths, errors;
//! statuses; the ids of sub-statements; that a statement belongs to the role that submitted it; what a client
//! token does and for how long; retention, size and number limits; the event; how types are mapped; that
//! every parameter must be used.
//!
//! Known from public code that meets the real service: the texts for an unknown warehouse, for an absent
//! result and for a late cancellation; of `CSVRecords`, what `csv` says.
//!
//! Assumed, since nothing published says it: other texts; that a token with another request is refused; that
//! another role's statement does not exist; that a session that is busy, and `SessionId` with connection
//! parameters, are refused; the size of pages (a setting); how many requests may wait for one statement (a
//! setting); that a batch fails as a whole when one of its statements does, in either mode, with
//! `Query #N failed with …`; that the parts after a failure in a transaction are `ABORTED`; that an event's
//! `rows` of a batch are those of all parts; that lists are sorted newest first.
//!
//! Not covered: identity-enhanced sessions, what SQL would keep in a session, queueing and workload
//! management. Signatures and IAM are not checked, as everywhere here.
//!
//! # Layout
//! - `input`, `parameters`, `refusal`, `page`: from a call to checked input, and to an error
//! - `identity`, `target`, `warehouse`: who runs a statement, and where
//! - `submit`, `statement`, `run`, `session`, `wait`: a statement from its submission to its end
//! - `describe`, `result`, `csv`, `catalogue`: what is told of it
//! - `outbox`: the event; `control`, `settings`, `plan`, `pace`: what tests may do
//! - `outside`, `lake`, `local`: MiniStack and the engine

mod catalogue;
mod control;
mod csv;
mod describe;
mod identity;
mod ids;
mod input;
mod lake;
mod local;
mod outbox;
mod outside;
mod pace;
mod page;
mod parameters;
mod plan;
mod refusal;
mod result;
mod run;
mod session;
mod settings;
mod statement;
mod submit;
mod target;
mod wait;
mod warehouse;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::Value;
use time::OffsetDateTime;

use crate::cloud::REGION;
use crate::service::{Call, Clock, Events, Reply, Service};

use self::identity::Identity;
use self::input::Input;
use self::outbox::Outbox;
use self::plan::Plans;
use self::refusal::{Outcome, Refusal};
use self::session::Session;
use self::settings::Settings;
use self::statement::{Format, Statement};
use self::submit::Token;
use self::warehouse::{CLUSTER, Kind, WORKGROUP, Warehouse};

pub use self::lake::{Buckets, S3};
pub use self::outside::{Outside, Services};
pub use self::warehouse::{Described, Engine, Engines, External, Progress, Sql};

/// Makes the files of the HumanResources sample from a seed: each table's name and its Parquet file.
pub type Sample = fn(u64) -> Result<Vec<(String, Bytes)>, String>;

/// What is around the stand-in.
#[derive(Clone)]
pub struct Surroundings {
    /// The services beside it.
    pub outside: Arc<dyn Outside>,
    /// The data lake.
    pub lake: Arc<dyn Buckets>,
    /// What runs SQL.
    pub engines: Engines,
    /// The sample data.
    pub sample: Sample,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("outside", &self.outside).finish_non_exhaustive()
    }
}

/// The stand-in for the Redshift Data API. Clones are the same.
#[derive(Clone)]
pub struct RedshiftData {
    shared: Arc<Shared>,
}

struct Shared {
    account: String,
    clock: Clock,
    around: Surroundings,
    outbox: Outbox,
    state: Mutex<State>,
}

/// All that a reset forgets.
#[derive(Debug, Default)]
struct State {
    settings: Settings,
    plans: Plans,
    warehouses: Vec<Warehouse>,
    tables: Vec<External>,
    statements: HashMap<String, Statement>,
    tokens: Vec<Token>,
    sessions: Vec<Session>,
    /// How many statements there have been.
    submitted: u64,
    /// How many queries.
    query_ids: i64,
}

/// What an operation knows of its call.
#[derive(Debug)]
struct Context {
    region: String,
    identity: Identity,
    now: OffsetDateTime,
}

impl RedshiftData {
    /// The Data API of an account, with a cluster `eventide-cluster` and a workgroup `eventide`.
    #[must_use]
    pub fn new(account: &str, clock: Clock, events: Arc<dyn Events>, around: Surroundings) -> Self {
        let service = Self {
            shared: Arc::new(Shared {
                account: account.to_owned(),
                outbox: Outbox::new(account.to_owned(), clock.clone(), events),
                clock,
                around,
                state: Mutex::default(),
            }),
        };
        service.reset();
        service
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, call: &Call) -> Outcome<String> {
        let operation = target_operation(call).unwrap_or_default();
        let body: Value = serde_json::from_slice(&call.body)
            .map_err(|error| Refusal::serialization(format!("not JSON: {error}")))?;
        let input = Input::new(&body)?;
        let outside = self.shared.around.outside.as_ref();
        let cx = Context {
            identity: Identity::of(&call.caller, &call.account, &call.region, outside).await,
            region: call.region.clone(),
            now: self.shared.clock.now(),
        };
        let answer = match operation {
            "GetStatementResult" => return self.fetch(&cx, input, Format::Json).await,
            "GetStatementResultV2" => return self.fetch(&cx, input, Format::Csv).await,
            "ExecuteStatement" => self.submit(&cx, &body, false).await,
            "BatchExecuteStatement" => self.submit(&cx, &body, true).await,
            "DescribeStatement" => self.describe(&cx, input).await,
            "ListStatements" => self.list(&cx, input),
            "CancelStatement" => self.cancel(&cx, input),
            "ListSessions" => self.list_sessions(&cx, input),
            "ListDatabases" => self.list_databases(&cx, input).await,
            "ListSchemas" => self.list_schemas(&cx, input).await,
            "ListTables" => self.list_tables(&cx, input).await,
            "DescribeTable" => self.describe_table(&cx, input).await,
            unknown => Err(Refusal::unknown_operation(unknown)),
        };
        answer.map(|answer| answer.to_string())
    }
}

/// The operation that `X-Amz-Target` names.
fn target_operation(call: &Call) -> Option<&str> {
    call.headers.get("x-amz-target")?.to_str().ok()?.strip_prefix("RedshiftData.")
}

/// An answer in the JSON 1.1 protocol.
fn answered(status: u16, body: String) -> Reply {
    Reply {
        status,
        headers: vec![("content-type".into(), "application/x-amz-json-1.1".into())],
        body: Bytes::from(body),
    }
}

impl Service for RedshiftData {
    fn name(&self) -> &'static str {
        "redshift-data"
    }

    fn operation(&self, call: &Call) -> Option<String> {
        target_operation(call).map(str::to_owned)
    }

    fn handle(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move { self.answer(&call).await.map_or_else(Reply::from, |body| answered(200, body)) }.boxed()
    }

    fn control(&self, method: Method, path: String, body: Value) -> BoxFuture<'_, Reply> {
        async move { self.control_request(method, &path, body).await }.boxed()
    }

    fn reset(&self) {
        let engine = &self.shared.around.engines;
        let mut state = self.state();
        state.forget_statements();
        *state = State {
            warehouses: vec![
                Warehouse::new(Kind::Cluster, CLUSTER, REGION, engine()),
                Warehouse::new(Kind::Workgroup, WORKGROUP, REGION, engine()),
            ],
            ..State::default()
        };
        self.shared.outbox.clear();
    }
}

impl fmt::Debug for RedshiftData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedshiftData").field("account", &self.shared.account).finish_non_exhaustive()
    }
}
