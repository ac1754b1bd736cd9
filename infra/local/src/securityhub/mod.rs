//! AWS Security Hub, as far as Eventide needs it.
//!
//! Findings and rules are kept per Region, in memory. What the API reference, the user guide and the service
//! model say is followed: routes, limits, error codes, partial failures, precedence of providers and
//! customers, automation rules, events. Where they are silent, the choice is documented in the module
//! concerned (`filter`, `rules`, `ocsf`) or is a setting ([`Settings`]).
//!
//! # Layout
//! - `route`, `check`, `refusal`, `page`, `rate`: from a call to checked input, and to an error
//! - `store`, `import`, `fields`, `update`, `history`: findings and what may change them
//! - `attributes`, `path`, `filter`, `query`: finding findings
//! - `rules`, `targets`, `hub`: automation rules, custom actions, enabling
//! - `ocsf`, `v2`: the new Security Hub
//! - `outbox`: the events; `control`, `settings`: what tests may do

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use http::Method;
use serde_json::Value;
use time::OffsetDateTime;

use crate::service::{Call, Clock, Events, Reply, Service};

use self::check::Object;
use self::outbox::{Outbox, Subject};
use self::rate::Rates;
use self::refusal::{Outcome, Refusal};
use self::settings::Injections;
use self::store::Region;

mod attributes;
mod check;
mod clock;
mod control;
mod fields;
mod filter;
mod history;
mod hub;
mod import;
mod ocsf;
mod outbox;
mod page;
mod path;
mod query;
mod rate;
mod refusal;
mod route;
mod rules;
mod settings;
mod store;
mod targets;
mod update;
mod v2;

pub use self::fields::UserDefinedFields;
pub use self::settings::Settings;

/// The stand-in for AWS Security Hub.
pub struct SecurityHub {
    account: String,
    clock: Clock,
    outbox: Outbox,
    state: Mutex<State>,
    initial: Settings,
}

#[derive(Debug, Default)]
struct State {
    settings: Settings,
    injections: Injections,
    regions: BTreeMap<String, Region>,
    rates: Rates,
}

/// What an operation knows of its call.
#[derive(Clone, Copy, Debug)]
struct Context<'a> {
    account: &'a str,
    region: &'a str,
    /// The caller's ARN.
    caller: &'a str,
    now: OffsetDateTime,
}

impl SecurityHub {
    /// A Security Hub without findings in the account, which is an administrator's: it takes findings of
    /// any account. Its events go to `events`.
    #[must_use]
    pub fn new(account: &str, clock: Clock, events: Arc<dyn Events>, settings: Settings) -> Self {
        Self {
            account: account.to_owned(),
            outbox: Outbox::new(account.to_owned(), clock.clone(), events),
            clock,
            state: Mutex::new(State { settings: settings.clone(), ..State::default() }),
            initial: settings,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, call: &Call) -> Reply {
        let Some(operation) = route::operation(call) else {
            return Reply::not_covered(&format!("Security Hub's {} {}", call.method, call.path));
        };
        let input = match route::input(call) {
            Ok(input) => input,
            Err(reply) => return reply,
        };
        let root = || format!("arn:{}:iam::{}:root", store::partition(&call.region), self.account);
        let caller = call.caller.role_arn.clone().unwrap_or_else(root);
        let cx =
            Context { account: &self.account, region: &call.region, caller: &caller, now: self.clock.now() };
        let mut events = Vec::new();
        let (outcome, emit) = {
            let mut state = self.state();
            (state.run(&cx, operation, &input, &mut events), state.settings.emit)
        };
        for subject in events.into_iter().filter(|_| emit) {
            self.outbox.post(&call.region, subject);
        }
        match outcome {
            Ok(answer) => Reply::json(200, &answer),
            Err(refusal) if operation.ends_with("V2") => refusal.for_v2().into(),
            Err(refusal) => refusal.into(),
        }
    }
}

impl State {
    fn run(
        &mut self,
        cx: &Context<'_>,
        operation: &'static str,
        input: &Object,
        events: &mut Vec<Subject>,
    ) -> Outcome<Value> {
        let Self { settings, injections, regions, rates } = self;
        if settings.rates && !rates.admit(cx.region, operation, cx.now) {
            return Err(Refusal::too_many_requests());
        }
        let region = regions.entry(cx.region.to_owned()).or_insert_with(|| Region {
            hub: Some(cx.now),
            hub_v2: settings.v2.then_some(cx.now),
            ..Region::default()
        });
        let size = settings.page_size;
        match operation {
            "EnableSecurityHub" => return hub::enable(cx, region, input),
            "EnableSecurityHubV2" => return hub::enable_v2(cx, region),
            "DisableSecurityHubV2" => return hub::disable_v2(region),
            "DescribeSecurityHubV2" => return hub::describe_v2(cx, region),
            "BatchUpdateFindingsV2" | "GetFindingsV2" if region.hub_v2.is_none() => {
                return Err(Refusal::v2_not_enabled(cx.account));
            }
            "BatchUpdateFindingsV2" => return v2::batch_update(cx, injections, region, input, events),
            "GetFindingsV2" => return v2::get_findings(cx, region, input, size),
            _ if region.hub.is_none() => return Err(Refusal::not_enabled(cx.account)),
            _ => {}
        }
        match operation {
            "DisableSecurityHub" => hub::disable(region),
            "DescribeHub" => hub::describe(cx, region, input),
            "BatchImportFindings" => update::batch_import(cx, settings, region, input, events),
            "BatchUpdateFindings" => update::batch_update(cx, settings, injections, region, input, events),
            "GetFindings" => query::get_findings(cx, region, input, size),
            "GetFindingHistory" => query::finding_history(cx, region, input, size),
            "CreateAutomationRule" => rules::create(cx, region, input),
            "ListAutomationRules" => rules::list(region, input, size),
            "BatchGetAutomationRules" => rules::get(region, input),
            "BatchUpdateAutomationRules" => rules::update(cx, region, input),
            "BatchDeleteAutomationRules" => rules::delete(region, input),
            "CreateActionTarget" => targets::create(cx, region, input),
            "DescribeActionTargets" => targets::describe(region, input, size),
            "UpdateActionTarget" => targets::update(region, input),
            "DeleteActionTarget" => targets::delete(region, input),
            unknown => Err(Refusal::not_found(format!("`{unknown}` has a route and no code"))),
        }
    }
}

impl Service for SecurityHub {
    fn name(&self) -> &'static str {
        "securityhub"
    }

    fn operation(&self, call: &Call) -> Option<String> {
        route::operation(call).map(str::to_owned)
    }

    fn handle(&self, call: Call) -> BoxFuture<'_, Reply> {
        Box::pin(async move { self.answer(&call) })
    }

    fn control(&self, method: Method, path: String, body: Value) -> BoxFuture<'_, Reply> {
        Box::pin(async move { self.control_request(method, &path, body).await })
    }

    fn reset(&self) {
        *self.state() = State { settings: self.initial.clone(), ..State::default() };
        self.outbox.clear();
    }
}

impl fmt::Debug for SecurityHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityHub").field("account", &self.account).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
