//! Which message may carry a finding on: one at a time, and none twice.

use std::collections::BTreeMap;

use eventide_kit::continuation::{Continuations, Hop, Link, Progress, Taken, Takeover};
use eventide_kit::error::Error;
use eventide_types::finding::Reference;
use eventide_types::work::{Trigger, Work};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// Under this name a finished chain keeps the end of the window that was investigated.
const WINDOW_END: &str = "window_end";

/// New activity starts another investigation once in this time at most.
const BETWEEN_INVESTIGATIONS: Duration = Duration::days(1);

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
    let mut hop = Hop {
        chain: &chain,
        run: &work.run,
        requested_at: work.requested_at,
        number: work.hop,
        holder,
        lease_until,
        takeover: if work.trigger == Trigger::CustomAction { Takeover::Always } else { Takeover::Never },
    };
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

fn taken(answer: Taken) -> Result<bool, Error> {
    match answer {
        Taken::Yes(_) => Ok(true),
        Taken::Duplicate(_) | Taken::Superseded(_) => Ok(false),
        Taken::NotYet(_) => Err(Error::retryable("AlreadyInProgress", "another delivery holds this hop")),
    }
}

/// What a finished chain keeps for [`admit`].
pub fn finished_detail(work: &Work) -> BTreeMap<String, String> {
    let end = work.scope.and_then(|scope| scope.window.end.format(&Rfc3339).ok());
    end.map(|end| (WINDOW_END.to_owned(), end)).into_iter().collect()
}

/// Whether a rule's request may replace an earlier run of the same finding. A person's always may.
fn may_replace(work: &Work, earlier: &Link, now: OffsetDateTime, admission: Admission) -> Takeover {
    if earlier.state != Progress::Finished {
        let lost = earlier.updated_at + admission.max_age + LOST_AFTER < now;
        return if lost { Takeover::Always } else { Takeover::Never };
    }
    let asked_anew = match work.finding {
        // The field `investigate` says `true` again although the earlier run overwrote it: somebody set it.
        Reference::Asff { .. } => {
            work.trigger == Trigger::Automatic && work.requested_at > earlier.updated_at
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
    match (work.last_observed, end) {
        (Some(seen), Some(end)) => seen > end && now - end >= BETWEEN_INVESTIGATIONS,
        _ => false,
    }
}
