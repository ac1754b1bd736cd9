//! Amazon Detective, stood in for: behaviour graphs and investigations of IAM users and roles.
//!
//! An investigation runs for a scenario's time on the shared [`Clock`] and then has the scenario's outcome,
//! severity and indicators (see `infra/local/scenarios/README.md`). Everything is per account and Region; a
//! graph exists at first in the default account's `us-east-1` only.
//!
//! Certain, from the Detective API reference and its service model: routes, members, patterns, lengths, the
//! errors each operation may answer, the life of a page token (24 hours, then `ValidationException`), that
//! `CreateGraph` answers the same ARN when repeated, and that only IAM roles and users are investigated.
//!
//! Assumed, since nothing published says it: the wording of messages; that a scope must end by now; that
//! `Severity` is absent until an investigation succeeds; that lists are sorted newest first unless asked
//! otherwise; what an unknown entity is answered with; that an unknown graph is `ResourceNotFoundException`
//! rather than `AccessDeniedException`.

mod arn;
mod control;
mod graphs;
mod indicator;
mod investigation;
mod list;
mod page;
mod scenario;
mod start;
mod validate;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::Value;

use crate::service::{Call, Clock, Reply, Service};
use control::Settings;
use graphs::Graph;
use investigation::Investigation;
use scenario::Scenario;

/// The Region in which the default account has a graph from the start.
pub const DEFAULT_REGION: &str = "us-east-1";

/// What an operation comes to: a JSON body, or the error as it is answered.
type Answer = Result<Value, Reply>;

/// Method, path and name of every operation of the API, covered or not.
const OPERATIONS: &[(Method, &str, &str)] = &[
    (Method::POST, "/graph", "CreateGraph"),
    (Method::POST, "/graphs/list", "ListGraphs"),
    (Method::POST, "/graph/removal", "DeleteGraph"),
    (Method::POST, "/investigations/startInvestigation", "StartInvestigation"),
    (Method::POST, "/investigations/getInvestigation", "GetInvestigation"),
    (Method::POST, "/investigations/listInvestigations", "ListInvestigations"),
    (Method::POST, "/investigations/listIndicators", "ListIndicators"),
    (Method::POST, "/investigations/updateInvestigationState", "UpdateInvestigationState"),
    (Method::PUT, "/invitation", "AcceptInvitation"),
    (Method::POST, "/graph/datasources/get", "BatchGetGraphMemberDatasources"),
    (Method::POST, "/membership/datasources/get", "BatchGetMembershipDatasources"),
    (Method::POST, "/graph/members", "CreateMembers"),
    (Method::POST, "/graph/members/removal", "DeleteMembers"),
    (Method::POST, "/orgs/describeOrganizationConfiguration", "DescribeOrganizationConfiguration"),
    (Method::POST, "/orgs/disableAdminAccount", "DisableOrganizationAdminAccount"),
    (Method::POST, "/membership/removal", "DisassociateMembership"),
    (Method::POST, "/orgs/enableAdminAccount", "EnableOrganizationAdminAccount"),
    (Method::POST, "/graph/members/get", "GetMembers"),
    (Method::POST, "/graph/datasources/list", "ListDatasourcePackages"),
    (Method::POST, "/invitations/list", "ListInvitations"),
    (Method::POST, "/graph/members/list", "ListMembers"),
    (Method::POST, "/orgs/adminAccountslist", "ListOrganizationAdminAccounts"),
    (Method::POST, "/invitation/removal", "RejectInvitation"),
    (Method::POST, "/graph/member/monitoringstate", "StartMonitoringMember"),
    (Method::POST, "/graph/datasources/update", "UpdateDatasourcePackages"),
    (Method::POST, "/orgs/updateOrganizationConfiguration", "UpdateOrganizationConfiguration"),
];

/// The stand-in for Amazon Detective.
pub struct Detective {
    account: String,
    clock: Clock,
    shipped: Vec<Arc<Scenario>>,
    state: Mutex<State>,
}

/// All that a reset forgets.
#[derive(Default)]
struct State {
    graphs: Vec<Graph>,
    graphs_removed: u32,
    investigations: Vec<Investigation>,
    investigations_made: u32,
    /// Added at run time, newest first; they win over the shipped ones.
    scenarios: Vec<Arc<Scenario>>,
    settings: Settings,
    /// The only entities Detective knows, if a test has set them.
    entities: Option<BTreeSet<String>>,
}

impl Detective {
    /// Detective for an account (12 digits), with the shipped scenarios and the account's first graph.
    ///
    /// # Errors
    /// A shipped scenario file that is not in the scenario format.
    pub fn new(account: &str, clock: Clock) -> Result<Self, String> {
        let detective = Self {
            account: account.to_owned(),
            clock,
            shipped: scenario::shipped()?,
            state: Mutex::new(State::default()),
        };
        detective.reset();
        Ok(detective)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, call: Call) -> Answer {
        let operation = self.operation(&call).unwrap_or_else(|| format!("{} {}", call.method, call.path));
        let body = call.json()?;
        match operation.as_str() {
            "CreateGraph" => self.create_graph(&call, &body),
            "ListGraphs" => self.list_graphs(&call, &body),
            "DeleteGraph" => self.delete_graph(&call, &body),
            "StartInvestigation" => {
                let started = self.start_investigation(&call, &body);
                // The investigation exists before the answer does, so that a caller which gives up waiting
                // has started one all the same.
                let latency = self.state().settings.start_latency_ms;
                tokio::time::sleep(Duration::from_millis(latency)).await;
                started
            }
            "GetInvestigation" => self.get_investigation(&call, &body),
            "ListInvestigations" => self.list_investigations(&call, &body),
            "ListIndicators" => self.list_indicators(&call, &body),
            "UpdateInvestigationState" => self.update_investigation_state(&call, &body),
            _ => Err(Reply::not_covered(&format!("detective:{operation}"))),
        }
    }
}

/// Puts a member into a JSON object if there is a value for it.
fn put(object: &mut Value, member: &str, value: Option<impl Into<Value>>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(member.to_owned(), value.into());
    }
}

impl Service for Detective {
    fn name(&self) -> &'static str {
        "detective"
    }

    fn operation(&self, call: &Call) -> Option<String> {
        let exact = OPERATIONS.iter().find(|(method, path, _)| call.method == *method && call.path == *path);
        if let Some((_, _, name)) = exact {
            return Some((*name).to_owned());
        }
        call.path.strip_prefix("/tags/")?;
        let name = match call.method {
            Method::GET => "ListTagsForResource",
            Method::POST => "TagResource",
            Method::DELETE => "UntagResource",
            _ => return None,
        };
        Some(name.to_owned())
    }

    fn handle(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move { self.answer(call).await.map_or_else(|error| error, |body| Reply::json(200, &body)) }
            .boxed()
    }

    fn control(&self, method: Method, path: String, body: Value) -> BoxFuture<'_, Reply> {
        let answer = self.control_answer(&method, &path, body);
        async move { answer.map_or_else(|error| error, |body| Reply::json(200, &body)) }.boxed()
    }

    fn reset(&self) {
        let mut state = self.state();
        *state = State::default();
        state.create_graph(&self.account, DEFAULT_REGION, self.clock.now());
    }
}

impl fmt::Debug for Detective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Detective")
            .field("account", &self.account)
            .field("graphs", &state.graphs.len())
            .field("investigations", &state.investigations.len())
            .finish_non_exhaustive()
    }
}
