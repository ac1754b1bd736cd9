use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_kit::error::Error;
use eventide_types::{Link, LinkHash};
use time::OffsetDateTime;

use super::stored::{Callback, RETENTION, Redemption, Stored, expiry, whole_millis};
use super::{Call, Claim, Claimed, Limit, Limits, Links, Opened, Redeemed, State, claim_lost};
use crate::faults::Faults;

/// Calls that can be made to fail, and that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`Links::open`]
    Open,
    /// [`Links::extend`]
    Extend,
    /// [`Links::claim`]
    Claim,
    /// [`Links::release`]
    Release,
    /// [`Links::complete`]
    Complete,
    /// [`Links::revoke`]
    Revoke,
    /// [`Links::voice_of`]
    VoiceOf,
    /// [`Links::claim_call`]
    ClaimCall,
    /// [`Links::called`]
    Called,
    /// [`Limits::take`]
    Take,
}

/// [`Links`] and [`Limits`] in memory. Links are kept for a day after they have expired. Clones share their
/// state.
#[derive(Clone, Default)]
pub struct FakeLinks(Arc<Mutex<Table>>);

impl fmt::Debug for FakeLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeLinks").field("links", &self.links()).finish_non_exhaustive()
    }
}

struct Chosen {
    hash: LinkHash,
    nonce: String,
    expires_at: i64,
}

#[derive(Default)]
struct Table {
    links: BTreeMap<LinkHash, Stored>,
    contacts: BTreeMap<String, Chosen>,
    chats: BTreeMap<String, String>,
    takers: BTreeMap<(String, i64), BTreeSet<String>>,
    taken: BTreeMap<(String, i64), u32>,
    asked: Vec<Operation>,
    faults: Faults<Operation>,
    lost: Faults<Operation>,
}

impl FakeLinks {
    /// The next call of `operation` without such a failure before it fails with `error`, and does nothing.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.table().faults.push(operation, error);
    }

    /// The next call of `operation` that does not fail otherwise is carried out, and fails with `error`: its
    /// answer is lost.
    pub fn lose_next(&self, operation: Operation, error: Error) {
        self.table().lost.push(operation, error);
    }

    /// How often `operation` was called.
    pub fn calls(&self, operation: Operation) -> usize {
        self.table().asked.iter().filter(|asked| **asked == operation).count()
    }

    /// All links, by their hashes.
    pub fn links(&self) -> Vec<(Link, State)> {
        self.table().links.values().map(|stored| (stored.link.clone(), stored.state())).collect()
    }

    /// A link.
    pub fn link(&self, hash: &LinkHash) -> Option<(Link, State)> {
        self.table().links.get(hash).map(|stored| (stored.link.clone(), stored.state()))
    }

    /// What became of a link that was redeemed.
    pub fn redeemed(&self, hash: &LinkHash) -> Option<Redeemed> {
        match self.table().links.get(hash)?.redemption.clone() {
            Redemption::Used { chat_contact_id, answer, replay_until, .. } => {
                Some(Redeemed { chat_contact_id, answer, replay_until })
            }
            _ => None,
        }
    }

    /// Whether the callback of a link was asked for.
    pub fn is_called(&self, hash: &LinkHash) -> bool {
        self.table().links.get(hash).is_some_and(|stored| stored.callback == Callback::Asked)
    }

    /// How much is taken of a limit.
    pub fn taken(&self, limit: &Limit, now: OffsetDateTime) -> usize {
        let table = self.table();
        let key = (limit.name.clone(), limit.span(now).0);
        let counted = table.taken.get(&key).copied().unwrap_or(0);
        table.takers.get(&key).map_or(0, BTreeSet::len) + usize::try_from(counted).unwrap_or(usize::MAX)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call<T>(
        &self,
        operation: Operation,
        carry_out: impl FnOnce(&mut Table) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut table = self.table();
        table.asked.push(operation);
        table.faults.check(operation)?;
        let answer = carry_out(&mut table)?;
        table.lost.check(operation)?;
        Ok(answer)
    }
}

impl Table {
    /// The link that this claimant is at work on.
    fn claimed(&mut self, hash: &LinkHash, by: &str) -> Option<&mut Stored> {
        let stored = self.links.get_mut(hash)?;
        let is_theirs = matches!(&stored.redemption, Redemption::Claimed { claimant, .. } if claimant == by);
        is_theirs.then_some(stored)
    }
}

impl Links for FakeLinks {
    async fn open(&self, fresh: &Link, nonce: &str) -> Result<Opened, Error> {
        self.call(Operation::Open, |table| {
            let now = fresh.created_at.unix_timestamp();
            table.contacts.retain(|_, chosen| chosen.expires_at > now);
            let chosen = table.contacts.entry(fresh.contact_id.clone()).or_insert_with(|| Chosen {
                hash: fresh.hash.clone(),
                nonce: nonce.to_owned(),
                expires_at: expiry(fresh, RETENTION),
            });
            let wanted = Stored::new(&Link { hash: chosen.hash.clone(), ..fresh.clone() }, RETENTION);
            let stored = table.links.entry(chosen.hash.clone()).or_insert_with(|| wanted.clone());
            Ok(Opened {
                link: stored.link.clone(),
                nonce: chosen.nonce.clone(),
                state: stored.state(),
                is_new: *stored == wanted,
            })
        })
    }

    async fn extend(&self, link: &Link) -> Result<bool, Error> {
        self.call(Operation::Extend, |table| {
            let stored = table.links.get_mut(&link.hash).filter(|stored| stored.state() == State::Open);
            let Some(stored) = stored else { return Ok(false) };
            stored.link.context = link.context.clone();
            stored.link.expires_at = stored.link.expires_at.max(whole_millis(link.expires_at));
            stored.expires_at = stored.expires_at.max(expiry(link, RETENTION));
            if let Some(chosen) = table.contacts.get_mut(&link.contact_id) {
                chosen.expires_at = chosen.expires_at.max(expiry(link, RETENTION));
            }
            Ok(true)
        })
    }

    async fn claim(&self, hash: &LinkHash, claim: &Claim) -> Result<Claimed, Error> {
        self.call(Operation::Claim, |table| {
            let Some(stored) = table.links.get_mut(hash) else { return Ok(Claimed::Unavailable) };
            let claimed = stored.claimed_by(claim);
            if matches!(claimed, Claimed::Won(_)) {
                let (claimant, until) = (claim.claimant.clone(), whole_millis(claim.until));
                stored.redemption = Redemption::Claimed { claimant, until };
            }
            Ok(claimed)
        })
    }

    async fn release(&self, hash: &LinkHash, claimant: &str) -> Result<(), Error> {
        self.call(Operation::Release, |table| {
            if let Some(stored) = table.claimed(hash, claimant) {
                stored.redemption = Redemption::Open;
            }
            Ok(())
        })
    }

    async fn complete(&self, link: &Link, claimant: &str, redeemed: &Redeemed) -> Result<(), Error> {
        self.call(Operation::Complete, |table| {
            table.chats.insert(redeemed.chat_contact_id.clone(), link.contact_id.clone());
            let used = Redemption::Used {
                claimant: claimant.to_owned(),
                chat_contact_id: redeemed.chat_contact_id.clone(),
                answer: redeemed.answer.clone(),
                replay_until: whole_millis(redeemed.replay_until),
            };
            if let Some(stored) = table.claimed(&link.hash, claimant) {
                stored.redemption = used;
                return Ok(());
            }
            let is_done = table.links.get(&link.hash).is_some_and(|stored| stored.redemption == used);
            if is_done { Ok(()) } else { Err(claim_lost(&link.hash)) }
        })
    }

    async fn revoke(&self, contact_id: &str) -> Result<bool, Error> {
        self.call(Operation::Revoke, |table| {
            let chosen = table.contacts.get(contact_id);
            let stored = chosen.and_then(|chosen| table.links.get_mut(&chosen.hash));
            let Some(stored) = stored else { return Ok(false) };
            let was_open = stored.state() == State::Open;
            stored.is_revoked = true;
            Ok(was_open)
        })
    }

    async fn voice_of(&self, chat_contact_id: &str) -> Result<Option<String>, Error> {
        self.call(Operation::VoiceOf, |table| Ok(table.chats.get(chat_contact_id).cloned()))
    }

    async fn claim_call(&self, hash: &LinkHash, now: OffsetDateTime) -> Result<Call, Error> {
        self.call(Operation::ClaimCall, |table| {
            let Some(stored) = table.links.get_mut(hash) else { return Ok(Call::Unavailable) };
            let call = stored.to_call(now);
            if matches!(call, Call::Won(_)) {
                stored.callback = Callback::Begun;
            }
            Ok(call)
        })
    }

    async fn called(&self, hash: &LinkHash) -> Result<(), Error> {
        self.call(Operation::Called, |table| {
            if let Some(stored) = table.links.get_mut(hash) {
                stored.callback = Callback::Asked;
            }
            Ok(())
        })
    }
}

impl Limits for FakeLinks {
    async fn take(&self, limit: &Limit, taker: Option<&str>, now: OffsetDateTime) -> Result<bool, Error> {
        self.call(Operation::Take, |table| {
            let key = (limit.name.clone(), limit.span(now).0);
            let max = usize::try_from(limit.max).unwrap_or(usize::MAX);
            let Some(taker) = taker else {
                let taken = table.taken.entry(key).or_default();
                let has_room = *taken < limit.max;
                *taken += u32::from(has_room);
                return Ok(has_room);
            };
            let takers = table.takers.entry(key).or_default();
            let is_let = takers.contains(taker) || takers.len() < max;
            if is_let {
                takers.insert(taker.to_owned());
            }
            Ok(is_let)
        })
    }
}
