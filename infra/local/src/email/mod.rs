//! Amazon SES, as far as Eventide needs it: the whole of `/v2/email/`. SES's first API stays MiniStack's.
//!
//! Certain, from the service model: routes, members, patterns, limits, error codes with their statuses. From
//! the developer guide: what list management adds to a message and when, that a contact that unsubscribed and
//! an address on the suppression list are accepted and then bounce, the mailbox simulator, the events'
//! detail, that quotas count recipients over 24 hours and the rate over a second.
//!
//! Known from public code that meets the real service: the envelope of the events on EventBridge, with the
//! configuration set as the only resource; `UnsubscribedRecipient` as the subtype of the bounce of a contact
//! that unsubscribed; `Maximum sending rate exceeded.` as `TooManyRequestsException` with status 429.
//!
//! Assumed, since nothing published says it: the error of the daily quota (a setting; the guide says
//! `ThrottlingException`, public code `LimitExceededException`); other texts; which checks come first; that a
//! rejected message has no `Send` event; that the placeholder is replaced twice in each of text and HTML;
//! `UnsubscribePage` as the source of a subscription event that comes from the page.
//!
//! Not covered, and refused: templates, bulk sending, destinations other than EventBridge, tenants, import
//! and export jobs, dedicated addresses, insights, custom verification. Opens and clicks happen only by
//! control. Identities are verified at once, unless a setting says otherwise; there is no DNS.
//!
//! # Layout
//! - `route`, `refusal`, `address`: from a call to input, and to an error
//! - `store`, `account`, `identities`, `sets`, `contacts`, `suppression`: what it remembers
//! - `send`, `content`, `mime`, `fate`: a message from its call to what becomes of it
//! - `event`: the events; `unsubscribe`: links and what a click does
//! - `control`, `settings`: what tests may do

mod account;
mod address;
mod contacts;
mod content;
mod control;
mod event;
mod fate;
mod identities;
mod mime;
mod refusal;
mod route;
mod send;
mod sets;
mod settings;
mod store;
mod suppression;
mod unsubscribe;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::Value;
use time::OffsetDateTime;

use crate::messages::Messages;
use crate::messages::input::Input;
use crate::messages::outbox::Outbox;
use crate::messages::plan::Plans;
use crate::service::{Call, Clock, Events, Reply, Service};

use self::fate::Outcome;
use self::refusal::{Answer, Refusal};
use self::settings::Settings;
use self::store::Region;

/// The stand-in for Amazon SES.
pub struct Email {
    account: String,
    /// Where links in messages lead, such as `http://127.0.0.1:4566`.
    endpoint: String,
    clock: Clock,
    messages: Messages,
    outbox: Outbox,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    settings: Settings,
    plans: Plans<Outcome>,
    regions: BTreeMap<String, Region>,
}

/// What an operation knows of its call.
#[derive(Clone, Copy, Debug)]
struct Context<'a> {
    account: &'a str,
    region: &'a str,
    call: &'a Call,
    now: OffsetDateTime,
}

impl Email {
    /// SES of an account. Accepted messages go to `messages`, events to `events`, and unsubscribe links lead
    /// to `endpoint`.
    #[must_use]
    pub fn new(
        account: &str,
        endpoint: &str,
        clock: Clock,
        messages: Messages,
        events: Arc<dyn Events>,
    ) -> Self {
        Self {
            account: account.to_owned(),
            endpoint: endpoint.to_owned(),
            outbox: Outbox::new("aws.ses", account, clock.clone(), events),
            clock,
            messages,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, call: &Call) -> Answer {
        let Some((operation, input)) = route::read(call)? else {
            return Err(Refusal::not_covered(&format!("SES's {} {}", call.method, call.path)));
        };
        let input = Input::of(&input);
        let cx = Context { account: &self.account, region: &call.region, call, now: self.clock.now() };
        if operation == "SendEmail" {
            self.outbox.room().await;
            return self.send(&cx, input);
        }
        let mut state = self.state();
        let settings = state.settings.clone();
        let region = state.region(cx.region);
        match operation {
            "GetAccount" => Ok(account::get(&cx, &settings, region)),
            "PutAccountSendingAttributes" => account::put_sending(region, input),
            "PutAccountSuppressionAttributes" => account::put_suppression(region, input),
            "CreateEmailIdentity" => identities::create(&settings, region, input),
            "GetEmailIdentity" => identities::get(region, input),
            "ListEmailIdentities" => identities::list(region, input, settings.page_items),
            "DeleteEmailIdentity" => identities::delete(region, input),
            "CreateConfigurationSet" => sets::create(region, input),
            "GetConfigurationSet" => sets::get(region, input),
            "ListConfigurationSets" => sets::list(region, input, settings.page_items),
            "DeleteConfigurationSet" => sets::delete(region, input),
            "CreateConfigurationSetEventDestination" => sets::create_destination(&cx, region, input),
            "GetConfigurationSetEventDestinations" => sets::destinations(region, input),
            "UpdateConfigurationSetEventDestination" => sets::update_destination(&cx, region, input),
            "DeleteConfigurationSetEventDestination" => sets::delete_destination(region, input),
            "CreateContactList" => contacts::create_list(&cx, region, input),
            "GetContactList" => contacts::get_list(region, input),
            "ListContactLists" => contacts::list_lists(region, input, settings.page_items),
            "UpdateContactList" => contacts::update_list(&cx, region, input),
            "DeleteContactList" => contacts::delete_list(region, input),
            "CreateContact" => contacts::create(&cx, region, input),
            "GetContact" => contacts::get(region, input),
            "ListContacts" => contacts::list(region, input, settings.page_items),
            "UpdateContact" => contacts::update(&cx, region, input),
            "DeleteContact" => contacts::delete(region, input),
            "PutSuppressedDestination" => suppression::put(&cx, region, input),
            "GetSuppressedDestination" => suppression::get(region, input),
            "ListSuppressedDestinations" => suppression::list(region, input, settings.page_items),
            "DeleteSuppressedDestination" => suppression::delete(region, input),
            unknown => Err(Refusal::not_covered(unknown)),
        }
    }
}

/// How many items a page of a list has.
fn page_size(input: Input<'_>, page_items: usize) -> refusal::Outcome<usize> {
    let asked = input.integer("PageSize", 1..=1_000)?.and_then(|size| usize::try_from(size).ok());
    Ok(asked.unwrap_or(page_items).min(page_items))
}

impl State {
    fn region(&mut self, name: &str) -> &mut Region {
        self.regions.entry(name.to_owned()).or_insert_with(Region::new)
    }
}

impl Service for Email {
    fn name(&self) -> &'static str {
        "ses"
    }

    fn operation(&self, call: &Call) -> Option<String> {
        route::operation(call).map(str::to_owned)
    }

    fn handle(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move {
            match self.answer(&call).await {
                Ok(answer) => Reply::json(200, &answer),
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

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email").field("account", &self.account).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
