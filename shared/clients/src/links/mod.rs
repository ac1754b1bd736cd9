//! What the voice to chat functions share in DynamoDB: links, which contact has which, chats and limits.
//!
//! All of it lives in the link table (`pk`), beside the idempotency records and the effects of the kit, and
//! expires.
//!
//! | `pk` | what it is |
//! |---|---|
//! | `link#<hash>` | a link: when it expires, its context, whether it can still be redeemed |
//! | `contact#<contact id>` | which link a voice contact has, and the nonce that its token is made from |
//! | `chat#<contact id>` | which voice contact a chat continues |
//! | `limit#<name>#<window>` | what was taken of a limit in a span of time |
//!
//! A link is open, claimed or used, and may be revoked besides, which an agent's answering does to it:
//!
//! | from | by | to |
//! |---|---|---|
//! | open, not expired, not revoked | [`Links::claim`] | claimed |
//! | claimed, and no callback was begun since it expired | [`Links::claim`] of the same claimant | claimed |
//! | claimed, and the claim is over, not expired, not revoked | [`Links::claim`] of anybody | claimed |
//! | claimed | [`Links::release`] of the claimant | open |
//! | claimed | [`Links::complete`] of the claimant | used |
//! | open, claimed | [`Links::revoke`] | the same, revoked: only who has claimed it can still go on |
//!
//! Times are kept in milliseconds, rounded down. Items are gone when DynamoDB has deleted them, some time
//! after `expires_at`; until then the ports look at the time, wherever they are told it.
//!
//! What a function's role needs, on the table:
//!
//! | call | actions |
//! |---|---|
//! | [`Links::open`] | `dynamodb:PutItem`, twice |
//! | [`Links::extend`] | `dynamodb:UpdateItem`, twice |
//! | [`Links::claim`], [`Links::release`] | `dynamodb:UpdateItem` |
//! | [`Links::complete`] | `dynamodb:PutItem`, then `dynamodb:UpdateItem` |
//! | [`Links::revoke`] | `dynamodb:GetItem`, then `dynamodb:UpdateItem` |
//! | [`Links::voice_of`] | `dynamodb:GetItem` |
//! | [`Links::claim_call`], [`Links::called`] | `dynamodb:UpdateItem` |
//! | [`Limits::take`] | `dynamodb:UpdateItem` |
//!
//! All of them fail with `Environment.TableNotFound`, with `Permanent.UnreadableItem`, and as
//! [`eventide_kit::aws::classify`] says. The SDK repeats a request whose answer was lost; the repeat then
//! meets its own effect, and comes out as the first would have.

#[cfg(feature = "testing")]
pub mod contract;
mod dynamodb;
#[cfg(feature = "testing")]
mod fake;
mod stored;

pub use dynamodb::DynamoDbLinks;
use eventide_kit::error::Error;
use eventide_types::{Link, LinkHash};
#[cfg(feature = "testing")]
pub use fake::{FakeLinks, Operation};
use time::OffsetDateTime;

/// Whether a link can still be redeemed, apart from its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has.
    Open,
    /// Somebody is doing so.
    Claimed,
    /// Somebody has.
    Used,
    /// An agent has the voice contact.
    Revoked,
}

/// The link that a contact has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The link as it is kept.
    pub link: Link,
    /// The nonce that its token is made from: 32 hex digits.
    pub nonce: String,
    /// Where it stands.
    pub state: State,
    /// Whether it was made just now. The same call again, to the millisecond, is answered the same.
    pub is_new: bool,
}

/// A claim on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// SHA-256 of the page's nonce, in hex: who claims.
    pub claimant: String,
    /// Now.
    pub now: OffsetDateTime,
    /// Until when the claimant may be at work. From then on another may take the claim over, unless the link
    /// has expired or is revoked, and gets the same chat by the same client token.
    pub until: OffsetDateTime,
}

/// The answer to a claim. It takes one request, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The link is the claimant's, for the first time or still.
    Won(Box<Link>),
    /// The claimant has redeemed it, a short while ago: the answer, sealed.
    Replay {
        /// What [`Redeemed::answer`] was.
        answer: String,
    },
    /// It is too late for a link that nobody has redeemed or revoked.
    Expired,
    /// There is no such link, it is revoked, or somebody else has it.
    Unavailable,
}

/// What became of a redeemed link.
#[derive(Clone, PartialEq, Eq)]
pub struct Redeemed {
    /// The chat's contact.
    pub chat_contact_id: String,
    /// The sealed answer.
    pub answer: String,
    /// Until when the same claimant is given it again, exclusive.
    pub replay_until: OffsetDateTime,
}

impl std::fmt::Debug for Redeemed {
    /// Without the answer.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redeemed").field("chat_contact_id", &self.chat_contact_id).finish_non_exhaustive()
    }
}

/// The answer to [`Links::claim_call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// It is to be made, and nobody has said yet that it was asked for: whoever is told so asks for it, with a
    /// client token by which it stays a single call. Nobody redeems the link any more.
    Won(Box<Link>),
    /// It was asked for already.
    Asked,
    /// The link has not expired yet: chat is still possible.
    NotExpired,
    /// There is no such link, it was redeemed or revoked, or it has no number.
    Unavailable,
}

/// Links by their hash, and by their contact.
pub trait Links: Send + Sync {
    /// The contact's link: `fresh` with this nonce, or the one that the contact has. If an earlier call did
    /// not get further than to choose the nonce, `fresh` with that nonce, and its hash.
    fn open(&self, fresh: &Link, nonce: &str) -> impl Future<Output = Result<Opened, Error>> + Send;

    /// Lets an open link be redeemed until a later time, with another context; `false` if it is no longer
    /// open. It never becomes earlier.
    fn extend(&self, link: &Link) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Claims a link for its redemption.
    fn claim(&self, hash: &LinkHash, claim: &Claim) -> impl Future<Output = Result<Claimed, Error>> + Send;

    /// Gives a claim up, so that the link can be redeemed again; nothing if the claim is no longer the
    /// claimant's.
    fn release(&self, hash: &LinkHash, claimant: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Says that the claimant has redeemed the link, and which voice contact the chat continues.
    /// `Retryable.ClaimLost` if the claim is no longer the claimant's.
    fn complete(
        &self,
        link: &Link,
        claimant: &str,
        redeemed: &Redeemed,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Revokes the contact's link: whether it has one that was open until then. Of one that is claimed, only
    /// the claim is left; one that was used stays so.
    fn revoke(&self, contact_id: &str) -> impl Future<Output = Result<bool, Error>> + Send;

    /// The voice contact that a chat continues, if it is one of ours.
    fn voice_of(&self, chat_contact_id: &str) -> impl Future<Output = Result<Option<String>, Error>> + Send;

    /// Begins the callback of an expired link, unless somebody is just redeeming it.
    fn claim_call(
        &self,
        hash: &LinkHash,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<Call, Error>> + Send;

    /// Says that the call was asked for.
    fn called(&self, hash: &LinkHash) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A limit within a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is limited, such as `recipient#<hash>`. It is stored: hash what is personal, with a secret.
    pub name: String,
    /// How much of it there may be.
    pub max: u32,
    /// The span, in whole seconds: whole multiples of it since 1970 begin a new one.
    pub window: std::time::Duration,
}

impl Limit {
    /// When the span began that has this moment, and when it ends: seconds since 1970.
    fn span(&self, now: OffsetDateTime) -> (i64, i64) {
        let seconds = i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX).max(1);
        let start = now.unix_timestamp().div_euclid(seconds).saturating_mul(seconds);
        (start, start.saturating_add(seconds))
    }
}

/// Limits, each an item that counts.
pub trait Limits: Send + Sync {
    /// Takes one of a limit for `taker`: `false` if it is used up. The same taker takes once only within a
    /// span, however often it asks, and is told `true` each time; without a taker every call counts, a
    /// request that the SDK repeats too. One limit is taken from either with takers or without.
    fn take(
        &self,
        limit: &Limit,
        taker: Option<&str>,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<bool, Error>> + Send;
}

/// The error of a claimant whose claim is another's by now.
fn claim_lost(hash: &LinkHash) -> Error {
    Error::retryable("ClaimLost", format!("the claim on link `{hash}` is no longer the claimant's"))
}
