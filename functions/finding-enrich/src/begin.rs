//! Getting an investigation for a principal: a running or recent one if there is one, else a new one, and never
//! two for one question.
//!
//! `StartInvestigation` has no client token, so starting is an effect that cannot be taken back: it is claimed in
//! the effects ledger, by graph, entity and window, before it happens. What a crash or a lost response leaves
//! uncertain is settled by the evidence of `ListInvestigations`.

use std::collections::BTreeMap;

use eventide_clients::detective::{Detective, Start};
use eventide_kit::error::{Class, Error};
use eventide_kit::ledger::{Claimed, Entry, Ledger, Settlement, State as Effect};
use eventide_types::finding::Scope;
use eventide_types::investigation::{Investigation, Status, Window};
use eventide_types::work::State;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// A claim this young is being acted on. An older one may have been left behind, and Detective is asked.
const AT_WORK: Duration = Duration::seconds(10);

/// How long after a claimer's deadline an investigation that was started may still be missing from
/// `ListInvestigations`. AWS states no bound; its console shows a new investigation within seconds.
const LISTED_WITHIN: Duration = Duration::minutes(2);

/// No investigation is waited for, or reused, longer than this: the limit of both parameters.
const LONGEST: Duration = Duration::days(1);

/// Clocks differ: an investigation may seem created before it was claimed.
const CLOCK_SKEW: Duration = Duration::minutes(1);

/// Under this name a claim keeps on whose behalf it was made.
const ASKER: &str = "asker";

/// Under this name a claim keeps that nothing had to be started.
const REUSED: &str = "reused";

/// An investigation that may be reused is among the newest few of its entity.
const CANDIDATES: usize = 5;

/// Who asks, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The Region of the finding.
    pub region: &'a str,
    /// Its behavior graph.
    pub graph: &'a str,
    /// The principal's ARN.
    pub entity: &'a str,
    /// The window to cover.
    pub scope: Scope,
    /// How old the end of another investigation's window may be for it to serve.
    pub reuse: Duration,
    /// On whose behalf, the same in every hop: what the claimer began is told from what others did.
    pub asker: &'a str,
    /// Who claims: the SQS message's id.
    pub holder: &'a str,
    /// Until when the claimer may be acting: the invocation's deadline.
    pub claim_deadline: OffsetDateTime,
    /// The present.
    pub now: OffsetDateTime,
}

impl Question<'_> {
    /// The ledger's key. The end of the window is left out, because it moves with the clock while the question
    /// stays the same: the CSPM and the V2 event of one finding meet here.
    fn key(&self) -> String {
        let start =
            if self.scope.clamped { "look-back".to_owned() } else { rfc3339(self.scope.window.start) };
        format!("investigation {} {} {start}", self.graph, self.entity)
    }

    fn claim(&self) -> BTreeMap<String, String> {
        let Window { start, end } = self.scope.window;
        let text = |name: &str, value: String| (name.to_owned(), value);
        BTreeMap::from([
            text("start", rfc3339(start)),
            text("end", rfc3339(end)),
            text(ASKER, self.asker.to_owned()),
        ])
    }

    /// Whether the investigation of a settled claim was there before, or was started for another finding.
    fn reuses(&self, settled: &Entry) -> bool {
        settled.detail.contains_key(REUSED)
            || settled.detail.get(ASKER).is_none_or(|asker| asker != self.asker)
    }

    /// Whether another investigation answers this question. One that is running does if it looks back as far; a
    /// failed one answers nobody's.
    fn served_by(&self, status: Status, window: &Window) -> bool {
        match status {
            Status::Running => window.start <= self.scope.window.start,
            Status::Successful => window.covers(&self.scope.window, self.reuse),
            Status::Failed => false,
        }
    }
}

/// Finds or starts the investigation that answers `question`. [`State::Pending`] means: look again later.
///
/// # Errors
///
/// Those of Detective and the ledger; a refusal of Detective's that concerns this entity is not an error but
/// [`State::Refused`].
pub async fn begin<D: Detective, L: Ledger>(
    detective: &D,
    ledger: &L,
    question: &Question<'_>,
) -> Result<State, Error> {
    let key = question.key();
    let mut claimed = ledger.claim(&key, question.holder, question.claim_deadline, question.claim()).await?;
    // Each turn either ends or moves the entry on: open, settled, claimed anew. A fourth means that others are
    // moving it, too, and then their work is waited for.
    for _ in 0..3 {
        let entry = match claimed {
            Claimed::Won(entry) => return act(detective, ledger, question, &entry).await,
            Claimed::Held(entry) => entry,
        };
        let settled = match entry.state {
            Effect::Claimed if question.now < entry.claimed_at + AT_WORK => return Ok(State::Pending),
            Effect::Claimed | Effect::Uncertain => {
                match settle_by_evidence(detective, ledger, question, &entry).await? {
                    Some(entry) => entry,
                    None => return Ok(State::Pending),
                }
            }
            Effect::Done | Effect::Refused => entry,
        };
        if let Some((id, window)) = investigation_of(&settled)
            && let Some(known) = detective.get(question.region, question.graph, &id).await?
            && question.served_by(known.status, &window)
        {
            return Ok(State::Started { id, window, reused: question.reuses(&settled) });
        }
        claimed =
            ledger.claim_again(&settled, question.holder, question.claim_deadline, question.claim()).await?;
    }
    Ok(State::Pending)
}

/// What [`begin`] would do, without doing it.
///
/// # Errors
///
/// Those of Detective.
pub async fn rehearse<D: Detective>(detective: &D, question: &Question<'_>) -> Result<State, Error> {
    Ok(match reusable(detective, question).await? {
        Some((id, window)) => State::Started { id, window, reused: true },
        None => State::Pending,
    })
}

/// The claim is ours: reuse what Detective has, else start.
async fn act<D: Detective, L: Ledger>(
    detective: &D,
    ledger: &L,
    question: &Question<'_>,
    entry: &Entry,
) -> Result<State, Error> {
    let settle = |settlement| ledger.settle(&entry.key, entry.attempt, settlement);
    let found = match reusable(detective, question).await {
        Ok(found) => found,
        Err(error) => {
            // Nothing was started, so the claim must not stand in anybody's way.
            settle(Settlement::Refused { reason: error.to_string() }).await?;
            return Err(error);
        }
    };
    if let Some((id, window)) = found {
        let mut detail = detail(&id, &window);
        detail.insert(REUSED.to_owned(), "true".to_owned());
        unless_settled(settle(Settlement::Done { detail }).await)?;
        return Ok(State::Started { id, window, reused: true });
    }
    let window = question.scope.window;
    match detective.start(question.region, question.graph, question.entity, &window).await {
        Start::Started(id) => {
            settle(done(&id, &window)).await?;
            Ok(State::Started { id, window, reused: false })
        }
        Start::Refused(error) => {
            settle(Settlement::Refused { reason: error.to_string() }).await?;
            match error.class() {
                Class::Permanent => Ok(State::Refused { reason: error.to_string() }),
                Class::Retryable | Class::Environment => Err(error),
            }
        }
        Start::Uncertain(error) => {
            tracing::warn!(error_type = error.error_type(), %error, "investigation may or may not have started");
            unless_settled(settle(Settlement::Uncertain { reason: error.to_string() }).await)?;
            Ok(State::Pending)
        }
    }
}

/// Lets it pass if somebody has found an investigation in Detective's list meanwhile, and settled the claim with it.
fn unless_settled(settled: Result<Entry, Error>) -> Result<(), Error> {
    match settled {
        Err(error) if error.error_type() != "SettlementConflict" => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// An investigation that is running, or ended well, and covers the window up to a recent end.
async fn reusable<D: Detective>(
    detective: &D,
    question: &Question<'_>,
) -> Result<Option<(String, Window)>, Error> {
    for known in newest(detective, question, question.now - LONGEST).await? {
        if known.status != Status::Failed
            && let Some(window) = window_of(detective, question, known.id.as_str()).await?
            && question.served_by(known.status, &window)
        {
            return Ok(Some((known.id, window)));
        }
    }
    Ok(None)
}

/// Settles a claim whose claimer fell silent or got no clear answer. `None` while the evidence may be incomplete.
async fn settle_by_evidence<D: Detective, L: Ledger>(
    detective: &D,
    ledger: &L,
    question: &Question<'_>,
    entry: &Entry,
) -> Result<Option<Entry>, Error> {
    let wanted = claimed_window(entry);
    for known in newest(detective, question, entry.claimed_at - CLOCK_SKEW).await? {
        let window = window_of(detective, question, known.id.as_str()).await?;
        if let (Some(window), Some(wanted)) = (window, wanted)
            && window == wanted
        {
            return ledger.settle(&entry.key, entry.attempt, done(&known.id, &window)).await.map(Some);
        }
    }
    if question.now <= entry.claim_deadline + LISTED_WITHIN {
        return Ok(None);
    }
    let reason = "Detective lists no such investigation: it was not started".to_owned();
    ledger.settle(&entry.key, entry.attempt, Settlement::Refused { reason }).await.map(Some)
}

async fn newest<D: Detective>(
    detective: &D,
    question: &Question<'_>,
    since: OffsetDateTime,
) -> Result<impl Iterator<Item = Investigation> + use<D>, Error> {
    let Question { region, graph, entity, now, .. } = *question;
    let known = detective.list_for_entity(region, graph, entity, since, now + CLOCK_SKEW).await?;
    Ok(known.into_iter().take(CANDIDATES))
}

async fn window_of<D: Detective>(
    detective: &D,
    question: &Question<'_>,
    id: &str,
) -> Result<Option<Window>, Error> {
    let known = detective.get(question.region, question.graph, id).await?;
    Ok(known.and_then(|known| known.window))
}

fn done(id: &str, window: &Window) -> Settlement {
    Settlement::Done { detail: detail(id, window) }
}

fn detail(id: &str, window: &Window) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("investigation".to_owned(), id.to_owned()),
        ("start".to_owned(), rfc3339(window.start)),
        ("end".to_owned(), rfc3339(window.end)),
    ])
}

/// The investigation that a done entry stands for.
fn investigation_of(entry: &Entry) -> Option<(String, Window)> {
    let id = entry.detail.get("investigation").filter(|_| entry.state == Effect::Done)?;
    Some((id.clone(), claimed_window(entry)?))
}

fn claimed_window(entry: &Entry) -> Option<Window> {
    let time = |name: &str| OffsetDateTime::parse(entry.detail.get(name)?, &Rfc3339).ok();
    Some(Window { start: time("start")?, end: time("end")? })
}

fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
