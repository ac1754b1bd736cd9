//! The story of a campaign's verdicts: join, put the shards on their way, tell.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use eventide_clients::campaigns::{Campaigns, Decisions, Shards, fail, update};
use eventide_clients::event_bus::{Event, EventBus};
use eventide_clients::s3::{Bucket, Lines};
use eventide_clients::secrets::{Secret, Secrets};
use eventide_clients::sqs::{Outgoing, Queue};
use eventide_kit::clock::Clock;
use eventide_kit::event::parse;
use eventide_kit::sqs::{
    DeadLetters, Options, Record as SqsRecord, SqsBatchResponse, SqsEvent, each, respond,
};
use eventide_kit::{Class, Error, Invocation};
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::keys::{Work, report};
use eventide_types::campaign::record::{Campaign, Shard, State};
use eventide_types::campaign::{ContentId, event, message};
use eventide_types::printable;

use crate::config::Settings;
use crate::join::Joined;

/// Kept back for answering.
const RESERVE: Duration = Duration::from_secs(10);
/// Kept back for putting shards on their way, or for telling that the time was too short, besides.
const TELLING: Duration = Duration::from_secs(60);
/// Shards that are put on their way at once. Each that ends brings on the next, and the sweep does what is left.
const AT_ONCE: usize = 4;
/// How long what failed is left alone before each further attempt of the same invocation.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];
const TOO_LONG: &str = "CampaignTooLong";
/// After which the sweep looks after a campaign that is on its way, but of which it was not told.
const OVERDUE: time::Duration = time::Duration::minutes(10);

/// The shards that are there without anybody's decision.
pub(crate) const FIRST: &str = "first";

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// Campaigns, decisions and shards.
    type Store: Campaigns + Decisions + Shards;
    /// A bucket.
    type Bucket: Bucket;
    /// Secrets Manager.
    type Secrets: Secrets;
    /// Where events go.
    type EventBus: EventBus;
    /// A queue.
    type Queue: Queue;
    /// The failed queue.
    type DeadLetters: DeadLetters;

    /// Campaigns, decisions and shards.
    fn store(&self) -> &Self::Store;
    /// Where campaigns are uploaded.
    fn campaigns(&self) -> &Self::Bucket;
    /// Where contents, scores and shards lie.
    fn work(&self) -> &Self::Bucket;
    /// Where verdicts go.
    fn reports(&self) -> &Self::Bucket;
    /// Secrets Manager.
    fn secrets(&self) -> &Self::Secrets;
    /// Where events go.
    fn event_bus(&self) -> &Self::EventBus;
    /// campaign-send's queue.
    fn send_queue(&self) -> &Self::Queue;
    /// campaign-report's queue.
    fn report_queue(&self) -> &Self::Queue;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct CampaignJudge<P> {
    pub(crate) ports: P,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

impl<P: Ports> CampaignJudge<P> {
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

    /// What fails for a moment is tried again, from where it stands: a message that goes back comes only after the queue's
    /// visibility timeout, which is that of the longest campaign.
    async fn one(&self, record: Arc<SqsRecord>, invocation: &Invocation) -> Result<(), Error> {
        let asked: message::Judge = parse(record.body.as_bytes())?;
        let is_last = record.receive_count >= self.settings.max_receives;
        let mut pauses = PAUSES.into_iter();
        let mut earlier = None;
        loop {
            let (campaign, error) = match self.attempt(&asked, invocation).await {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            let error = match earlier.take() {
                Some(earlier) if error.error_type() == TOO_LONG => earlier,
                _ => error,
            };
            let pause = pauses.next().filter(|_| error.class() == Class::Retryable);
            if let Some(pause) = pause
                && invocation.deadline.run(TELLING, tokio::time::sleep(pause)).await.is_ok()
            {
                tracing::info!(error_type = error.error_type(), %error, "trying again");
                earlier = Some(error);
                continue;
            }
            let is_over = error.class() == Class::Permanent || is_last;
            if let Some(campaign) = campaign.filter(|_| is_over && asked.release.is_none()) {
                // Whoever waits is told, too, not only the failed queue.
                self.fail(&campaign, &error).await?;
            }
            return Err(error);
        }
    }

    /// Does what the campaign's state asks for. With what fails comes the campaign, if there is one.
    async fn attempt(
        &self,
        asked: &message::Judge,
        invocation: &Invocation,
    ) -> Result<(), (Option<Campaign>, Error)> {
        let campaign = match self.ports.store().campaign(&asked.campaign).await {
            Ok(Some(campaign)) => campaign,
            Ok(None) => {
                let message = format!("no campaign has the id `{}`", printable(&asked.campaign, 64));
                return Err((None, Error::permanent("UnknownCampaign", message)));
            }
            Err(error) => return Err((None, error)),
        };
        if campaign.upload != asked.upload || campaign.state == State::Cancelled {
            // Another upload took its place, or nothing of it is to be sent.
            return Ok(());
        }
        let done = match (&asked.release, campaign.state) {
            (None, State::Judging) => self.first(&campaign, invocation).await,
            // Whoever put it on its way died before it was told.
            (None, State::Sending) if campaign.due_at.is_some() => self.tell(&campaign, invocation).await,
            (Some(name), State::Sending | State::Sent) => self.release(&campaign, name, invocation).await,
            (Some(_), State::Judging) => {
                Err(Error::retryable("NotJudgedYet", "the campaign's own verdicts are not written yet"))
            }
            // A repeat.
            _ => Ok(()),
        };
        done.map_err(|error| (Some(campaign), error))
    }

    async fn first(&self, campaign: &Campaign, invocation: &Invocation) -> Result<(), Error> {
        let Some(joined) = self.joined(campaign, None, invocation).await? else { return Ok(()) };
        match self.put_on_their_way(campaign, FIRST, joined).await? {
            Some(campaign) => self.tell(&campaign, invocation).await,
            None => Ok(()),
        }
    }

    /// Joins messages with verdicts, as long as the invocation's time allows.
    async fn joined(
        &self,
        campaign: &Campaign,
        release: Option<(&str, &HashSet<ContentId>)>,
        invocation: &Invocation,
    ) -> Result<Option<Joined>, Error> {
        let joined = async {
            let mut verdicts = self.verdicts(campaign).await?;
            self.join(campaign, &mut verdicts, release).await
        };
        invocation.deadline.run(TELLING, joined).await.map_err(|_expired| {
            let message = "its messages cannot be judged in one invocation: split the campaign";
            Error::permanent(TOO_LONG, message)
        })?
    }

    /// Tells that a campaign is screened, which until then is due, so that somebody does.
    async fn tell(&self, campaign: &Campaign, invocation: &Invocation) -> Result<(), Error> {
        let counts = campaign.counts;
        let screened = event::Screened {
            campaign: campaign.id.clone(),
            upload: campaign.upload.clone(),
            counts,
            bucket: self.ports.reports().name().to_owned(),
            verdicts: report::verdicts(&campaign.id),
            review: report::review(&campaign.id),
        };
        self.ports.event_bus().send(&Event::new(event::SOURCE, event::SCREENED, &screened)?).await?;
        self.ask_for_report(&campaign.id).await?;
        let told = update(self.ports.store(), &campaign.id, |record| {
            let is_ours = record.upload == campaign.upload && record.state == State::Sending;
            if is_ours {
                record.due_at = None;
            }
            is_ours
        });
        told.await?;
        tracing::info!(
            campaign = campaign.id,
            approved = counts.approved,
            held = counts.held,
            rejected = counts.rejected,
            unparsed = counts.unparsed,
            "campaign screened"
        );
        for (verdict, count) in
            [("approved", counts.approved), ("held", counts.held), ("rejected", counts.rejected)]
        {
            invocation.metrics.count("MessagesJudged", count, &[("Verdict", verdict)]);
        }
        Ok(())
    }

    async fn ask_for_report(&self, campaign: &str) -> Result<(), Error> {
        let report = Outgoing::json(&message::Report { campaign: campaign.to_owned() }, 0)?;
        self.ports.report_queue().send_all(vec![report]).await
    }

    async fn release(&self, campaign: &Campaign, name: &str, invocation: &Invocation) -> Result<(), Error> {
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        let Some(mut decisions) = Lines::open(self.ports.work(), &work.release(name)).await? else {
            return Err(Error::permanent(
                "UnknownRelease",
                format!("there is no release `{}`", printable(name, 128)),
            ));
        };
        let mut approved: HashSet<ContentId> = HashSet::new();
        while let Some(line) = decisions.next().await? {
            let decision: Decision = parse(&line)?;
            if decision.approved {
                approved.insert(decision.content);
            }
        }
        let Some(joined) = self.joined(campaign, Some((name, &approved)), invocation).await? else {
            return Ok(());
        };
        let messages: u64 = joined.shards.iter().map(|shard| u64::from(shard.messages)).sum();
        if self.put_on_their_way(campaign, name, joined).await?.is_some() {
            self.ask_for_report(&campaign.id).await?;
        }
        tracing::info!(campaign = campaign.id, release = name, messages, "contents released");
        invocation.metrics.count("MessagesReleased", messages, &[]);
        Ok(())
    }

    /// Makes the shards known, then the campaign one that is being sent. `None`: another upload took its place.
    async fn put_on_their_way(
        &self,
        campaign: &Campaign,
        generation: &str,
        joined: Joined,
    ) -> Result<Option<Campaign>, Error> {
        let Joined { counts, mut shards } = joined;
        let now = self.clock.now();
        let due_at = campaign.settings.send_at.map_or(now, |at| at.max(now));
        shards.iter_mut().for_each(|shard| shard.due_at = due_at);
        let (id, upload) = (&campaign.id, &campaign.upload);
        // Announced first: of a release one shard may be closed before another is there, and that is not the end.
        self.ports.store().announce(id, upload, generation, shards.len() as u64).await?;
        self.ports.store().create(&shards).await?;
        let moved = update(self.ports.store(), id, |record| {
            let is_ours = record.upload == *upload
                && match generation {
                    FIRST => record.state == State::Judging,
                    _ => matches!(record.state, State::Sending | State::Sent),
                };
            if is_ours {
                record.counts = counts;
                record.screened_at = record.screened_at.or(Some(now));
                record.updated_at = now;
                if record.state == State::Judging {
                    record.due_at = Some(now + OVERDUE);
                }
                record.state = State::Sending;
            }
            is_ours
        });
        let moved = moved.await?;
        if let Some(moved) = &moved {
            let is_due = |_: &&Shard| due_at <= now && !moved.paused;
            let next = shards.iter().filter(is_due).take(AT_ONCE);
            let next = next.map(|shard| Outgoing::json(&message::Send { shard: shard.key.clone() }, 0));
            self.ports.send_queue().send_all(next.collect::<Result<_, _>>()?).await?;
        }
        Ok(moved)
    }

    async fn fail(&self, campaign: &Campaign, error: &Error) -> Result<(), Error> {
        let is_ours = |record: &Campaign| record.upload == campaign.upload && record.state == State::Judging;
        let (store, event_bus) = (self.ports.store(), self.ports.event_bus());
        if !store.campaign(&campaign.id).await?.as_ref().is_some_and(is_ours) {
            return Ok(());
        }
        fail(store, event_bus, &*self.clock, campaign, error, is_ours).await
    }

    pub(crate) async fn secret(&self) -> Result<Secret, Error> {
        self.ports.secrets().get(&self.settings.secret).await
    }
}
