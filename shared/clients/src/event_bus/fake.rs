use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::error::Error;

use super::{Event, EventBus};

/// [`EventBus`] in memory. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct FakeEventBus(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    failures: VecDeque<Error>,
}

impl FakeEventBus {
    /// The next send that is not yet to fail fails with `error`; nothing is sent.
    pub fn fail_next(&self, error: Error) {
        self.state().failures.push_back(error);
    }

    /// Events sent and not yet taken, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    /// The events, which the bus then has no more.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.state().events)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventBus for FakeEventBus {
    async fn send(&self, event: &Event) -> Result<(), Error> {
        event.checked()?;
        let mut state = self.state();
        if let Some(error) = state.failures.pop_front() {
            return Err(error);
        }
        state.events.push(event.clone());
        Ok(())
    }
}
