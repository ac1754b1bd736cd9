use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use tracing::{Instrument as _, Span};

use super::{Options, Processed, Record, SqsEvent};
use crate::{
    deadline::Deadline,
    error::{Class, Error},
    event,
};

/// Runs `work` over the records of `event` and gives back what came of each, in their order.
///
/// A record is not begun, and fails with the reason, if
/// - it has no message id (`Permanent.InvalidRecord`): its failure could not be reported;
/// - `options.reserve` of the `deadline` is reached (`Environment.DeadlineNear`);
/// - another record met an error of [`Class::Environment`]: the same error;
/// - an earlier record of its FIFO group failed (`Environment.GroupBlocked`).
///
/// A panic fails its record alone, as `Retryable.Panic`: unlike an event, which Lambda would only give to the same
/// code again at once, a record has receives left, and nothing is lost by using them. A record that is still worked
/// on when `options.reserve` is reached is cut off, as `Retryable.DeadlineExceeded`.
///
/// Each record's work runs in a span of its own, with its `message_id` and a `correlation_id`: the top-level `id` of
/// the body, as EventBridge sets it, unless `work` knows better and says so:
///
/// ```
/// # let order = "7bf73129";
/// tracing::Span::current().record("correlation_id", order);
/// ```
///
/// The span stays with the record ([`Processed::span`]), so that what is logged about it later carries both.
pub async fn each<T, F, Fut>(
    event: SqsEvent,
    options: &Options,
    deadline: &Deadline,
    work: F,
) -> Vec<Processed<T>>
where
    F: Fn(Arc<Record>) -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let batch = Batch { options, deadline, work, stopped: OnceLock::new() };
    let batch = &batch;
    let mut processed: Vec<_> = stream::iter(lanes(event))
        .map(|lane| async move { batch.run(lane).await })
        .buffer_unordered(options.concurrency.max(1))
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .flatten()
        .collect();
    processed.sort_by_key(|(position, _)| *position);
    processed.into_iter().map(|(_, processed)| processed).collect()
}

/// Records that must be handled one after another, with their places in the batch.
type Lane = Vec<(usize, Arc<Record>)>;

fn lanes(event: SqsEvent) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut lane_of_group: HashMap<String, usize> = HashMap::new();
    for (position, message) in event.records.into_iter().enumerate() {
        let record = Arc::new(Record::new(message));
        let lane = match &record.group {
            Some(group) => *lane_of_group.entry(group.clone()).or_insert(lanes.len()),
            None => lanes.len(),
        };
        match lanes.get_mut(lane) {
            Some(lane) => lane.push((position, record)),
            None => lanes.push(vec![(position, record)]),
        }
    }
    lanes
}

/// At ERROR, so that no log level turns off what every line about the record must carry.
fn span(record: &Record) -> Span {
    let correlation_id = event::top_level_id(record.body.as_bytes());
    tracing::error_span!("record", message_id = record.message_id, correlation_id)
}

struct Batch<'a, F> {
    options: &'a Options,
    deadline: &'a Deadline,
    work: F,
    /// Type and message of the error that no further record shall meet.
    stopped: OnceLock<(String, String)>,
}

impl<F> Batch<'_, F> {
    async fn run<T, Fut>(&self, lane: Lane) -> Vec<(usize, Processed<T>)>
    where
        F: Fn(Arc<Record>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let mut blocked = false;
        let mut done = Vec::with_capacity(lane.len());
        for (position, record) in lane {
            let span = span(&record);
            let result = match self.admit(&record, blocked) {
                Ok(()) => self.work(Arc::clone(&record)).instrument(span.clone()).await,
                Err(error) => Err(error),
            };
            blocked |= result.is_err();
            done.push((position, Processed { record, result, span }));
        }
        done
    }

    fn admit(&self, record: &Record, blocked: bool) -> Result<(), Error> {
        if record.message_id.is_empty() {
            return Err(Error::permanent("InvalidRecord", "the record has no `messageId`"));
        }
        if let Some((error_type, message)) = self.stopped.get() {
            return Err(Error::environment(error_type.clone(), format!("not begun: {message}")));
        }
        if blocked {
            return Err(Error::environment("GroupBlocked", "an earlier record of the message group failed"));
        }
        if self.deadline.is_near(self.options.reserve) {
            return Err(Error::environment("DeadlineNear", "too little of the invocation's time is left"));
        }
        Ok(())
    }

    async fn work<T, Fut>(&self, record: Arc<Record>) -> Result<T, Error>
    where
        F: Fn(Arc<Record>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let work = AssertUnwindSafe(async { (self.work)(record).await }).catch_unwind();
        // What is cut off here comes back; what is killed with the invocation takes the whole batch with it.
        let result = match self.deadline.run(self.options.reserve, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => Err(Error::retryable("Panic", "the record's handler panicked")),
            Err(expired) => Err(expired.into()),
        };
        if let Err(error) = &result
            && error.class() == Class::Environment
        {
            // Of several records that meet it at once, the first one's words are as good as any.
            self.stopped.get_or_init(|| (error.error_type().to_owned(), error.to_string()));
        }
        result
    }
}
