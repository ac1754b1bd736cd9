//! A link with all that is known of it, and what that means for who wants it.

use eventide_types::Link;
use time::{Duration, OffsetDateTime};

use super::{Call, Claim, Claimed, State};

/// How long a link is kept after it has expired, if nothing else is said.
pub(super) const RETENTION: Duration = Duration::days(1);

/// How far a link's redemption is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Redemption {
    /// Nobody is at it.
    Open,
    /// Somebody is.
    Claimed { claimant: String, until: OffsetDateTime },
    /// It is done.
    Used { claimant: String, chat_contact_id: String, answer: String, replay_until: OffsetDateTime },
}

/// How far a link's callback is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Callback {
    /// Nobody has asked for it.
    None,
    /// Somebody is doing so, or has without its being known.
    Begun,
    /// Somebody has.
    Asked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) link: Link,
    pub(super) redemption: Redemption,
    pub(super) is_revoked: bool,
    pub(super) callback: Callback,
    /// From when on it may be deleted, and counts as if it were: seconds since 1970.
    pub(super) expires_at: i64,
}

impl Stored {
    pub(super) fn new(link: &Link, retention: Duration) -> Self {
        let mut link = link.clone();
        link.created_at = whole_millis(link.created_at);
        link.expires_at = whole_millis(link.expires_at);
        Self {
            expires_at: expiry(&link, retention),
            link,
            redemption: Redemption::Open,
            is_revoked: false,
            callback: Callback::None,
        }
    }

    pub(super) fn state(&self) -> State {
        match self.redemption {
            Redemption::Used { .. } => State::Used,
            _ if self.is_revoked => State::Revoked,
            Redemption::Open => State::Open,
            Redemption::Claimed { .. } => State::Claimed,
        }
    }

    fn is_gone(&self, now: OffsetDateTime) -> bool {
        self.expires_at <= now.unix_timestamp()
    }

    fn has_expired(&self, now: OffsetDateTime) -> bool {
        self.link.expires_at <= now
    }

    /// What becomes of a claim.
    pub(super) fn claimed_by(&self, claim: &Claim) -> Claimed {
        let won = || Claimed::Won(Box::new(self.link.clone()));
        let is_free = match &self.redemption {
            Redemption::Claimed { claimant, .. }
                if *claimant == claim.claimant
                    && (self.callback == Callback::None || !self.has_expired(claim.now)) =>
            {
                return won();
            }
            Redemption::Used { claimant, answer, replay_until, .. } => {
                let is_theirs = *claimant == claim.claimant && *replay_until > claim.now;
                return match is_theirs {
                    true => Claimed::Replay { answer: answer.clone() },
                    false => Claimed::Unavailable,
                };
            }
            Redemption::Claimed { until, .. } => *until <= claim.now,
            Redemption::Open => true,
        };
        if !is_free || self.is_revoked || self.is_gone(claim.now) {
            Claimed::Unavailable
        } else if self.has_expired(claim.now) {
            Claimed::Expired
        } else {
            won()
        }
    }

    /// What becomes of the wish to be called.
    pub(super) fn to_call(&self, now: OffsetDateTime) -> Call {
        if self.is_revoked || self.is_gone(now) || matches!(self.redemption, Redemption::Used { .. }) {
            return Call::Unavailable;
        }
        if !self.has_expired(now) {
            return Call::NotExpired;
        }
        let is_at_work = matches!(self.redemption, Redemption::Claimed { until, .. } if until > now);
        if is_at_work || self.link.context.phone.is_none() {
            return Call::Unavailable;
        }
        match self.callback {
            Callback::Asked => Call::Asked,
            Callback::None | Callback::Begun => Call::Won(Box::new(self.link.clone())),
        }
    }
}

/// When what belongs to a link may be deleted.
pub(super) fn expiry(link: &Link, retention: Duration) -> i64 {
    // A TTL is in seconds; it is never before the moment that it stands for.
    link.expires_at.saturating_add(retention).unix_timestamp().saturating_add(1)
}

pub(super) fn whole_millis(moment: OffsetDateTime) -> OffsetDateTime {
    moment.saturating_sub(Duration::nanoseconds(i64::from(moment.nanosecond() % 1_000_000)))
}
