//! Which message may carry a finding on: one at a time, and none twice.

use std::collections::BTreeMap;

use eventide_kit::continuation::{Continuations, Hop, Link, Progress, Taken, Takeover};
use eventide_kit::error::Error;
use eventide_types::finding::Reference;
use eventide_types::investigation::Activity;
use eventide_types::work::{Trigger, Work};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// Under this name a finished chain keeps the end of the window that was really investigated.
const WINDOW_END: &str = "window_end";

/// A chain that has not moved for this long beyond the longest investigation has been lost.
const LOST_AFTER: Duration = Duration::hours(1);

/// What the admission of a message depends on.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// Whether activity after an investigation may start another.
    pub reinvestigate: bool,
    /// How long an investigation may take.
    pub max_age: Duration,
}

/// Takes the hop that `work` stands for. `false`: another message has it, or had it, or the finding needs no
/// further run.
///
/// # Errors
///
/// `AlreadyInProgress` if another delivery holds the hop and may yet fail; those of the store.
pub async fn admit<C: Continuations>(
    chains: &C,
    work: &Work,
    holder: &str,
    lease_until: OffsetDateTime,
    now: OffsetDateTime,
    admission: Admission,
) -> Result<bool, Error> {
    let chain = work.finding.key();
    let mut hop = hop(&chain, work, holder, lease_until);
    if work.trigger == Trigger::CustomAction {
        hop.takeover = Takeover::Always;
    }
    let earlier = match chains.take(&hop).await? {
        Taken::Superseded(link) => link,
        other => return taken(other),
    };
    let takeover = may_replace(work, &earlier, now, admission);
    if work.hop > 0 || takeover == Takeover::Never {
        return Ok(false);
    }
    hop.takeover = takeover;
    taken(chains.take(&hop).await?)
}

/// Whether `work` still has the hop that it took, and for how long it may: the lease is renewed. `false`: another run
/// has replaced this one, or another delivery of the message has finished with it.
///
/// # Errors
///
/// `AlreadyInProgress` if another message has the hop by now; those of the store.
pub async fn holds<C: Continuations>(
    chains: &C,
    work: &Work,
    holder: &str,
    lease_until: OffsetDateTime,
) -> Result<bool, Error> {
    let chain = work.finding.key();
    taken(chains.take(&hop(&chain, work, holder, lease_until)).await?)
}

fn hop<'a>(chain: &'a str, work: &'a Work, holder: &'a str, lease_until: OffsetDateTime) -> Hop<'a> {
    Hop {
        chain,
        run: &work.run,
        requested_at: work.requested_at,
        number: work.hop,
        holder,
        lease_until,
        takeover: Takeover::Never,
    }
}

fn taken(answer: Taken) -> Result<bool, Error> {
    match answer {
        Taken::Yes(_) => Ok(true),
        Taken::Duplicate(_) | Taken::Superseded(_) => Ok(false),
        Taken::NotYet(_) => Err(Error::retryable("AlreadyInProgress", "another delivery holds this hop")),
    }
}

/// What a finished chain keeps for [`admit`].
pub fn finished_detail(work: &Work) -> BTreeMap<String, String> {
    let end = work.covered().and_then(|window| window.end.format(&Rfc3339).ok());
    end.map(|end| (WINDOW_END.to_owned(), end)).into_iter().collect()
}

/// Whether a rule's request may replace an earlier run of the same finding. A person's always may.
fn may_replace(work: &Work, earlier: &Link, now: OffsetDateTime, admission: Admission) -> Takeover {
    if earlier.state == Progress::Running {
        let lost = earlier.updated_at + admission.max_age + LOST_AFTER < now;
        return if lost { Takeover::Always } else { Takeover::Never };
    }
    let asked_anew = match work.finding {
        // The field `investigate` says `true` again although the earlier run overwrote it: somebody set it. Events
        // tell whole seconds; within the second in which the run ended, asking once too often is better than
        // leaving a finding at `true`.
        Reference::Asff { .. } => {
            work.trigger == Trigger::Automatic && work.requested_at >= earlier.updated_at.truncate_to_second()
        }
        // Such a finding has no field to tell; every update of it, our own comment too, arrives here.
        Reference::Ocsf { .. } => false,
    };
    if asked_anew || (admission.reinvestigate && new_activity(work, earlier, now)) {
        Takeover::WhenFinished
    } else {
        Takeover::Never
    }
}

fn new_activity(work: &Work, earlier: &Link, now: OffsetDateTime) -> bool {
    let end = earlier.detail.get(WINDOW_END).and_then(|end| OffsetDateTime::parse(end, &Rfc3339).ok());
    end.is_some_and(|end| Activity::of(end, work.last_observed, now) == Activity::New)
}
