use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::error::Error;

use super::{Outgoing, Queue};

/// [`Queue`] in memory. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct FakeQueue(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    messages: Vec<Outgoing>,
    sent: usize,
    failures: VecDeque<Error>,
    rejections: VecDeque<Error>,
}

impl FakeQueue {
    /// The next send that is not yet to fail fails with `error`; nothing is sent.
    pub fn fail_next(&self, error: Error) {
        self.state().failures.push_back(error);
    }

    /// The next message that is not yet to be rejected is rejected with `error`; those sent with it are not.
    pub fn reject_next(&self, error: Error) {
        self.state().rejections.push_back(error);
    }

    /// Messages sent and not yet taken, oldest first.
    pub fn messages(&self) -> Vec<Outgoing> {
        self.state().messages.clone()
    }

    /// The messages, which the queue then has no more.
    pub fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut self.state().messages)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn accept(&mut self, message: Outgoing) -> Result<String, Error> {
        if let Some(error) = self.rejections.pop_front() {
            return Err(error);
        }
        message.check()?;
        self.messages.push(message);
        self.sent += 1;
        Ok(format!("message-{}", self.sent))
    }
}

impl Queue for FakeQueue {
    async fn send(&self, messages: Vec<Outgoing>) -> Result<Vec<Result<String, Error>>, Error> {
        let mut state = self.state();
        if let Some(error) = state.failures.pop_front() {
            return Err(error);
        }
        Ok(messages.into_iter().map(|message| state.accept(message)).collect())
    }
}
