//! AWS End User Messaging SMS (`pinpoint-sms-voice-v2`), as far as Eventide needs it: text messages.
//!
//! Certain, from the service model: operations, members, patterns, limits, errors and their reasons. From the
//! user guide: that events go to the default event bus by themselves, without a configuration set; their
//! envelope and detail; that throughput is counted in message parts a second, a dry run's at five at most.
//!
//! Assumed, since nothing published says it: texts; which checks come first; what a message costs (a table of
//! settings, not AWS's prices); that events on EventBridge have `destinationPhoneNumber`, which the guide's
//! record for other destinations has and its EventBridge samples have not (a setting); which statuses a
//! message goes through (a setting: `PENDING`, then `DELIVERED`).
//!
//! Not covered, and refused: voice, media, RCS, registrations, protect configurations, keywords. Destinations
//! of configuration sets are kept and get nothing.
//!
//! # Layout
//! - `refusal`: errors; `store`: what it remembers
//! - `identities`, `pools`, `optouts`, `sets`, `account`: numbers, sender ids, pools, lists, sets, limits
//! - `send`, `parts`, `country`: a message from its call to its acceptance
//! - `event`: the events; `control`, `settings`: what tests may do

mod account;
mod control;
mod country;
mod event;
mod identities;
mod optouts;
mod parts;
mod pools;
mod refusal;
mod send;
mod sets;
mod settings;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::Value;
use time::OffsetDateTime;

use crate::messages::Messages;
use crate::messages::input::{Input, page};
use crate::messages::outbox::Outbox;
use crate::messages::plan::Plans;
use crate::service::{Call, Clock, Events, Reply, Service};

use self::event::Status;
use self::refusal::{Answer, Outcome, Refusal};
use self::settings::Settings;
use self::store::Region;

/// The stand-in for AWS End User Messaging SMS.
pub struct Sms {
    account: String,
    clock: Clock,
    messages: Messages,
    outbox: Outbox,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    settings: Settings,
    plans: Plans<Status>,
    regions: BTreeMap<String, Region>,
}

/// What an operation knows of its call.
#[derive(Clone, Copy, Debug)]
struct Context<'a> {
    account: &'a str,
    region: &'a str,
    caller: &'a str,
    now: OffsetDateTime,
}

impl Context<'_> {
    fn arn(&self, resource: &str) -> String {
        format!("arn:aws:sms-voice:{}:{}:{resource}", self.region, self.account)
    }
}

impl Sms {
    /// SMS of an account, with a number, a pool and a sender id in every Region. Accepted messages go to
    /// `messages`, events to `events`.
    #[must_use]
    pub fn new(account: &str, clock: Clock, messages: Messages, events: Arc<dyn Events>) -> Self {
        Self {
            account: account.to_owned(),
            outbox: Outbox::new("aws.sms-voice", account, clock.clone(), events),
            clock,
            messages,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, call: &Call) -> Answer {
        let operation = target_operation(call).unwrap_or_default();
        let body: Value = serde_json::from_slice(&call.body)
            .map_err(|error| Refusal::serialization(format!("not JSON (line {})", error.line())))?;
        let input = Input::new(&body)?;
        let cx = Context {
            account: &self.account,
            region: &call.region,
            caller: call.caller.name(),
            now: self.clock.now(),
        };
        if operation == "SendTextMessage" {
            self.outbox.room().await;
            return self.send(&cx, input);
        }
        let mut state = self.state();
        let State { settings, regions, .. } = &mut *state;
        let region = regions.entry(cx.region.to_owned()).or_insert_with(|| Region::new(cx.now));
        match operation {
            "RequestPhoneNumber" => identities::request_number(&cx, region, input),
            "DescribePhoneNumbers" => identities::describe_numbers(&cx, region, input),
            "ReleasePhoneNumber" => identities::release_number(&cx, region, input),
            "RequestSenderId" => identities::request_sender(&cx, region, input),
            "DescribeSenderIds" => identities::describe_senders(&cx, region, input),
            "ReleaseSenderId" => identities::release_sender(&cx, region, input),
            "CreatePool" => pools::create(&cx, region, input),
            "DescribePools" => pools::describe(&cx, region, input),
            "DeletePool" => pools::delete(&cx, region, input),
            "AssociateOriginationIdentity" => pools::associate(&cx, region, input),
            "CreateOptOutList" => optouts::create_list(&cx, region, input),
            "DescribeOptOutLists" => optouts::describe_lists(&cx, region, input),
            "DeleteOptOutList" => optouts::delete_list(&cx, region, input),
            "PutOptedOutNumber" => optouts::put(&cx, region, input),
            "DescribeOptedOutNumbers" => optouts::describe(&cx, region, input),
            "DeleteOptedOutNumber" => optouts::delete(&cx, region, input),
            "CreateConfigurationSet" => sets::create(&cx, region, input),
            "DescribeConfigurationSets" => sets::describe(&cx, region, input),
            "DeleteConfigurationSet" => sets::delete(&cx, region, input),
            "CreateEventDestination" => sets::create_destination(&cx, region, input),
            "UpdateEventDestination" => sets::update_destination(&cx, region, input),
            "DeleteEventDestination" => sets::delete_destination(&cx, region, input),
            "DescribeAccountAttributes" => account::attributes(settings, input),
            "DescribeSpendLimits" => account::spend_limits(settings, region, input),
            "SetTextMessageSpendLimitOverride" => account::set_spend_limit(settings, region, input),
            "DeleteTextMessageSpendLimitOverride" => account::delete_spend_limit(settings, region),
            unknown => Err(Refusal::unknown_operation(unknown)),
        }
    }
}

/// A page of a listing, with its member's name.
fn listed(member: &str, items: Vec<Value>, input: Input<'_>) -> Outcome<serde_json::Map<String, Value>> {
    let asked = input.integer("MaxResults", 1..=100)?.and_then(|size| usize::try_from(size).ok());
    let shown = page(items.into_iter(), input.text("NextToken")?, asked.unwrap_or(100));
    let (shown, next) = shown.ok_or_else(Refusal::bad_token)?;
    let mut answer = serde_json::Map::new();
    answer.insert(member.to_owned(), Value::Array(shown));
    answer.extend(next.map(|next| ("NextToken".to_owned(), Value::from(next))));
    Ok(answer)
}

/// The operation that `X-Amz-Target` names.
fn target_operation(call: &Call) -> Option<&str> {
    call.headers.get("x-amz-target")?.to_str().ok()?.strip_prefix("PinpointSMSVoiceV2.")
}

/// An answer in the JSON 1.0 protocol.
fn answered(status: u16, body: &Value) -> Reply {
    Reply {
        status,
        headers: vec![("content-type".into(), "application/x-amz-json-1.0".into())],
        body: Bytes::from(body.to_string()),
    }
}

impl Service for Sms {
    fn name(&self) -> &'static str {
        "sms-voice"
    }

    fn operation(&self, call: &Call) -> Option<String> {
        target_operation(call).map(str::to_owned)
    }

    fn handle(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move {
            match self.answer(&call).await {
                Ok(answer) => answered(200, &answer),
                Err(refusal) => refusal.into(),
            }
        }
        .boxed()
    }

    fn control(&self, method: Method, path: String, body: Value) -> BoxFuture<'_, Reply> {
        async move { self.control_request(method, &path, body).await }.boxed()
    }

    fn reset(&self) {
        *self.state() = State::default();
        self.messages.clear();
        self.outbox.clear();
    }
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms").field("account", &self.account).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
