use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::error::Error;

use super::{Chat, Connect, NewCall, NewChat, Standing};
use crate::faults::Faults;

/// Calls that can be made to fail, and that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`Connect::start_chat`]
    StartChat,
    /// [`Connect::start_call`]
    StartCall,
    /// [`Connect::standing`]
    Standing,
    /// [`Connect::stop`]
    Stop,
}

/// A chat that the fake has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedChat {
    /// What was asked for.
    pub asked: NewChat,
    /// What was answered.
    pub chat: Chat,
}

/// A call that the fake has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedCall {
    /// What was asked for.
    pub asked: NewCall,
    /// What was answered.
    pub contact_id: String,
}

/// [`Connect`] in memory. It knows every flow but those that it is told are missing. Clones share their
/// state.
#[derive(Clone, Default)]
pub struct FakeConnect(Arc<Mutex<Instance>>);

impl fmt::Debug for FakeConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeConnect").field("contacts", &self.state().contacts).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Instance {
    contacts: BTreeMap<String, Standing>,
    missing_flows: BTreeSet<String>,
    chats: Vec<StartedChat>,
    calls: Vec<StartedCall>,
    stopped: Vec<String>,
    asked: Vec<Operation>,
    faults: Faults<Operation>,
    lost: Faults<Operation>,
}

impl FakeConnect {
    /// Adds a contact, or changes where it stands.
    pub fn put(&self, contact_id: &str, standing: Standing) {
        self.state().contacts.insert(contact_id.to_owned(), standing);
    }

    /// Has no such flow from now on.
    pub fn remove_flow(&self, flow_id: &str) {
        self.state().missing_flows.insert(flow_id.to_owned());
    }

    /// The next call of `operation` without such a failure before it fails with `error`, and does nothing.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.state().faults.push(operation, error);
    }

    /// The next call of `operation` that does not fail otherwise is carried out, and fails with `error`: its
    /// answer is lost.
    pub fn lose_next(&self, operation: Operation, error: Error) {
        self.state().lost.push(operation, error);
    }

    /// The chats, oldest first.
    pub fn chats(&self) -> Vec<StartedChat> {
        self.state().chats.clone()
    }

    /// The calls that were made, oldest first.
    pub fn started_calls(&self) -> Vec<StartedCall> {
        self.state().calls.clone()
    }

    /// The contacts that were ended, in their order, each once.
    pub fn stopped(&self) -> Vec<String> {
        self.state().stopped.clone()
    }

    /// How often `operation` was called.
    pub fn calls(&self, operation: Operation) -> usize {
        self.state().asked.iter().filter(|asked| **asked == operation).count()
    }

    fn state(&self) -> MutexGuard<'_, Instance> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call<T>(
        &self,
        operation: Operation,
        carry_out: impl FnOnce(&mut Instance) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut state = self.state();
        state.asked.push(operation);
        state.faults.check(operation)?;
        let answer = carry_out(&mut state)?;
        state.lost.check(operation)?;
        Ok(answer)
    }
}

impl Instance {
    fn check_flow(&self, operation: &str, flow_id: &str) -> Result<(), Error> {
        if !self.missing_flows.contains(flow_id) {
            return Ok(());
        }
        let message = format!("`connect:{operation}` failed with `ResourceNotFoundException`");
        Err(Error::environment("ResourceNotFound", message))
    }

    /// A contact that waits.
    fn add(&mut self) -> String {
        let number = self.chats.len() + self.calls.len() + 1;
        let contact_id = format!("00000000-0000-4000-8000-{number:012}");
        self.contacts.insert(contact_id.clone(), Standing::Waiting);
        contact_id
    }
}

impl Connect for FakeConnect {
    async fn start_chat(&self, chat: &NewChat) -> Result<Chat, Error> {
        chat.check()?;
        self.call(Operation::StartChat, |state| {
            let is_same = |started: &&StartedChat| started.asked.client_token == chat.client_token;
            if let Some(started) = state.chats.iter().find(is_same) {
                return Ok(started.chat.clone());
            }
            state.check_flow("StartChatContact", &chat.flow_id)?;
            let contact_id = state.add();
            let started = Chat {
                participant_id: format!("participant-of-{contact_id}"),
                participant_token: format!("token-of-{contact_id}"),
                contact_id,
            };
            state.chats.push(StartedChat { asked: chat.clone(), chat: started.clone() });
            Ok(started)
        })
    }

    async fn start_call(&self, call: &NewCall) -> Result<String, Error> {
        self.call(Operation::StartCall, |state| {
            let is_same = |started: &&StartedCall| started.asked.client_token == call.client_token;
            if let Some(started) = state.calls.iter().find(is_same) {
                return Ok(started.contact_id.clone());
            }
            state.check_flow("StartOutboundVoiceContact", &call.flow_id)?;
            let contact_id = state.add();
            state.calls.push(StartedCall { asked: call.clone(), contact_id: contact_id.clone() });
            Ok(contact_id)
        })
    }

    async fn standing(&self, contact_id: &str) -> Result<Standing, Error> {
        self.call(Operation::Standing, |state| {
            Ok(state.contacts.get(contact_id).copied().unwrap_or(Standing::Ended))
        })
    }

    async fn stop(&self, contact_id: &str) -> Result<(), Error> {
        self.call(Operation::Stop, |state| {
            let standing =
                state.contacts.get_mut(contact_id).filter(|standing| **standing != Standing::Ended);
            if let Some(standing) = standing {
                *standing = Standing::Ended;
                state.stopped.push(contact_id.to_owned());
            }
            Ok(())
        })
    }
}
