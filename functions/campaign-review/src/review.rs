//! The story of a command.

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::campaigns::{Campaigns, Decisions, Reports, Shards, update};
use eventide_clients::s3::Bucket;
use eventide_clients::secrets::Secrets;
use eventide_clients::sqs::Queue;
use eventide_kit::clock::Clock;
use eventide_kit::ledger::Ledger;
use eventide_kit::sqs::{
    DeadLetters, Options, Record as SqsRecord, SqsBatchResponse, SqsEvent, each, respond,
};
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::command::Action;
use eventide_types::campaign::record::{Campaign, Decided, State};
use eventide_types::printable;
use serde::Serialize;

use crate::config::Settings;
use crate::event::{Event, Given, News, Trigger, news, read};

/// Kept back for answering.
const RESERVE: Duration = Duration::from_secs(5);
/// How far the clocks of those who give commands may be ahead.
const SKEW: Duration = Duration::from_secs(60);

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// Campaigns, decisions, shards and reports.
    type Store: Campaigns + Decisions + Shards + Reports;
    /// The effects ledger.
    type Ledger: Ledger;
    /// A bucket.
    type Bucket: Bucket;
    /// Secrets Manager.
    type Secrets: Secrets;
    /// A queue.
    type Queue: Queue;
    /// The failed queue.
    type DeadLetters: DeadLetters;

    /// Campaigns, decisions, shards and reports.
    fn store(&self) -> &Self::Store;
    /// The effects ledger.
    fn ledger(&self) -> &Self::Ledger;
    /// Where decision files are uploaded.
    fn campaigns(&self) -> &Self::Bucket;
    /// Where shards and releases lie.
    fn work(&self) -> &Self::Bucket;
    /// Where the list of held contents lies.
    fn reports(&self) -> &Self::Bucket;
    /// Secrets Manager.
    fn secrets(&self) -> &Self::Secrets;
    /// campaign-judge's queue.
    fn judge_queue(&self) -> &Self::Queue;
    /// campaign-send's queue.
    fn send_queue(&self) -> &Self::Queue;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct CampaignReview<P> {
    pub(crate) ports: P,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What the function answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// To the queue.
    Batch(SqsBatchResponse),
    /// To who gave a command.
    Done(Done),
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// The campaign.
    pub campaign: String,
    /// What was to be done.
    pub action: &'static str,
    /// Whether it changed anything.
    pub changed: bool,
    /// Contents that were decided on, messages that were settled, or test messages.
    pub count: u64,
}

impl<P: Ports> CampaignReview<P> {
    /// The function with these ports and this time of day.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Works through a batch of messages, or carries out a command.
    ///
    /// # Errors
    ///
    /// `InvalidEvent`, and why a direct command cannot be carried out; each message's own failure is in the response.
    pub async fn answer(&self, event: &Event, invocation: &Invocation) -> Result<Response, Error> {
        match read(event, invocation, self.clock.now())? {
            Trigger::Queue(batch) => self.batch(batch, invocation).await.map(Response::Batch),
            Trigger::Direct(given) => self.command(&given, invocation).await.map(Response::Done),
        }
    }

    async fn batch(&self, batch: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        let max_receives = self.settings.max_receives;
        let options = Options { concurrency: 1, reserve: RESERVE, max_receives };
        let done = each(batch, &options, &invocation.deadline, |record| self.one(record, invocation)).await;
        respond(done, &options, self.ports.dead_letters()).await
    }

    async fn one(&self, record: Arc<SqsRecord>, invocation: &Invocation) -> Result<(), Error> {
        match news(&record.body)? {
            News::Command(mut given) => {
                // Whoever gives commands also says when; one of the future would outrank all that follow.
                given.at = given.at.min(self.clock.now() + SKEW);
                self.command(&given, invocation).await.map(drop)
            }
            News::Created(objects) => {
                for object in objects {
                    self.file(&object, invocation).await?;
                }
                Ok(())
            }
        }
    }

    async fn command(&self, given: &Given, invocation: &Invocation) -> Result<Done, Error> {
        let command = &given.command;
        let campaign = self.campaign(&command.campaign).await?;
        let (changed, count) = match &command.action {
            Action::Pause | Action::Resume | Action::Cancel => (self.whole(&campaign, given).await?, 0),
            Action::Approve { contents, label } => {
                self.contents(&campaign, given, contents, true, label.as_deref()).await?
            }
            Action::Reject { contents, label } => {
                self.contents(&campaign, given, contents, false, label.as_deref()).await?
            }
            Action::TestSend { to } => self.test_send(&campaign, given, to).await?,
            Action::Settle { entries, outcome } => self.settle(&campaign, given, entries, *outcome).await?,
        };
        let action = command.action.as_str();
        tracing::info!(campaign = campaign.id, action, changed, count, "command carried out");
        invocation.metrics.count("Commands", 1, &[("Action", action)]);
        Ok(Done { campaign: campaign.id, action, changed, count })
    }

    pub(crate) async fn campaign(&self, id: &str) -> Result<Campaign, Error> {
        self.ports.store().campaign(id).await?.ok_or_else(|| {
            let message = format!("no campaign has the id `{}`", printable(id, 64));
            Error::permanent("UnknownCampaign", message)
        })
    }

    /// Pauses, resumes or cancels.
    async fn whole(&self, campaign: &Campaign, given: &Given) -> Result<bool, Error> {
        let command = &given.command;
        if campaign.state == State::Cancelled && command.action != Action::Cancel {
            let message = format!("campaign `{}` is cancelled, which is final", campaign.id);
            return Err(Error::permanent("CampaignCancelled", message));
        }
        let decided = Decided {
            action: command.action.as_str().to_owned(),
            by: command.by.clone(),
            reason: command.reason.clone(),
            at: given.at,
        };
        let changed = update(self.ports.store(), &campaign.id, |record| {
            // Commands may come late, and more than once. A cancellation counts whenever it comes.
            // Of two of the same second nobody knows which is the later; to pause is the safer one.
            let is_pause = command.action == Action::Pause && !record.paused;
            let is_late = record
                .decided
                .as_ref()
                .is_some_and(|newer| newer.at > given.at || (newer.at == given.at && !is_pause));
            if record.state == State::Cancelled || (is_late && command.action != Action::Cancel) {
                return false;
            }
            match command.action {
                Action::Pause => record.paused = true,
                Action::Resume => record.paused = false,
                _ => {
                    record.state = State::Cancelled;
                    record.due_at = None;
                }
            }
            record.decided = Some(decided.clone());
            record.updated_at = self.clock.now();
            true
        });
        let changed = changed.await?;
        // A repeat may follow upon a crash just here, so the shards are looked at in any case.
        let record = self.campaign(&campaign.id).await?;
        match (&command.action, record.state, record.paused) {
            (Action::Resume, State::Sending, false) => self.take_up(&record).await?,
            (Action::Cancel, State::Cancelled, _) => self.close_all(&record).await?,
            _ => {}
        }
        Ok(changed.is_some())
    }
}
