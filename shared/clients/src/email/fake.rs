use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::error::Error;

use super::{Email, Mail, Quota, Sent};

/// An email that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedMail {
    /// The id that it got.
    pub message_id: String,
    /// What was accepted.
    pub mail: Mail,
}

/// [`Email`] in memory. Clones share their state.
#[derive(Clone, Default)]
pub struct FakeEmail(Arc<Mutex<State>>);

impl fmt::Debug for FakeEmail {
    /// Without addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("FakeEmail")
            .field("handed_over", &state.handed_over.len())
            .field("accepted", &state.accepted.len())
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    quota: Option<Quota>,
    quota_calls: usize,
    handed_over: Vec<Mail>,
    accepted: Vec<AcceptedMail>,
    refusals: BTreeMap<String, String>,
    next: VecDeque<Next>,
    quota_failures: VecDeque<Error>,
}

enum Next {
    Fail(Error),
    Answer(Sent),
    Lose,
}

/// What an account has that is out of the sandbox.
const QUOTA: Quota =
    Quota { max_per_second: 14.0, max_24_hours: 50_000.0, sent_24_hours: 0.0, sending_enabled: true };
/// Most headers, and the longest name and value of one (`MessageHeader` in the Amazon SES API v2 reference).
const MAX_HEADERS: (usize, usize, usize) = (15, 126, 995);

impl FakeEmail {
    /// Changes what the account may send; by default 14 a second and 50,000 in 24 hours.
    pub fn set_quota(&self, quota: Quota) {
        self.state().quota = Some(quota);
    }

    /// The next [`Email::quota`] that is not yet to fail fails with `error`.
    pub fn fail_next_quota(&self, error: Error) {
        self.state().quota_failures.push_back(error);
    }

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

    /// Whatever goes to this address is refused for the reason.
    pub fn refuse(&self, to: &str, reason: &str) {
        self.state().refusals.insert(to.to_owned(), reason.to_owned());
    }

    /// What was accepted, in its order, lost answers with it.
    pub fn accepted(&self) -> Vec<AcceptedMail> {
        self.state().accepted.clone()
    }

    /// What was handed over, in its order, whatever became of it.
    pub fn handed_over(&self) -> Vec<Mail> {
        self.state().handed_over.clone()
    }

    /// How often the quota was asked for.
    pub fn quota_calls(&self) -> usize {
        self.state().quota_calls
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn accept(&mut self, mail: &Mail) -> String {
        let message_id = format!("email-{}", self.accepted.len() + 1);
        self.accepted.push(AcceptedMail { message_id: message_id.clone(), mail: mail.clone() });
        message_id
    }
}

/// Whether SES would call the request a bad one.
fn is_bad(mail: &Mail) -> bool {
    let (most, longest_name, longest_value) = MAX_HEADERS;
    let bad_header = |(name, value): &(String, String)| {
        let named = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let fits = (1..=longest_name).contains(&name.len()) && (1..=longest_value).contains(&value.len());
        !(named && printable && fits)
    };
    mail.to.is_empty()
        || mail.text.is_none() && mail.html.is_none()
        || mail.headers.len() > most
        || mail.headers.iter().any(bad_header)
}

impl Email for FakeEmail {
    async fn quota(&self) -> Result<Quota, Error> {
        let mut state = self.state();
        state.quota_calls += 1;
        match state.quota_failures.pop_front() {
            Some(error) => Err(error),
            None => Ok(state.quota.unwrap_or(QUOTA)),
        }
    }

    async fn send(&self, mail: &Mail) -> Result<Sent, Error> {
        let mut state = self.state();
        state.handed_over.push(mail.clone());
        match state.next.pop_front() {
            Some(Next::Fail(error)) => return Err(error),
            Some(Next::Answer(sent)) => return Ok(sent),
            Some(Next::Lose) => {
                state.accept(mail);
                return Ok(Sent::unknown("connection_lost"));
            }
            None => {}
        }
        if let Some(reason) = state.refusals.get(&mail.to) {
            return Ok(Sent::Refused { reason: reason.clone() });
        }
        if is_bad(mail) {
            return Ok(Sent::Refused { reason: "BadRequestException".to_owned() });
        }
        Ok(Sent::Accepted { message_id: state.accept(mail) })
    }
}
