//! The story of a shard: may it be sent now, how much of it, and what then.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventide_campaigns::hours::{Opening, next_open};
use eventide_clients::campaigns::{Campaigns, Origins, Pace, Reports, Room, Shards};
use eventide_clients::email::{Email, Quota};
use eventide_clients::s3::Bucket;
use eventide_clients::sms::Sms;
use eventide_clients::sqs::{Outgoing as Message, Queue};
use eventide_kit::clock::Clock;
use eventide_kit::event::{Trigger, parse};
use eventide_kit::ledger::Ledger;
use eventide_kit::sqs::{
    DeadLetters, Options, Record as SqsRecord, SqsBatchResponse, SqsEvent, each, respond,
};
use eventide_kit::{Class, Error, Invocation};
use eventide_types::campaign::record::{Campaign, Shard, State};
use eventide_types::campaign::{Channel, message};
use eventide_types::printable;
use serde::Serialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;

use crate::chunk::Came;
use crate::config::Settings;
use crate::event::Carry;

/// Kept back for writing down how far a shard came, and for answering.
pub(crate) const RESERVE: Duration = Duration::from_secs(15);
/// Added to the time at which a shard's message is to come: when the sweep takes it up, if the message was lost.
pub(crate) const GRACE: Duration = Duration::from_secs(180);
/// When a paused shard is looked at again. Being resumed makes it due at once.
const PAUSED: Duration = Duration::from_secs(3_600);
/// When a shard is looked at again whose campaign is still being judged.
const NOT_YET: Duration = Duration::from_secs(60);
/// When a used-up quota of a day, or what keeps everybody from sending, is looked at again.
const NEXT_QUOTA: Duration = Duration::from_secs(900);
/// When messages that somebody else was at, or that were throttled, are looked at again.
const LEFT_OVER: Duration = Duration::from_secs(60);
/// Messages of a shard that one invocation sends at most.
const CHUNK: u32 = 200;
/// Shards of a channel that may ask again for room, a second. More of them would ask in vain, and be billed for it.
const PATIENT: f64 = 4.0;
/// Letters a second that tell of what keeps a campaign from being sent: one an hour.
const LETTERS: f64 = 1.0 / 3_600.0;

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// Campaigns, shards, origins, rates and reports.
    type Store: Campaigns + Shards + Origins + Pace + Reports;
    /// The effects ledger.
    type Ledger: Ledger;
    /// The bucket of the shards' messages.
    type Bucket: Bucket;
    /// Amazon SES.
    type Email: Email;
    /// AWS End User Messaging SMS.
    type Sms: Sms;
    /// A queue.
    type Queue: Queue;
    /// The failed queue.
    type DeadLetters: DeadLetters;

    /// Campaigns, shards, origins, rates and reports.
    fn store(&self) -> &Self::Store;
    /// The effects ledger.
    fn ledger(&self) -> &Self::Ledger;
    /// The bucket of the shards' messages.
    fn bucket(&self) -> &Self::Bucket;
    /// Amazon SES.
    fn email(&self) -> &Self::Email;
    /// AWS End User Messaging SMS.
    fn sms(&self) -> &Self::Sms;
    /// This function's own queue.
    fn send_queue(&self) -> &Self::Queue;
    /// campaign-report's queue.
    fn report_queue(&self) -> &Self::Queue;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct CampaignSend<P> {
    pub(crate) ports: P,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    /// What the account may send by email, and when SES said so.
    pub(crate) quota: Mutex<Option<(OffsetDateTime, Quota)>>,
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

/// What may be done with a shard.
#[derive(Debug, PartialEq)]
enum Now {
    Send,
    Wait(OffsetDateTime),
    /// Nothing more of it is sent.
    Close(&'static str),
}

/// Why a shard is not sent on.
enum Stopped {
    /// Its messages cannot be read, or how far it came could not be written down.
    Failed(Error),
    /// It was put off, and the sweep takes it up.
    PutOff(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<P: Ports> CampaignSend<P> {
    /// The function with these ports and this time of day.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock, quota: Mutex::new(None) }
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
        let options = self.options();
        let done = each(batch, &options, &invocation.deadline, |record| self.shard(record, invocation)).await;
        respond(done, &options, self.ports.dead_letters()).await
    }

    /// One shard at a time: it sends many messages at once by itself.
    fn options(&self) -> Options {
        let max_receives = self.settings.max_receives;
        Options { concurrency: 1, reserve: Duration::from_secs(2), max_receives }
    }

    async fn shard(&self, record: Arc<SqsRecord>, invocation: &Invocation) -> Result<(), Error> {
        let Carry { shard: key, revision } = parse(record.body.as_bytes())?;
        let Some(mut shard) = self.ports.store().shard(&key).await? else {
            let message = format!("no shard has the key `{}`", printable(&key, 256));
            return Err(Error::permanent("UnknownShard", message));
        };
        let Some(campaign) = self.ports.store().campaign(&shard.campaign).await? else {
            // The sweep would take it up for ever.
            self.ports.store().close(&shard).await?;
            let message = format!("no campaign has the id `{}`", printable(&shard.campaign, 64));
            return Err(Error::permanent("UnknownCampaign", message));
        };
        if shard.closed {
            // A repeat, or the invocation that closed it died before it told.
            return self.close(&shard, &campaign).await;
        }
        let is_overtaken = revision.is_some_and(|revision| revision != shard.revision);
        if is_overtaken && record.receive_count <= 1 {
            // Another message carries it on. One that comes again may be all that is left of who carried it on.
            return Ok(());
        }
        match self.now(&shard, &campaign) {
            Now::Close(why) => {
                tracing::info!(
                    campaign = campaign.id,
                    shard = key,
                    why,
                    "shard closed, nothing more is sent of it"
                );
                self.close(&shard, &campaign).await
            }
            Now::Wait(until) => self.wait(&mut shard, &campaign, until).await,
            Now::Send => match self.send(&mut shard, &campaign, invocation).await {
                Err(Stopped::PutOff(error)) => self.stopped(&record, &shard, error, invocation).await,
                Err(Stopped::Failed(error)) => Err(error),
                Ok(()) => Ok(()),
            },
        }
    }

    async fn wait(&self, shard: &mut Shard, campaign: &Campaign, until: OffsetDateTime) -> Result<(), Error> {
        shard.due_at = until;
        if !self.ports.store().move_on(shard).await? || !campaign.paused {
            return Ok(());
        }
        // Whoever resumed the campaign just now may have looked at the shard before it was put off.
        let record = self.ports.store().campaign(&campaign.id).await?;
        if record.is_some_and(|record| !record.paused) {
            shard.due_at = self.clock.now();
            self.ports.store().move_on(shard).await?;
        }
        Ok(())
    }

    fn now(&self, shard: &Shard, campaign: &Campaign) -> Now {
        let now = self.clock.now();
        if campaign.upload != shard.upload {
            return Now::Close("a newer upload took its place");
        }
        match campaign.state {
            State::Cancelled => return Now::Close("the campaign is cancelled"),
            State::Failed => return Now::Close("the campaign failed"),
            // Its shards are there, but are not yet all of them.
            State::Screening | State::Classifying | State::Judging => return Now::Wait(now + NOT_YET),
            State::Sending | State::Sent => {}
        }
        if shard.test {
            return Now::Send;
        }
        if campaign.settings.send_until.is_some_and(|until| now >= until) {
            return Now::Close("`sendUntil` is over");
        }
        if campaign.paused {
            return Now::Wait(now + PAUSED);
        }
        if let Some(at) = campaign.settings.send_at.filter(|at| now < *at) {
            return Now::Wait(at);
        }
        match campaign.settings.window.map(|window| next_open(&window, shard.zone.as_deref(), now)) {
            None | Some(Opening::Open) => Now::Send,
            Some(Opening::At(at)) => Now::Wait(at),
            Some(Opening::Never) => Now::Close("its recipients' zones have no hour of the window in common"),
        }
    }

    async fn send(
        &self,
        shard: &mut Shard,
        campaign: &Campaign,
        invocation: &Invocation,
    ) -> Result<(), Stopped> {
        let wanted = shard.messages.saturating_sub(shard.next).min(CHUNK);
        let room = match self.room(shard.channel, wanted).await {
            Ok(Room::For(room)) => room,
            Ok(Room::After(wait)) => return self.stand_back(shard, wait).await.map_err(Stopped::Failed),
            Err(error) => return self.put_off(shard, Some(error)).await,
        };
        let Came { to, left, used_up, error } = match self.chunk(shard, campaign, room, invocation).await {
            Err(error) if error.class() == Class::Permanent => {
                // Its messages cannot be read, and will not be. The report says that they were not sent.
                self.close(shard, campaign).await?;
                return Err(Stopped::Failed(error));
            }
            Err(error) => return self.put_off(shard, Some(error)).await,
            Ok(came) => came,
        };
        shard.next = to;
        shard.left = shard.left.saturating_add(left);
        if used_up || error.is_some() {
            return self.put_off(shard, error).await;
        }
        if shard.next < shard.messages {
            // A provider that is throttling is left alone for a moment, and what a rate has room for is back after a second.
            let pause = if left > 0 { 2 } else { u64::from(room < wanted) };
            return Ok(self.hand_over(shard, Duration::from_secs(pause)).await?);
        }
        if shard.left > 0 {
            (shard.next, shard.left) = (0, 0);
            return Ok(self.hand_over(shard, LEFT_OVER).await?);
        }
        self.close(shard, campaign).await?;
        Ok(self.bring_on(shard.channel).await?)
    }

    /// By the sweep: another attempt soon is in vain.
    async fn put_off(&self, shard: &mut Shard, error: Option<Error>) -> Result<(), Stopped> {
        shard.due_at = self.clock.now() + NEXT_QUOTA;
        self.ports.store().move_on(shard).await?;
        error.map_or(Ok(()), |error| Err(Stopped::PutOff(error)))
    }

    /// What keeps one shard from being sent keeps most others from it, too, and the sweep tries them again and again: of all
    /// that a campaign's would tell, the failed queue is told once an hour.
    async fn stopped(
        &self,
        record: &SqsRecord,
        shard: &Shard,
        error: Error,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        tracing::error!(
            campaign = shard.campaign,
            shard = shard.key,
            error_type = error.qualified_type(),
            %error,
            "shard put off"
        );
        invocation.metrics.count("ShardsPutOff", 1, &[("Channel", shard.channel.as_str())]);
        if !self.options().sets_aside(record, &error) {
            return Err(error);
        }
        let name = format!("letter-{}", shard.campaign);
        match self.ports.store().take(&name, LETTERS, 1, self.clock.now()).await {
            Ok(Room::After(_)) => Ok(()),
            Ok(Room::For(_)) | Err(_) => Err(error),
        }
    }

    /// There is no room. Few shards wait for it; the others are taken up by the sweep, or when another ends.
    async fn stand_back(&self, shard: &mut Shard, wait: Duration) -> Result<(), Error> {
        if wait >= NEXT_QUOTA {
            shard.due_at = self.clock.now() + NEXT_QUOTA;
            return self.ports.store().move_on(shard).await.map(drop);
        }
        let (name, now) = (format!("{}-waiting", shard.channel.as_str()), self.clock.now());
        match self.ports.store().take(&name, PATIENT, 1, now).await? {
            Room::For(_) => self.ports.send_queue().send_all(vec![Carry::on(shard, wait)?]).await,
            Room::After(_) => {
                shard.due_at = now;
                self.ports.store().move_on(shard).await.map(drop)
            }
        }
    }

    /// What the rate leaves room for.
    async fn room(&self, channel: Channel, wanted: u32) -> Result<Room, Error> {
        let (rate, wanted) = match channel {
            Channel::Sms => (self.settings.sms.as_ref().map_or(1.0, |sms| sms.per_second), wanted),
            Channel::Email => {
                let quota = self.quota().await?;
                let of_day = quota.max_24_hours - quota.sent_24_hours;
                if quota.max_24_hours >= 0.0 && of_day < 1.0 {
                    return Ok(Room::After(NEXT_QUOTA));
                }
                let of_day = if quota.max_24_hours < 0.0 { wanted } else { wanted.min(whole(of_day)) };
                let own = self.settings.email.as_ref().and_then(|email| email.per_second);
                (quota.max_per_second.min(own.unwrap_or(f64::INFINITY)), of_day)
            }
        };
        let now = self.clock.now();
        let room = self.ports.store().take(channel.as_str(), rate, wanted.max(1), now).await?;
        if let (Channel::Email, Room::For(room)) = (channel, room) {
            self.spend(room);
        }
        Ok(room)
    }

    /// The rest of a shard is carried on by a message, after this time.
    async fn hand_over(&self, shard: &mut Shard, after: Duration) -> Result<(), Error> {
        shard.due_at = self.clock.now() + after + GRACE;
        if !self.ports.store().move_on(shard).await? {
            // Another message carries it on.
            return Ok(());
        }
        self.ports.send_queue().send_all(vec![Carry::on(shard, after)?]).await
    }

    async fn close(&self, shard: &Shard, campaign: &Campaign) -> Result<(), Error> {
        let progress = self.ports.store().close(shard).await?;
        if !shard.test && shard.upload == campaign.upload && progress.is_complete() {
            self.ports.store().request(&campaign.id, self.clock.now()).await?;
            let report = Message::json(&message::Report { campaign: campaign.id.clone() }, 0)?;
            self.ports.report_queue().send_all(vec![report]).await?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float's cast saturates")]
fn whole(number: f64) -> u32 {
    number as u32
}
