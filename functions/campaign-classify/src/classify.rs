//! The story of a classification: which way it goes, and what follows it.

use std::sync::Arc;
use std::time::Duration;

use eventide_clients::campaigns::{Campaigns, Scores, fail, update};
use eventide_clients::comprehend::Classifier;
use eventide_clients::event_bus::EventBus;
use eventide_clients::s3::Bucket;
use eventide_clients::sqs::{Outgoing, Queue};
use eventide_kit::clock::Clock;
use eventide_kit::event::Trigger;
use eventide_kit::sqs::{
    DeadLetters, Options, Record as SqsRecord, SqsBatchResponse, SqsEvent, each, respond,
};
use eventide_kit::{Class, Error, Invocation};
use eventide_types::campaign::keys;
use eventide_types::campaign::message::{Classify, Judge};
use eventide_types::campaign::record::{Campaign, State};
use eventide_types::s3::Created;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::Settings;
use crate::event::{News, news};

/// Kept back for answering.
const RESERVE: Duration = Duration::from_secs(10);
/// How often in a row an endpoint may throttle before a job is started instead.
const PATIENCE: u64 = 60;
/// After which the sweep looks after a campaign that has not moved on.
pub(crate) const OVERDUE: time::Duration = time::Duration::minutes(10);
/// The same for one that is being judged, which may take an invocation's whole time.
pub(crate) const UNJUDGED: time::Duration = time::Duration::minutes(20);

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// Campaigns and scores.
    type Store: Campaigns + Scores;
    /// The work bucket.
    type Bucket: Bucket;
    /// Amazon Comprehend.
    type Classifier: Classifier;
    /// Where events go.
    type EventBus: EventBus;
    /// A queue.
    type Queue: Queue;
    /// The failed queue.
    type DeadLetters: DeadLetters;

    /// Campaigns and scores.
    fn store(&self) -> &Self::Store;
    /// The work bucket.
    fn work(&self) -> &Self::Bucket;
    /// Amazon Comprehend.
    fn classifier(&self) -> &Self::Classifier;
    /// Where events go.
    fn event_bus(&self) -> &Self::EventBus;
    /// This function's own queue.
    fn classify_queue(&self) -> &Self::Queue;
    /// campaign-judge's queue.
    fn judge_queue(&self) -> &Self::Queue;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct CampaignClassify<P> {
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
    /// To the schedule.
    Swept(crate::sweep::Swept),
}

impl<P: Ports> CampaignClassify<P> {
    /// The function with these ports and this time of day.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Works through a batch of messages, or sweeps.
    ///
    /// # Errors
    ///
    /// `InvalidEvent`, and what AWS answers to a sweep; each message's own failure is in the response.
    pub async fn answer(&self, event: &RawValue, invocation: &Invocation) -> Result<Response, Error> {
        match Trigger::read(event)? {
            Trigger::Queue(batch) => self.batch(batch, invocation).await.map(Response::Batch),
            Trigger::Sweep => self.sweep(invocation).await.map(Response::Swept),
        }
    }

    async fn batch(&self, batch: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        let max_receives = self.settings.max_receives;
        let options = Options { concurrency: 1, reserve: RESERVE, max_receives };
        let done = each(batch, &options, &invocation.deadline, |record| self.one(record, invocation)).await;
        respond(done, &options, self.ports.dead_letters()).await
    }

    async fn one(&self, record: Arc<SqsRecord>, invocation: &Invocation) -> Result<(), Error> {
        let is_last = record.receive_count >= self.settings.max_receives;
        match news(&record.body)? {
            News::Asked(asked) => {
                let Some(campaign) = self.waiting(&asked.campaign, &asked.upload).await? else {
                    return Ok(());
                };
                let done = self.asked(&campaign, &asked, invocation).await;
                self.or_fail(&campaign, is_last, done).await
            }
            News::Created(objects) => {
                for object in objects {
                    self.created(&object, is_last, invocation).await?;
                }
                Ok(())
            }
        }
    }

    /// The campaign, if it still waits for its classification.
    pub(crate) async fn waiting(&self, campaign: &str, upload: &str) -> Result<Option<Campaign>, Error> {
        let campaign = self.ports.store().campaign(campaign).await?;
        // Otherwise a repeat, or another upload took its place.
        Ok(campaign.filter(|campaign| campaign.upload == upload && campaign.state == State::Classifying))
    }

    async fn asked(
        &self,
        campaign: &Campaign,
        asked: &Classify,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        match &self.settings.endpoint {
            _ if campaign.job_id.is_some() => Ok(()),
            // A content of several parts may be more than an endpoint that others use, too, ever takes at once.
            Some(endpoint)
                if campaign.counts.documents <= self.settings.sync_documents
                    && asked.throttled < PATIENCE =>
            {
                self.at_once(campaign, endpoint, asked, invocation).await
            }
            _ => self.start(campaign).await,
        }
    }

    async fn created(&self, object: &Created, is_last: bool, invocation: &Invocation) -> Result<(), Error> {
        let Some((campaign, upload)) = keys::of_work(&object.key).filter(|_| is_output(&object.key)) else {
            return Ok(());
        };
        let Some(campaign) = self.waiting(campaign, upload).await? else { return Ok(()) };
        let other = campaign.job_id.as_ref().filter(|job| !object.key.contains(&format!("-CLN-{job}/")));
        if other.is_some() {
            tracing::warn!(campaign = campaign.id, "answers of another job are left alone");
            return Ok(());
        }
        let done = self.answers(&campaign, &object.key, invocation).await;
        self.or_fail(&campaign, is_last, done).await
    }

    /// The scores are complete.
    pub(crate) async fn classified(&self, campaign: &Campaign) -> Result<(), Error> {
        let moved = update(self.ports.store(), &campaign.id, |record| {
            let is_ours = record.upload == campaign.upload && record.state == State::Classifying;
            if is_ours {
                record.state = State::Judging;
                record.updated_at = self.clock.now();
                record.due_at = Some(self.clock.now() + UNJUDGED);
            }
            is_ours
        });
        if moved.await?.is_some() {
            self.judge(campaign).await?;
        }
        Ok(())
    }

    pub(crate) async fn judge(&self, campaign: &Campaign) -> Result<(), Error> {
        let (id, upload) = (campaign.id.clone(), campaign.upload.clone());
        let next = Outgoing::json(&Judge { campaign: id, upload, release: None }, 0)?;
        self.ports.judge_queue().send_all(vec![next]).await
    }

    /// What fails for good, or for the last time, is the campaign's failure, too.
    pub(crate) async fn or_fail(
        &self,
        campaign: &Campaign,
        is_last: bool,
        done: Result<(), Error>,
    ) -> Result<(), Error> {
        if let Err(error) = &done
            && (error.class() == Class::Permanent || is_last)
        {
            self.fail(campaign, error).await?;
        }
        done
    }

    pub(crate) async fn fail(&self, campaign: &Campaign, error: &Error) -> Result<(), Error> {
        let is_ours = |record: &Campaign| record.upload == campaign.upload && record.state == campaign.state;
        let (store, event_bus) = (self.ports.store(), self.ports.event_bus());
        if !store.campaign(&campaign.id).await?.as_ref().is_some_and(is_ours) {
            return Ok(());
        }
        tracing::error!(campaign = campaign.id, error_type = error.error_type(), reason = %error, "campaign failed");
        fail(store, event_bus, &*self.clock, campaign, error, is_ours).await
    }
}

fn is_output(key: &str) -> bool {
    key.ends_with("/output/output.tar.gz")
}
