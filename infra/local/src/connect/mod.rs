//! Amazon Connect and the Connect Participant Service, as far as Eventide needs them: chats, voice contacts
//! that wait, callbacks, and an agent who answers by a script.
//!
//! Certain, from the service models and the API reference: operations, members, limits, errors, the client
//! token of seven days, the five minutes within which a customer has to connect, the 100 seconds of a
//! WebSocket's address, the day of a connection token, the length of messages. From the administrator guide:
//! the contact events and their detail, the prefix that is not called, the default quotas. From
//! amazon-connect-chatjs 5.0.0, which speaks to it: the frames of the WebSocket.
//!
//! Assumed, since nothing published says it: texts; which checks come first; that a repeated client token
//! gives the first contact whatever else the request says; that a related contact need not be known (a
//! setting); that a chat which has ended answers every participant call with `AccessDeniedException`, and
//! `StopContact` with success; what `MostRecent` counts; that typing comes back to who types; that a chat
//! waits in the queue from the moment the customer's connection subscribes. Calls of participants are not
//! throttled.
//!
//! Not covered, and refused: persistent chats, guides, streaming endpoints, campaigns, tasks, email,
//! attachments, views, WebRTC, authentication.
//!
//! # Layout
//! - `route`, `refusal`, `rate`, `input`: from a call to input, and to an error
//! - `store`, `chat`, `item`, `transcript`: what it remembers
//! - `start`, `call`, `contacts`: the operations
//! - `lifecycle`, `event`: what becomes of a contact, and who hears of it
//! - `agent`: the scripted agent; `participant`: the Participant Service and its WebSocket
//! - `control`, `settings`, `failures`: what tests may do

mod agent;
mod call;
mod chat;
mod contacts;
mod control;
mod event;
mod failures;
mod input;
mod item;
mod lifecycle;
mod participant;
mod rate;
mod refusal;
mod route;
mod settings;
mod start;
mod store;
mod transcript;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::messages::input::Input;
use crate::messages::outbox::Outbox;
use crate::service::{Call, Clock, Events, Reply, Service};

use self::refusal::{Answer, Refusal};
use self::store::State;

/// The instance that there is from the start.
pub const INSTANCE: &str = "11111111-2222-3333-4444-555555555555";
/// The flow of chats that there is from the start.
pub const CHAT_FLOW: &str = "aaaaaaaa-0000-4000-8000-000000000001";
/// The flow of callbacks that there is from the start.
pub const CALLBACK_FLOW: &str = "aaaaaaaa-0000-4000-8000-000000000002";
/// The queue that there is from the start.
pub const QUEUE: &str = "bbbbbbbb-0000-4000-8000-000000000001";
/// The instance's phone number, in E.164.
pub const NUMBER: &str = "+12065550100";

/// The stand-in for Amazon Connect and its Participant Service. Clones share everything.
#[derive(Clone)]
pub struct Connect {
    inner: Arc<Inner>,
}

struct Inner {
    account: String,
    clock: Clock,
    outbox: Outbox,
    state: Mutex<State>,
    /// Where participants reach the Participant Service, such as `http://127.0.0.1:4567`; no reset forgets
    /// it.
    origin: Mutex<Option<String>>,
    /// Something has happened that may be the agent's turn.
    stirred: Arc<Notify>,
    driven: AtomicBool,
}

/// What an operation knows of its call.
#[derive(Clone, Copy, Debug)]
struct Context<'a> {
    region: &'a str,
    now: OffsetDateTime,
}

impl Connect {
    /// Connect of an account, with one instance in every Region. Contact events go to `events`.
    #[must_use]
    pub fn new(account: &str, clock: Clock, events: Arc<dyn Events>) -> Self {
        Self {
            inner: Arc::new(Inner {
                account: account.to_owned(),
                outbox: Outbox::new("aws.connect", account, clock.clone(), events),
                clock,
                state: Mutex::default(),
                origin: Mutex::default(),
                stirred: Arc::default(),
                driven: AtomicBool::new(false),
            }),
        }
    }

    /// Says where participants reach the Participant Service, such as `http://127.0.0.1:4567`: the addresses
    /// of WebSockets begin with it. Until then they begin with the `Host` that a participant asked.
    pub fn set_origin(&self, origin: &str) {
        let origin = origin.trim_end_matches('/').to_owned();
        *self.inner.origin.lock().unwrap_or_else(PoisonError::into_inner) = Some(origin);
    }

    /// The paths below `/participant/`: the Participant Service with its WebSocket. Its server has to let
    /// connections be upgraded.
    pub(crate) fn participant_router(&self) -> axum::Router {
        participant::router(self.clone())
    }

    async fn answer(&self, call: &Call) -> Answer {
        let Some((operation, members)) = route::read(call)? else {
            return Err(Refusal::not_covered(&format!("Connect's {} {}", call.method, call.path)));
        };
        let input = Input::of(&members);
        let cx = Context { region: &call.region, now: self.inner.clock.now() };
        if operation.starts_with("Start") {
            self.inner.outbox.room().await;
        }
        let mut state = self.inner.state();
        state.admit(operation, &cx)?;
        match operation {
            "StartChatContact" => {
                let answer = self.inner.start_chat(&mut state, &cx, input);
                drop(state);
                self.stir();
                answer
            }
            "StartOutboundVoiceContact" => self.inner.start_call(&mut state, &cx, input),
            "StopContact" => self.inner.stop(&mut state, &cx, input),
            "DescribeContact" => self.inner.describe(&state, &cx, input),
            unknown => Err(Refusal::not_covered(unknown)),
        }
    }

    /// Lets the agent see what there is to do.
    fn stir(&self) {
        if !self.inner.driven.swap(true, Ordering::AcqRel) {
            tokio::spawn(agent::drive(Arc::downgrade(&self.inner), Arc::clone(&self.inner.stirred)));
        }
        self.inner.stirred.notify_one();
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn origin(&self) -> Option<String> {
        self.origin.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Service for Connect {
    fn name(&self) -> &'static str {
        "connect"
    }

    fn operation(&self, call: &Call) -> Option<String> {
        route::operation(call).map(str::to_owned)
    }

    fn handle(&self, call: Call) -> BoxFuture<'_, Reply> {
        async move {
            match self.answer(&call).await {
                Ok(answer) => Reply::json(200, &answer),
                Err(refusal) => refusal.reply("InvalidParameterException"),
            }
        }
        .boxed()
    }

    fn control(&self, method: Method, path: String, body: Value) -> BoxFuture<'_, Reply> {
        async move { self.control_request(method, &path, body).await }.boxed()
    }

    fn reset(&self) {
        *self.inner.state() = State::default();
        self.inner.outbox.clear();
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").field("account", &self.inner.account).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
