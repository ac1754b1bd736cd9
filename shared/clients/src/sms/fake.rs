use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::error::Error;

use super::{OPTED_OUT, Sent, Sms, TextMessage};

/// A text message that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedText {
    /// The id that it got.
    pub message_id: String,
    /// What was accepted.
    pub message: TextMessage,
}

/// [`Sms`] in memory. Clones share their state.
#[derive(Clone, Default)]
pub struct FakeSms(Arc<Mutex<State>>);

impl fmt::Debug for FakeSms {
    /// Without numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("FakeSms")
            .field("handed_over", &state.handed_over.len())
            .field("accepted", &state.accepted.len())
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    handed_over: Vec<TextMessage>,
    accepted: Vec<AcceptedText>,
    refusals: BTreeMap<String, String>,
    next: VecDeque<Next>,
}

enum Next {
    Fail(Error),
    Answer(Sent),
    Lose,
}

/// Most characters of a message (`SendTextMessage` in the API reference).
const MAX_BODY: usize = 1_600;

impl FakeSms {
    /// The next send that nothing is ordered for fails with `error`; nothing is accepted.
    pub fn fail_next(&self, error: Error) {
        self.state().next.push_back(Next::Fail(error));
    }

    /// The next send that nothing is ordered for has this outcome; nothing is accepted.
    pub fn answer_next(&self, sent: Sent) {
        self.state().next.push_back(Next::Answer(sent));
    }

    /// The next send that nothing is ordered for is accepted, and the answer is lost.
    pub fn lose_next_answer(&self) {
        self.state().next.push_back(Next::Lose);
    }

    /// Whatever goes to this number is refused, because it has opted out.
    pub fn opt_out(&self, number: &str) {
        self.refuse(number, OPTED_OUT);
    }

    /// Whatever goes to this number is refused for the reason.
    pub fn refuse(&self, number: &str, reason: &str) {
        self.state().refusals.insert(number.to_owned(), reason.to_owned());
    }

    /// What was accepted, in its order, lost answers with it.
    pub fn accepted(&self) -> Vec<AcceptedText> {
        self.state().accepted.clone()
    }

    /// What was handed over, in its order, whatever became of it.
    pub fn handed_over(&self) -> Vec<TextMessage> {
        self.state().handed_over.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn accept(&mut self, message: &TextMessage) -> String {
        let message_id = format!("text-{}", self.accepted.len() + 1);
        self.accepted.push(AcceptedText { message_id: message_id.clone(), message: message.clone() });
        message_id
    }
}

impl Sms for FakeSms {
    async fn send(&self, message: &TextMessage) -> Result<Sent, Error> {
        let mut state = self.state();
        state.handed_over.push(message.clone());
        match state.next.pop_front() {
            Some(Next::Fail(error)) => return Err(error),
            Some(Next::Answer(sent)) => return Ok(sent),
            Some(Next::Lose) => {
                state.accept(message);
                return Ok(Sent::unknown("connection_lost"));
            }
            None => {}
        }
        if let Some(reason) = state.refusals.get(&message.to) {
            return Ok(Sent::Refused { reason: reason.clone() });
        }
        if message.body.trim().is_empty() || message.body.chars().count() > MAX_BODY {
            return Ok(Sent::Refused { reason: "INVALID_PARAMETER".to_owned() });
        }
        Ok(Sent::Accepted { message_id: state.accept(message) })
    }
}
