//! The effects ledger: for what cannot be taken back, such as an email, an SMS, an investigation or a chat.
//!
//! An effect is *claimed* before it happens and *settled* after it:
//!
//! ```text
//!              ┌────────────► done     it happened
//!   claimed ───┼────────────► refused  it did not happen and was not going to
//!              └► uncertain ─► done or refused, by evidence or by a person
//! ```
//!
//! # Not idempotency
//!
//! [`idempotency`](crate::idempotency) answers *"what did I reply to this request?"*. Its records expire,
//! also while the work is in progress: computing an answer twice is wasteful, no more. The ledger answers
//! *"has this happened to somebody?"*. A claim **never expires into a second attempt**: whoever claimed and
//! fell silent may have acted, so the entry stays claimed until evidence (the service's own list of what it
//! did) or a person settles it. A further attempt is possible only on purpose, by [`Ledger::claim_again`],
//! and only after the one before is done or refused.
//!
//! The key comes from the event (graph, entity and window; campaign and recipient), never from chance, so
//! that every delivery of the same event meets the same entry. It is stored and appears in errors: hash what
//! is personal, with a secret.
//!
//! # What a claimer does
//!
//! - [`Claimed::Won`]: act, then [`settle`](Ledger::settle) as done or refused. If the outcome is unknown (a
//!   time-out after the request was sent), settle as uncertain.
//! - [`Claimed::Held`] and done or refused: there is nothing to do; the entry tells the outcome.
//! - [`Claimed::Held`] and claimed, before [`Entry::claim_deadline`]: somebody may be acting now; come back
//!   later.
//! - [`Claimed::Held`] and claimed, after it: the claimer is gone. Look for evidence, or settle as uncertain.
//!   The same goes for a holder that meets its own claim again: it cannot know how far it came.

use std::{collections::BTreeMap, fmt, future::Future};

use time::OffsetDateTime;

use crate::error::Error;

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "dynamodb")]
mod dynamodb;
#[cfg(any(test, feature = "testing"))]
mod memory;

#[cfg(feature = "dynamodb")]
pub use dynamodb::DynamoDbLedger;
#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryLedger;

/// Where an effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Somebody is about to act, is acting, or fell silent while acting.
    Claimed,
    /// It happened. Final.
    Done,
    /// It did not happen and, for this attempt, will not. Final.
    Refused,
    /// It may have happened. Evidence or a person has to say.
    Uncertain,
}

impl State {
    /// The name under which the state is stored and logged.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Uncertain => "uncertain",
        }
    }

    /// Whether this attempt is over.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Refused)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An effect as the ledger knows it. Times are kept to the millisecond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What identifies the effect.
    pub key: String,
    /// 1 for the first attempt, one more for every [`Ledger::claim_again`].
    pub attempt: u32,
    /// Where this attempt stands.
    pub state: State,
    /// Who claimed it, such as an SQS message id.
    pub holder: String,
    /// When it was claimed.
    pub claimed_at: OffsetDateTime,
    /// Until when the claimer may still be acting, usually its invocation's deadline.
    pub claim_deadline: OffsetDateTime,
    /// When it became done or refused.
    pub settled_at: Option<OffsetDateTime>,
    /// What the claim and its settlement recorded, such as an investigation id.
    pub detail: BTreeMap<String, String>,
    /// Why it is refused or uncertain.
    pub reason: Option<String>,
}

impl Entry {
    #[cfg(any(test, feature = "testing", feature = "dynamodb"))]
    fn claimed(
        key: &str,
        attempt: u32,
        holder: &str,
        claimed_at: OffsetDateTime,
        claim_deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> Self {
        Self {
            key: key.to_owned(),
            attempt,
            state: State::Claimed,
            holder: holder.to_owned(),
            claimed_at: claimed_at.truncate_to_millisecond(),
            claim_deadline: claim_deadline.truncate_to_millisecond(),
            settled_at: None,
            detail,
            reason: None,
        }
    }
}

/// The answer to a claim. Meeting an existing entry is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The effect is the caller's to bring about, and nobody else's.
    Won(Entry),
    /// The entry as it stands; the caller must not act.
    Held(Entry),
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It happened.
    Done {
        /// What to remember of it, added to what the claim recorded.
        detail: BTreeMap<String, String>,
    },
    /// It did not happen.
    Refused {
        /// Why, for a person.
        reason: String,
    },
    /// Nobody can tell yet.
    Uncertain {
        /// What happened instead of an answer, for a person.
        reason: String,
    },
}

impl Settlement {
    /// The state an entry has after this settlement.
    pub const fn state(&self) -> State {
        match self {
            Self::Done { .. } => State::Done,
            Self::Refused { .. } => State::Refused,
            Self::Uncertain { .. } => State::Uncertain,
        }
    }

    /// The answer to a settlement that the entry as it stands does not admit: the entry if it says the same
    /// already (a repeat, or a response that was lost), else an error that names both. A reason in other
    /// words is still the same settlement; another detail is not.
    #[cfg(any(test, feature = "testing", feature = "dynamodb"))]
    fn against(&self, current: Entry, attempt: u32) -> Result<Entry, Error> {
        let Entry { key, state, .. } = &current;
        let wanted = self.state();
        let conflict = if current.attempt != attempt {
            format!(
                "effect `{key}` is {state} at attempt {}, so attempt {attempt} cannot become {wanted}",
                current.attempt
            )
        } else if *state != wanted {
            format!("effect `{key}` is {state} and cannot become {wanted}")
        } else {
            match self {
                Self::Done { detail }
                    if detail.iter().any(|(name, value)| current.detail.get(name) != Some(value)) =>
                {
                    format!("effect `{key}` is {state} and cannot become {wanted} with another detail")
                }
                _ => return Ok(current),
            }
        };
        Err(Error::permanent("SettlementConflict", conflict))
    }
}

#[cfg(any(test, feature = "testing", feature = "dynamodb"))]
fn unknown(key: &str) -> Error {
    Error::permanent("UnknownEffect", format!("effect `{key}` was never claimed and cannot be settled"))
}

/// A store of [`Entry`]s, one a key.
pub trait Ledger: Send + Sync {
    /// Claims the first attempt of an effect. `claim_deadline` says until when the caller may be acting.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer; it is then safe to claim again with the same key.
    fn claim(
        &self,
        key: &str,
        holder: &str,
        claim_deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> impl Future<Output = Result<Claimed, Error>> + Send;

    /// Knowingly claims a further attempt. Won only if the entry still is `previous` (same attempt and state)
    /// and that is done or refused; the entry then keeps nothing of `previous` but its count.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer.
    fn claim_again(
        &self,
        previous: &Entry,
        holder: &str,
        claim_deadline: OffsetDateTime,
        detail: BTreeMap<String, String>,
    ) -> impl Future<Output = Result<Claimed, Error>> + Send;

    /// Says how `attempt` ended. A claimed entry may become anything, an uncertain one done or refused; the
    /// same settlement again changes nothing.
    ///
    /// # Errors
    ///
    /// `Permanent.SettlementConflict` if the entry says something else already, `Permanent.UnknownEffect` if
    /// there is none, or whatever kept the store from answering.
    fn settle(
        &self,
        key: &str,
        attempt: u32,
        settlement: Settlement,
    ) -> impl Future<Output = Result<Entry, Error>> + Send;

    /// The entry as it stands, read consistently.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Entry>, Error>> + Send;
}
