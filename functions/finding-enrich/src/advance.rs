//! One step of a finding's enrichment: start what is to be started, look at what runs, tell what has ended.

use eventide_clients::detective::Detective;
use eventide_clients::iam::{Iam, Lookup};
use eventide_kit::error::{Class, Error};
use eventide_kit::ledger::Ledger;
use eventide_types::investigation::Status;
use eventide_types::principal::{Kind, Principal, Subject};
use eventide_types::work::{Progress, State, Work};
use time::{Duration, OffsetDateTime};

use crate::begin::{Question, begin, rehearse};
use crate::report::{Ended, Outcome};

/// Looks at a Region in vain, until it counts as one that cannot be used.
const REGION_TRIES: u32 = 3;

/// What a step needs to know besides the work.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The SQS message's id.
    pub holder: &'a str,
    /// The invocation's deadline.
    pub claim_deadline: OffsetDateTime,
    /// The present.
    pub now: OffsetDateTime,
    /// How old another investigation may be to serve.
    pub reuse: Duration,
    /// How long to wait for an investigation.
    pub max_age: Duration,
    /// Whether nothing may be written.
    pub dry_run: bool,
}

/// Where a finding stands after a step.
#[derive(Debug, PartialEq)]
pub enum Standing {
    /// Some investigation has not ended: look again later.
    Waiting,
    /// Everything has ended.
    Ended(Vec<Ended>),
}

/// Takes `work` one step further and keeps in it what was reached.
///
/// # Errors
///
/// [`Class::Environment`] only: whatever else goes wrong concerns this finding, and is waited out or reported.
pub async fn advance<D: Detective, I: Iam, L: Ledger>(
    detective: &D,
    iam: &I,
    ledger: &L,
    work: &mut Work,
    step: &Step<'_>,
) -> Result<Standing, Error> {
    let mut ended = unsupported(work);
    if principals(work).next().is_none() {
        return Ok(Standing::Ended(ended));
    }
    let Some(scope) = work.scope else {
        let reason = "the finding has no usable time (first observed, created or processed)";
        ended.extend(all(work, &Outcome::Failed { reason: reason.to_owned() }));
        return Ok(Standing::Ended(ended));
    };
    let begun_at = *work.begun_at.get_or_insert(step.now);
    let late = step.now - begun_at >= step.max_age;
    let graph = match detective.graph(&work.region).await {
        Ok(Some(graph)) => graph,
        Ok(None) => {
            let reason = format!("Detective has no behavior graph in {}", work.region);
            ended.extend(all(work, &Outcome::Unsupported { reason }));
            return Ok(Standing::Ended(ended));
        }
        // A Region that cannot be reached from here, or not by us, stays so.
        Err(error) if error.error_type() == "RegionUnavailable" && work.hop >= REGION_TRIES => {
            let reason = format!("Detective cannot be used in {}: {error}", work.region);
            ended.extend(all(work, &Outcome::Unsupported { reason }));
            return Ok(Standing::Ended(ended));
        }
        Err(error) => return waited_out(Err(error), late).map(|outcome| standing(work, ended, outcome)),
    };
    if work.investigations.is_empty() {
        match resolve(iam, work).await {
            Ok(resolved) => work.investigations = resolved,
            Err(error) => {
                return waited_out(Err(error), late).map(|outcome| standing(work, ended, outcome));
            }
        }
    }
    let asker = format!("{} {}", work.run, work.finding.key());
    let mut standings = Vec::with_capacity(work.investigations.len());
    for progress in &mut work.investigations {
        let question = Question {
            region: &work.region,
            graph: &graph,
            entity: &progress.principal.arn.clone(),
            scope,
            reuse: step.reuse,
            asker: &asker,
            holder: step.holder,
            claim_deadline: step.claim_deadline,
            now: step.now,
        };
        let outcome = follow(detective, ledger, progress, &question, step, late).await;
        standings.push(waited_out(outcome, late)?);
    }
    let Some(outcomes) = standings.into_iter().collect::<Option<Vec<_>>>() else {
        return Ok(Standing::Waiting);
    };
    // Read only now that nobody is waited for: they may be many pages.
    for (progress, mut outcome) in work.investigations.iter().zip(outcomes) {
        let investigation = investigation(progress);
        if let (Outcome::Complete { indicators, .. }, Some((id, _))) = (&mut outcome, &investigation) {
            match detective.indicators(&work.region, &graph, id).await {
                Ok(found) => *indicators = found,
                // The verdict stands without them.
                Err(error) if late => {
                    tracing::error!(error_type = error.error_type(), %error, "indicators given up");
                }
                Err(error) => match waited_out(Err(error), late)? {
                    Some(failed) => outcome = failed,
                    None => return Ok(Standing::Waiting),
                },
            }
        }
        ended.push(Ended {
            who: who(&progress.principal),
            region: work.region.clone(),
            investigation,
            outcome,
        });
    }
    Ok(Standing::Ended(ended))
}

/// What an error means for the finding: one that is not its own stops the batch, one that passes is waited out
/// while there is time, and any other is how it ended.
fn waited_out(result: Result<Option<Outcome>, Error>, late: bool) -> Result<Option<Outcome>, Error> {
    let error = match result {
        Ok(outcome) => return Ok(outcome),
        Err(error) => error,
    };
    match error.class() {
        Class::Environment => Err(error),
        Class::Retryable if !late => {
            tracing::warn!(error_type = error.error_type(), %error, "will look again");
            Ok(None)
        }
        Class::Retryable | Class::Permanent => {
            tracing::error!(error_type = error.error_type(), %error, "investigation given up");
            Ok(Some(Outcome::Failed { reason: error.to_string() }))
        }
    }
}

fn standing(work: &Work, mut ended: Vec<Ended>, outcome: Option<Outcome>) -> Standing {
    match outcome {
        None => Standing::Waiting,
        Some(outcome) => {
            ended.extend(all(work, &outcome));
            Standing::Ended(ended)
        }
    }
}

/// Everybody the finding names, where the enrichment itself has failed and not one of the investigations.
pub fn given_up(work: &Work, reason: &str) -> Vec<Ended> {
    let failed = Outcome::Failed { reason: reason.to_owned() };
    let mut ended = all(work, &failed);
    for (ended, progress) in ended.iter_mut().zip(&work.investigations) {
        ended.who = who(&progress.principal);
        ended.investigation = investigation(progress);
    }
    if ended.is_empty() {
        let who = "this finding".to_owned();
        return vec![Ended { who, region: work.region.clone(), investigation: None, outcome: failed }];
    }
    ended.extend(unsupported(work));
    ended
}

/// Every principal of the finding with the same outcome.
fn all(work: &Work, outcome: &Outcome) -> Vec<Ended> {
    let ended = principals(work).map(|principal| Ended {
        who: who(principal),
        region: work.region.clone(),
        investigation: None,
        outcome: outcome.clone(),
    });
    ended.collect()
}

/// Starts the investigation of one principal if it is not known yet, and looks at it.
async fn follow<D: Detective, L: Ledger>(
    detective: &D,
    ledger: &L,
    progress: &mut Progress,
    question: &Question<'_>,
    step: &Step<'_>,
    late: bool,
) -> Result<Option<Outcome>, Error> {
    if progress.state == State::Pending {
        progress.state = if step.dry_run {
            rehearse(detective, question).await?
        } else {
            begin(detective, ledger, question).await?
        };
        if matches!(progress.state, State::Started { reused: false, .. }) {
            // It has only just begun: there is nothing to look at yet.
            return Ok(None);
        }
    }
    look(detective, question.region, question.graph, progress, late, step.max_age).await
}

/// How the investigation of one principal has ended; `None` if it has not.
async fn look<D: Detective>(
    detective: &D,
    region: &str,
    graph: &str,
    progress: &Progress,
    late: bool,
    max_age: Duration,
) -> Result<Option<Outcome>, Error> {
    let timed_out = late.then_some(Outcome::TimedOut { minutes: max_age.whole_minutes() });
    let id = match &progress.state {
        State::Pending => return Ok(timed_out),
        State::Refused { reason } => return Ok(Some(Outcome::Unsupported { reason: reason.clone() })),
        State::Started { id, .. } => id,
    };
    let Some(known) = detective.get(region, graph, id).await? else {
        let reason = format!("Detective no longer knows investigation {id}");
        return Ok(Some(Outcome::Failed { reason }));
    };
    match (known.status, known.severity) {
        (Status::Running, _) => Ok(timed_out),
        (Status::Failed, _) => {
            let reason = format!("Detective reports investigation {id} as failed, without a reason");
            Ok(Some(Outcome::Failed { reason }))
        }
        (Status::Successful, None) => {
            let reason = format!("Detective gives investigation {id} no severity");
            Ok(Some(Outcome::Failed { reason }))
        }
        (Status::Successful, Some(severity)) => {
            Ok(Some(Outcome::Complete { severity, indicators: Vec::new() }))
        }
    }
}

/// The principals with their paths, as far as IAM tells. Where it does not, the ARN stays without one, and
/// Detective's refusal of it is what the finding will say.
async fn resolve<I: Iam>(iam: &I, work: &Work) -> Result<Vec<Progress>, Error> {
    let mut resolved = Vec::new();
    for principal in principals(work) {
        let mut principal = principal.clone();
        if !principal.path_known {
            let Principal { kind, account, name, .. } = &principal;
            let lookup = match kind {
                Kind::Role => iam.role_arn(account, name).await?,
                Kind::User => iam.user_arn(account, name).await?,
            };
            match lookup {
                // Whoever answers is in another account, perhaps in a stranger's: the answer has to be about the
                // principal that was asked for.
                Lookup::Found(arn) if is_about(&arn, &principal) => {
                    principal.arn = arn;
                    principal.path_known = true;
                }
                Lookup::Found(_) => tracing::warn!(account, "IAM answered about another principal"),
                other => tracing::info!(account, lookup = ?other, "path of the principal is not known"),
            }
        }
        resolved.push(Progress { principal, state: State::Pending });
    }
    Ok(resolved)
}

fn is_about(arn: &str, asked: &Principal) -> bool {
    match Subject::from_arn(arn) {
        Some(Subject::Principal(told)) => {
            (told.kind, &told.account, &told.name) == (asked.kind, &asked.account, &asked.name)
        }
        Some(Subject::Unsupported(_)) | None => false,
    }
}

fn principals(work: &Work) -> impl Iterator<Item = &Principal> {
    work.subjects.iter().filter_map(|subject| match subject {
        Subject::Principal(principal) => Some(principal),
        Subject::Unsupported(_) => None,
    })
}

fn unsupported(work: &Work) -> Vec<Ended> {
    let subjects = work.subjects.iter().filter_map(|subject| match subject {
        Subject::Unsupported(unsupported) => Some(Ended {
            who: if unsupported.what.is_empty() {
                "this finding".to_owned()
            } else {
                unsupported.what.clone()
            },
            region: work.region.clone(),
            investigation: None,
            outcome: Outcome::Unsupported { reason: unsupported.reason.to_string() },
        }),
        Subject::Principal(_) => None,
    });
    subjects.collect()
}

fn investigation(progress: &Progress) -> Option<(String, eventide_types::investigation::Window)> {
    match &progress.state {
        State::Started { id, window, .. } => Some((id.clone(), *window)),
        State::Pending | State::Refused { .. } => None,
    }
}

/// `role team/Reader in 111122223333`
fn who(principal: &Principal) -> String {
    let resource = principal.arn.rsplit_once(':').map_or(principal.name.as_str(), |(_, resource)| resource);
    let path = resource.split_once('/').map_or(resource, |(_, path)| path);
    format!("{} {path} in {}", principal.kind.as_str(), principal.account)
}
