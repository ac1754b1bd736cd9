//! Long work carried on by delayed SQS messages, without forking and without getting lost.
//!
//! A function that waits for something slow sends itself a message with a delay instead of sleeping. Each
//! message is a *hop* of a *chain* and carries its number. SQS delivers at least once, in any order, and a
//! dead-letter queue can be redriven days later, so a hop is *taken* by a conditional write before it is
//! acted on:
//!
//! ```text
//! take(n) ─┬─ Taken::Yes ─► work ─┬─ not finished ─► send n+1 ─► handed_over(n) ─► delete message n
//!          │                      ├─ finished ────────────────────► finish ──────► delete message n
//!          │                      ├─ failed ──► release(n) ─► message n comes back
//!          │                      └─ failed for good ──► set_aside(n) ─► message n goes to the dead letters
//!          ├─ NotYet ─► message n comes back
//!          └─ Duplicate, Superseded ─► delete message n
//! ```
//!
//! - **No fork.** A hop is held by one message at a time, and only the number after the one that stands is
//!   taken next. A message that comes back after its hop was handed over is a duplicate.
//! - **No loss.** Whatever step a crash falls between, some message is left that may go on: the hop's own
//!   message (same holder), a copy of it once the lease has run out or the hop was released, or the
//!   successor. A copy that comes while another delivery holds the hop is [`Taken::NotYet`], not a duplicate:
//!   the holder may yet die, and its own message may have gone to a dead-letter queue, of which the copy is
//!   the redriven rest.
//!
//! A hop may be worked on more than once: a copy takes over after a crash, and one message delivered twice at
//! the same time is one holder. What it must not do twice goes through the [`ledger`](crate::ledger).
//!
//! A chain (say, a finding) is walked by *runs*, one after another; a run is the request that started it
//! (say, an event id). Hop 0 of another run replaces the record as its [`Takeover`] allows, and only if it
//! was requested later: an old request that comes back never undoes a newer one.
//!
//! Before the outcome is written somewhere, the hop is taken once more by its own holder, which renews the lease:
//! the answer tells whether another run has replaced this one meanwhile.

use std::{collections::BTreeMap, future::Future};

use time::OffsetDateTime;

use crate::error::Error;

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "dynamodb")]
mod dynamodb;
#[cfg(any(test, feature = "testing"))]
mod memory;

#[cfg(feature = "dynamodb")]
pub use dynamodb::DynamoDbContinuations;
#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryContinuations;

/// A message of a chain, about to be acted on.
#[derive(Debug, Clone)]
pub struct Hop<'a> {
    /// What the work is about, such as a finding's id.
    pub chain: &'a str,
    /// Which request started it, such as an event's id. The same in every hop.
    pub run: &'a str,
    /// When that request was made. The same in every hop.
    pub requested_at: OffsetDateTime,
    /// 0 for the request itself, one more for every message that carries it on.
    pub number: u32,
    /// The message's own id.
    pub holder: &'a str,
    /// Until when this delivery may be acting, usually the invocation's deadline.
    pub lease_until: OffsetDateTime,
    /// What hop 0 may do to the record of another run. Later hops never replace another run.
    pub takeover: Takeover,
}

/// Whether the first hop of a run may replace the record of a run that was requested earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Takeover {
    /// Not at all: one run a chain.
    Never,
    /// If that run is finished, or was set aside.
    WhenFinished,
    /// Even if it is not, because a person asked.
    Always,
}

/// The answer to [`Continuations::take`], with the record as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The hop is the caller's to act on.
    Yes(Link),
    /// Another delivery holds the hop and may be acting on it. Let the message come back.
    NotYet(Link),
    /// The run is past this hop: the next one's message carries it on, or it is finished. Delete this one.
    Duplicate(Link),
    /// The chain belongs to another run. Delete the message.
    Superseded(Link),
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Progress {
    /// It does.
    Running,
    /// It has come to its end.
    Finished,
    /// Its message is among the dead letters. Another run need not wait for it; the message itself, sent back, carries
    /// it on.
    SetAside,
}

impl Progress {
    /// The name under which it is stored and logged.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::SetAside => "set-aside",
        }
    }
}

/// The record of a chain: its latest run and how far that is. Times are kept to the millisecond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The chain.
    pub chain: String,
    /// The request that is carried on.
    pub run: String,
    /// When it was made.
    pub requested_at: OffsetDateTime,
    /// The hop that was taken last.
    pub hop: u32,
    /// Whether the run goes on.
    pub state: Progress,
    /// The message that holds the hop.
    pub holder: String,
    /// Until when its delivery may be acting.
    pub lease_until: OffsetDateTime,
    /// Whether the next hop's message is known to be sent.
    pub handed_over: bool,
    /// Whether the hop was given back after a failure.
    pub released: bool,
    /// When the record was last written.
    pub updated_at: OffsetDateTime,
    /// What the run recorded when it finished.
    pub detail: BTreeMap<String, String>,
}

/// A store of [`Link`]s, one a chain.
pub trait Continuations: Send + Sync {
    /// Takes a hop if it is this message's turn, in one conditional write:
    ///
    /// - a chain without a record is taken by whichever hop comes;
    /// - within a run that is not finished, the hop after the one that stands is taken; the one that stands is
    ///   taken again unless it was handed over, by the same holder at any time and by another once it was
    ///   released or its lease has run out;
    /// - hop 0 of a run that was requested later than the one that stands replaces it as its [`Takeover`]
    ///   allows.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer; it is then safe to take the hop again.
    fn take(&self, hop: &Hop<'_>) -> impl Future<Output = Result<Taken, Error>> + Send;

    /// Records that the message of hop `number + 1` was sent. Nothing happens if the run is past `number`
    /// already.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer. The successor has been sent all the same and carries the run on.
    fn handed_over(
        &self,
        chain: &str,
        run: &str,
        number: u32,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Gives hop `number` back after a failure, so that whichever message of it comes next may take it.
    /// Nothing happens if it was handed over or the run is past it.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer. The lease then has to run out before another message may take the
    /// hop.
    fn release(
        &self,
        chain: &str,
        run: &str,
        number: u32,
        holder: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Gives hop `number` up, because its message goes to the dead letters: no other run has to wait for this one, and
    /// the message, should somebody send it back, may take the hop again. Nothing happens if the hop was handed over,
    /// belongs to another holder by now, or the run is finished.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer.
    fn set_aside(
        &self,
        chain: &str,
        run: &str,
        number: u32,
        holder: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Ends the run and adds `detail` to the record. Nothing happens if the chain belongs to another run by
    /// now.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer.
    fn finish(
        &self,
        chain: &str,
        run: &str,
        detail: BTreeMap<String, String>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// The record as it stands, read consistently.
    ///
    /// # Errors
    ///
    /// Only if the store cannot answer.
    fn get(&self, chain: &str) -> impl Future<Output = Result<Option<Link>, Error>> + Send;
}

/// What it means that `hop` could not be taken. Only what is known to be carried on elsewhere may be deleted.
#[cfg(any(test, feature = "testing", feature = "dynamodb"))]
fn refused(hop: &Hop<'_>, standing: Link) -> Taken {
    let past = standing.state == Progress::Finished
        || hop.number < standing.hop
        || (hop.number == standing.hop && standing.handed_over);
    if standing.run != hop.run {
        Taken::Superseded(standing)
    } else if past {
        Taken::Duplicate(standing)
    } else {
        Taken::NotYet(standing)
    }
}
