//! The story of a provider's news: keep it, and settle what nobody knew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use eventide_clients::campaigns::{Origins, Outcomes, Reports};
use eventide_kit::clock::Clock;
use eventide_kit::ledger::{Ledger, Settlement, State};
use eventide_kit::sqs::{
    DeadLetters, Options, Record as SqsRecord, SqsBatchResponse, SqsEvent, each, respond,
};
use eventide_kit::{Error, Invocation};
use eventide_types::campaign::provider::News;
use eventide_types::printable;

use crate::config::Settings;
use crate::event::{Told, Unnamed, read};

/// Kept back for answering.
const RESERVE: Duration = Duration::from_secs(5);
/// Events that are worked on at a time.
const CONCURRENCY: usize = 10;
/// After which an id of ours is remembered that is going to be: campaign-send's invocations end sooner.
const REMEMBERED_AFTER: time::Duration = time::Duration::minutes(3);
/// How far the provider's clock may be ahead.
const SKEW: time::Duration = time::Duration::minutes(1);

/// Everything the function talks to.
pub trait Ports: Send + Sync {
    /// Origins, outcomes and reports.
    type Store: Origins + Outcomes + Reports;
    /// The effects ledger.
    type Ledger: Ledger;
    /// The failed queue.
    type DeadLetters: DeadLetters;

    /// Origins, outcomes and reports.
    fn store(&self) -> &Self::Store;
    /// The effects ledger.
    fn ledger(&self) -> &Self::Ledger;
    /// The failed queue.
    fn dead_letters(&self) -> &Self::DeadLetters;
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct CampaignTrack<P> {
    ports: P,
    settings: Settings,
    clock: Arc<dyn Clock>,
}

impl<P: Ports> CampaignTrack<P> {
    /// The function with these ports and this time of day.
    pub fn new(ports: P, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { ports, settings, clock }
    }

    /// Works through a batch of events.
    ///
    /// # Errors
    ///
    /// Only for the batch as a whole; each event's own failure is in the response.
    pub async fn answer(&self, batch: SqsEvent, invocation: &Invocation) -> Result<SqsBatchResponse, Error> {
        let max_receives = self.settings.max_receives;
        let options = Options { concurrency: CONCURRENCY, reserve: RESERVE, max_receives };
        let mut done =
            each(batch, &options, &invocation.deadline, |record| self.one(record, invocation)).await;
        // A batch has news of many messages, and of few campaigns.
        let told = done.iter().filter_map(|done| done.result.as_ref().ok()?.clone());
        for campaign in told.collect::<BTreeSet<String>>() {
            let due = self.clock.now() + self.settings.report_after;
            let Err(error) = self.ports.store().request(&campaign, due).await else { continue };
            for done in &mut done {
                if matches!(&done.result, Ok(Some(of)) if *of == campaign) {
                    let again = Error::new(error.class(), error.error_type().to_owned(), error.to_string());
                    done.result = Err(again);
                }
            }
        }
        respond(done, &options, self.ports.dead_letters()).await
    }

    /// The campaign whose report is to be written anew, if one is.
    async fn one(&self, record: Arc<SqsRecord>, invocation: &Invocation) -> Result<Option<String>, Error> {
        let news = match read(&record.body)? {
            None => return Ok(None),
            Some(Told::News(news)) => news,
            Some(Told::Unnamed(unnamed)) => match self.ports.store().origin(&unnamed.message_id).await? {
                Some(origin) => unnamed.of(origin),
                None => return self.of_nobody(&unnamed, &record, invocation).map(|()| None),
            },
        };
        let Some(entry) = self.ports.ledger().get(&news.entry).await? else {
            // The tags are ours, the table is not: another stack sends from this account, too.
            tracing::warn!(
                entry = printable(&news.entry, 64),
                campaign = printable(&news.campaign, 64),
                "no such entry in the ledger"
            );
            return Ok(None);
        };
        if matches!(entry.state, State::Claimed | State::Uncertain) {
            self.settle(&news, entry.attempt).await?;
        }
        let is_news = self.ports.store().record(&news).await?;
        if is_news {
            invocation.metrics.count("ProviderNews", 1, &[("Outcome", news.outcome.as_str())]);
        }
        // A message that comes again may have failed after its news was kept.
        Ok((is_news || record.receive_count > 1).then_some(news.campaign))
    }

    /// Of an id that nobody remembers: it is another application's, unless the message was sent just now. Then the event
    /// comes back, once as a rule, since by then it is old enough.
    fn of_nobody(&self, unnamed: &Unnamed, record: &SqsRecord, invocation: &Invocation) -> Result<(), Error> {
        let since = unnamed.requested_at.or(record.sent_at);
        let age = since.map(|since| self.clock.now() - since);
        let is_young = age.is_none_or(|age| (-SKEW..REMEMBERED_AFTER).contains(&age));
        if is_young && record.receive_count < self.settings.max_receives {
            let message = "nobody remembers the message, which was sent just now";
            return Err(Error::retryable("NotRememberedYet", message));
        }
        invocation.metrics.count("NewsOfNobody", 1, &[]);
        Ok(())
    }

    /// Whoever tells of a message has taken it, be it to say that it could not be delivered.
    async fn settle(&self, news: &News, attempt: u32) -> Result<(), Error> {
        let detail = BTreeMap::from([("message_id".to_owned(), news.message_id.clone())]);
        let settlement = Settlement::Done { detail };
        match self.ports.ledger().settle(&news.entry, attempt, settlement).await {
            // Settled by its sender meanwhile.
            Err(error) if error.error_type() == "SettlementConflict" => Ok(()),
            settled => settled.map(drop),
        }
    }
}
