//! The story of a report.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventide_clients::campaigns::{Campaigns, Decisions, Outcomes, Progress, Reports, Shards, update};
use eventide_clients::event_bus::{Event as Told, EventBus};
use eventide_clients::s3::Bucket;
use eventide_kit::clock::Clock;
use eventide_kit::event::{Trigger, parse};
use eventide_kit::sqs::{
    DeadLetters, Options, Record as SqsRecord, SqsBatchResponse, SqsEvent, each, respond,
};
use eventide_kit::{Class, Error, Invocation};
use eventide_types::campaign::keys::{Work, report};
use eventide_types::campaign::record::{Campaign, State};
use eventide_types::campaign::{event, message};
use eventide_types::printable;
use serde::Serialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;

use crate::config::Settings;
use crate::figures::Figures;
use crate::page;

/// Kept back for answering.
const RESERVE: Duration = Duration::from_secs(10);
/// Reports that one sweep writes. The next one is 5 minutes away.
const MOST: usize = 50;

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// Campaigns, decisions, shards, outcomes and reports.
    type Store: Campaigns + Decisions + Shards + Outcomes + Reports;
    /// A bucket.
    type Bucket: Bucket;
    /// Where events go.
    type EventBus: EventBus;
    /// The failed queue.
    type DeadLetters: DeadLetters;

    /// Campaigns, decisions, shards, outcomes and reports.
    fn store(&self) -> &Self::Store;
    /// Where contents and shards lie.
    fn work(&self) -> &Self::Bucket;
    /// Where reports go.
    fn reports(&self) -> &Self::Bucket;
    /// Where events go.
    fn event_bus(&self) -> &Self::EventBus;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct CampaignReport<P> {
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
    Swept(Swept),
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Reports that were due, and are written.
    pub written: u64,
}

impl<P: Ports> CampaignReport<P> {
    /// The function with these ports and this time of day.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Works through a batch of messages, or sweeps.
    ///
    /// # Errors
    ///
    /// `InvalidEvent`, and the first failure of a sweep; each message's own failure is in the response.
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
        let message::Report { campaign } = parse(record.body.as_bytes())?;
        self.report(&campaign, invocation).await
    }

    async fn sweep(&self, invocation: &Invocation) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let mut first = None;
        for (campaign, due_at) in self.ports.store().due_reports(self.clock.now(), MOST).await? {
            if invocation.deadline.is_near(RESERVE) {
                break;
            }
            match self.due(&campaign, due_at, invocation).await {
                Ok(()) => swept.written += 1,
                Err(error) => {
                    tracing::error!(campaign = printable(&campaign, 64), error_type = error.qualified_type(), %error, "report not written");
                    first.get_or_insert(error);
                }
            }
        }
        first.map_or(Ok(swept), Err)
    }

    async fn due(
        &self,
        campaign: &str,
        due_at: OffsetDateTime,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let written = self.report(campaign, invocation).await;
        match &written {
            // It would be so each time.
            Err(error) if error.class() == Class::Permanent => {}
            Err(_) => return written,
            Ok(()) => {}
        }
        self.ports.store().written(campaign, due_at).await?;
        written
    }

    /// Writes a campaign's report, and tells if it is sent.
    async fn report(&self, id: &str, invocation: &Invocation) -> Result<(), Error> {
        let Some(campaign) = self.ports.store().campaign(id).await? else {
            let message = format!("no campaign has the id `{}`", printable(id, 64));
            return Err(Error::permanent("UnknownCampaign", message));
        };
        // Before the messages are looked at: what is settled afterwards asks for another report.
        let progress = self.ports.store().progress(&campaign.id, &campaign.upload).await?;
        let is_sent = campaign.state == State::Sending && progress.is_complete();
        let now = self.clock.now();
        let contents = Work { campaign: &campaign.id, upload: &campaign.upload }.contents();
        if campaign.screened_at.is_some() && self.ports.work().size(&contents).await?.is_none() {
            // What the functions hand to each other has expired. The report as it is says more than a new one could.
            tracing::info!(campaign = id, "its work has expired, and its report stays as it is");
            return Ok(());
        }
        let mut figures = Figures::of(&campaign, now);
        let decided = self.count_verdicts(&campaign, &mut figures).await?;
        self.unparsed(&campaign, &mut figures).await?;
        self.count_deliveries(&campaign, &mut figures).await?;
        self.training(&campaign, &decided).await?;
        // A release may have begun meanwhile: then there is something left to send, and another report follows.
        let has_changed = is_sent && !self.is_as_it_was(&campaign, progress).await?;
        if has_changed {
            self.ports.store().request(&campaign.id, now).await?;
        }
        let is_sent = is_sent && !has_changed;
        if is_sent {
            (figures.state, figures.sent_at) = (State::Sent.as_str(), Some(now));
        }
        self.write(&figures).await?;
        if is_sent {
            self.sent(&campaign, &figures, now, invocation).await?;
        }
        tracing::info!(campaign = id, state = figures.state, "report written");
        Ok(())
    }

    /// Whether neither the campaign nor its sending has changed.
    async fn is_as_it_was(&self, campaign: &Campaign, progress: Progress) -> Result<bool, Error> {
        let record = self.ports.store().campaign(&campaign.id).await?;
        // Not by its revision: campaign-judge writes that it has told, just after it has asked for the report.
        let is_same = record.is_some_and(|record| {
            record.upload == campaign.upload
                && record.state == campaign.state
                && record.updated_at == campaign.updated_at
        });
        Ok(is_same && self.ports.store().progress(&campaign.id, &campaign.upload).await? == progress)
    }

    async fn write(&self, figures: &Figures) -> Result<(), Error> {
        let json = serde_json::to_vec_pretty(figures).map_err(|error| {
            Error::permanent("Unwritable", "the figures cannot be written").with_source(error)
        })?;
        let (json_key, page_key) = (report::figures(&figures.campaign), report::page(&figures.campaign));
        self.ports.reports().put(&json_key, "application/json", Bytes::from(json)).await?;
        let page = Bytes::from(page::page(figures));
        self.ports.reports().put(&page_key, "text/html; charset=utf-8", page).await
    }

    /// There is nothing left to send. The event comes first: who is told twice knows no less.
    async fn sent(
        &self,
        campaign: &Campaign,
        figures: &Figures,
        now: OffsetDateTime,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let total = figures.total();
        let sent = event::Sent {
            campaign: campaign.id.clone(),
            upload: campaign.upload.clone(),
            accepted: total.accepted,
            refused: total.refused,
            uncertain: total.uncertain,
            bucket: self.ports.reports().name().to_owned(),
            report: report::figures(&campaign.id),
        };
        self.ports.event_bus().send(&Told::new(event::SOURCE, event::SENT, &sent)?).await?;
        let written = update(self.ports.store(), &campaign.id, |record| {
            // A release may have begun while the report was written: then there is something left to send.
            let is_ours = record.upload == campaign.upload
                && record.state == State::Sending
                && record.updated_at == campaign.updated_at;
            if is_ours {
                (record.state, record.sent_at, record.updated_at) = (State::Sent, Some(now), now);
            }
            is_ours
        });
        if written.await?.is_none() {
            // Another report of the same end was quicker; or there is something left to send, and this one says too much.
            return self.ports.store().request(&campaign.id, now).await;
        }
        invocation.metrics.count("CampaignsSent", 1, &[]);
        invocation.metrics.count("MessagesUncertain", total.uncertain, &[]);
        Ok(())
    }
}
