//! The story of an upload: begin, gather its contents, hand over.

use std::sync::Arc;
use std::time::Duration;

use eventide_campaigns::FileError;
use eventide_clients::campaigns::{Campaigns, Scores, fail, update};
use eventide_clients::event_bus::EventBus;
use eventide_clients::s3::Bucket;
use eventide_clients::sqs::{Outgoing, Queue};
use eventide_kit::clock::Clock;
use eventide_kit::event::parse;
use eventide_kit::sqs::{
    DeadLetters, Options, Record as SqsRecord, SqsBatchResponse, SqsEvent, each, respond,
};
use eventide_kit::{Class, Error, Invocation};
use eventide_types::campaign::message;
use eventide_types::campaign::record::{Campaign, State};
use eventide_types::campaign::settings::Start;
use eventide_types::s3::{Created, Message};

use crate::begin::Begun;
use crate::config::Settings;
use crate::gather::Gathered;

/// Kept back for answering.
const RESERVE: Duration = Duration::from_secs(10);
/// Kept back for telling of a file that takes too long, besides.
const TELLING: Duration = Duration::from_secs(40);
/// How long what failed is left alone before each further attempt of the same invocation.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];
const TOO_LONG: &str = "it cannot be read in one invocation: split the campaign";
/// After which the sweep looks after a campaign that has not moved on.
const OVERDUE: time::Duration = time::Duration::minutes(20);

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// Campaigns and scores.
    type Store: Campaigns + Scores;
    /// A bucket.
    type Bucket: Bucket;
    /// Where events go.
    type EventBus: EventBus;
    /// A queue.
    type Queue: Queue;
    /// The failed queue.
    type DeadLetters: DeadLetters;

    /// Campaigns and scores.
    fn store(&self) -> &Self::Store;
    /// Where campaigns are uploaded.
    fn campaigns(&self) -> &Self::Bucket;
    /// Where contents and documents go.
    fn work(&self) -> &Self::Bucket;
    /// Where events go.
    fn event_bus(&self) -> &Self::EventBus;
    /// campaign-classify's queue.
    fn classify_queue(&self) -> &Self::Queue;
    /// campaign-judge's queue.
    fn judge_queue(&self) -> &Self::Queue;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct CampaignScreen<P> {
    pub(crate) ports: P,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Why a campaign comes to nothing.
pub(crate) enum Failure {
    /// The file's own fault: a stable name of the kind, and the reason.
    File(&'static str, String),
    /// The invocation's time did not suffice.
    TooLong,
    /// Anything else: it may go better next time.
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::File("UnusableFile", error.to_string())
    }
}

impl<P: Ports> CampaignScreen<P> {
    /// The function with these ports and this time of day.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Works through a batch of messages.
    ///
    /// # Errors
    ///
    /// Only for the batch as a whole; each message's own failure is in the response.
    pub async fn answer(&self, batch: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        let max_receives = self.settings.max_receives;
        let options = Options { concurrency: 1, reserve: RESERVE, max_receives };
        let done = each(batch, &options, &invocation.deadline, |record| self.one(record, invocation)).await;
        respond(done, &options, self.ports.dead_letters()).await
    }

    async fn one(&self, record: Arc<SqsRecord>, invocation: &Invocation) -> Result<(), Error> {
        let Some(objects) = parse::<Message>(record.body.as_bytes())?.created() else {
            let message = "event does not parse: expected `Object Created` of Amazon S3, or its notification";
            return Err(Error::permanent("InvalidEvent", message));
        };
        let is_last = record.receive_count >= self.settings.max_receives;
        for object in objects {
            self.object(&object, &record.message_id, is_last, invocation).await?;
        }
        Ok(())
    }

    /// What fails for a moment is tried again, from the start: a message that goes back comes only after the queue's
    /// visibility timeout, which is that of the longest file.
    async fn object(
        &self,
        object: &Created,
        holder: &str,
        is_last: bool,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let mut pauses = PAUSES.into_iter();
        let mut earlier = None;
        loop {
            let (begun, failure) = match self.attempt(object, holder, invocation).await {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            let failure = match (failure, earlier.take()) {
                (Failure::TooLong, Some(earlier)) => Failure::Other(earlier),
                (failure, _) => failure,
            };
            let error = match failure {
                Failure::Other(error) if error.class() == Class::Retryable => error,
                failure => return self.give_up(begun.as_ref(), failure, is_last).await,
            };
            let pause = match pauses.next() {
                Some(pause) => invocation.deadline.run(TELLING, tokio::time::sleep(pause)).await.ok(),
                None => None,
            };
            if pause.is_none() {
                return self.give_up(begun.as_ref(), Failure::Other(error), is_last).await;
            }
            tracing::info!(error_type = error.error_type(), %error, "trying again");
            earlier = Some(error);
        }
    }

    /// Reads the file and hands over. With what fails comes the campaign that was begun, if it was.
    async fn attempt(
        &self,
        object: &Created,
        holder: &str,
        invocation: &Invocation,
    ) -> Result<(), (Option<Campaign>, Failure)> {
        let Begun { campaign, sidecar } = match self.begin(object, holder).await {
            Ok(Some(begun)) => begun,
            Ok(None) => return Ok(()),
            Err(error) => return Err((None, Failure::Other(error))),
        };
        let done = match sidecar {
            Ok(()) => match invocation.deadline.run(TELLING, self.gather(&campaign)).await {
                Ok(Ok(gathered)) => {
                    self.hand_over(&campaign, gathered, invocation).await.map_err(Failure::Other)
                }
                Ok(Err(failure)) => Err(failure),
                Err(_expired) => Err(Failure::TooLong),
            },
            Err(reason) => Err(Failure::File("InvalidSettings", reason)),
        };
        done.map_err(|failure| (Some(campaign), failure))
    }

    async fn give_up(&self, begun: Option<&Campaign>, failure: Failure, is_last: bool) -> Result<(), Error> {
        let (error, is_over) = match failure {
            Failure::File(class, reason) => (Error::permanent(class, reason), true),
            Failure::TooLong => (Error::permanent("FileTooLong", TOO_LONG), true),
            Failure::Other(error) => {
                let is_over = is_last || error.class() == Class::Permanent;
                (error, is_over)
            }
        };
        if let Some(campaign) = begun.filter(|_| is_over) {
            // Whoever waits is told, too, not only the failed queue.
            let (store, event_bus) = (self.ports.store(), self.ports.event_bus());
            fail(store, event_bus, &*self.clock, campaign, &error, |record| is_held(record, campaign))
                .await?;
        }
        Err(error)
    }

    async fn hand_over(
        &self,
        begun: &Campaign,
        gathered: Gathered,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let Gathered { counts, settings } = gathered;
        let nothing_new = counts.documents == 0;
        let moved = update(self.ports.store(), &begun.id, |campaign| {
            let is_ours = is_held(campaign, begun);
            if is_ours {
                campaign.state = if nothing_new { State::Judging } else { State::Classifying };
                campaign.counts = counts;
                // The header of the file itself may say more than the sidecar. What a person resumed meanwhile stays so.
                campaign.paused |= settings.start == Start::Paused && begun.settings.start != Start::Paused;
                campaign.settings = settings.clone();
                campaign.updated_at = self.clock.now();
                campaign.due_at = Some(self.clock.now() + OVERDUE);
            }
            is_ours
        });
        let Some(campaign) = moved.await? else {
            tracing::info!(campaign = begun.id, upload = begun.upload, "another upload took its place");
            return Ok(());
        };
        let (id, upload) = (campaign.id.clone(), campaign.upload.clone());
        if nothing_new {
            let next = message::Judge { campaign: id, upload, release: None };
            self.ports.judge_queue().send_all(vec![Outgoing::json(&next, 0)?]).await?;
        } else {
            let next = message::Classify::of(&id, &upload);
            self.ports.classify_queue().send_all(vec![Outgoing::json(&next, 0)?]).await?;
        }
        tracing::info!(
            campaign = begun.id,
            upload = begun.upload,
            rows = counts.rows,
            unparsed = counts.unparsed,
            contents = counts.contents,
            known = counts.known,
            "contents gathered"
        );
        invocation.metrics.count("RowsRead", counts.rows, &[]);
        invocation.metrics.count("RowsUnparsed", counts.unparsed, &[]);
        invocation.metrics.count("Contents", counts.contents, &[]);
        invocation.metrics.count("ContentsKnown", counts.known, &[]);
        Ok(())
    }
}

/// Whether the campaign is still this invocation's.
fn is_held(campaign: &Campaign, begun: &Campaign) -> bool {
    campaign.upload == begun.upload && campaign.state == State::Screening && campaign.holder == begun.holder
}
