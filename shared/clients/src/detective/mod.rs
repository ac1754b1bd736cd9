//! Amazon Detective investigations of IAM roles and users.

#[cfg(feature = "testing")]
pub mod contract;
mod convert;
#[cfg(feature = "testing")]
mod fake;
mod sdk;
mod start;

use eventide_kit::error::Error;
use eventide_types::investigation::{Indicator, Investigation, Window};
#[cfg(feature = "testing")]
pub use fake::{Call, Ending, FakeDetective, Operation, Script};
pub use sdk::SdkDetective;
use time::OffsetDateTime;

/// What became of a request to start an investigation.
#[derive(Debug)]
pub enum Start {
    /// It was started; the investigation's id of 21 digits.
    Started(String),
    /// A definite answer: nothing was started. [`Error::class`] says whether asking again makes sense.
    Refused(Error),
    /// No definite answer (a time-out, a server error, a lost response): an investigation may be running.
    /// [`Detective::list_for_entity`] has the evidence.
    Uncertain(Error),
}

/// What Eventide asks of Detective. A behavior graph belongs to one Region, so every call names the Region.
///
/// Unless said otherwise, an error is [`Permanent`] for input that Detective rejects, [`Retryable`] for throttling,
/// time-outs and server errors, [`Environment`] for missing permissions and an unreachable service.
///
/// [`Permanent`]: eventide_kit::error::Class::Permanent
/// [`Retryable`]: eventide_kit::error::Class::Retryable
/// [`Environment`]: eventide_kit::error::Class::Environment
pub trait Detective: Send + Sync {
    /// ARN of the behavior graph that this account administers in `region`, the oldest if there are several;
    /// `None` if there is none. The answer may be 15 minutes old, `None` one minute.
    ///
    /// In a Region other than the function's own, not being reached or recognized there is [`Retryable`]: the Region
    /// may not have Detective or not be enabled, which is no fault of the environment as a whole.
    ///
    /// [`Retryable`]: eventide_kit::error::Class::Retryable
    fn graph(&self, region: &str) -> impl Future<Output = Result<Option<String>, Error>> + Send;

    /// Starts an investigation of a role or user. `StartInvestigation` takes no client token, so this sends one
    /// request and never repeats it.
    fn start(
        &self,
        region: &str,
        graph_arn: &str,
        entity_arn: &str,
        window: &Window,
    ) -> impl Future<Output = Start> + Send;

    /// The investigation as it stands; `None` if the graph has no such investigation or there is no such graph.
    fn get(
        &self,
        region: &str,
        graph_arn: &str,
        id: &str,
    ) -> impl Future<Output = Result<Option<Investigation>, Error>> + Send;

    /// Investigations of exactly this entity that were created from `created_since` to `now`, both included, newest
    /// first. Their `window` is `None`: only [`Detective::get`] tells it.
    fn list_for_entity(
        &self,
        region: &str,
        graph_arn: &str,
        entity_arn: &str,
        created_since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> impl Future<Output = Result<Vec<Investigation>, Error>> + Send;

    /// Indicators of an investigation, in Detective's order: those of the eight kinds known here, up to 50 pages.
    fn indicators(
        &self,
        region: &str,
        graph_arn: &str,
        id: &str,
    ) -> impl Future<Output = Result<Vec<Indicator>, Error>> + Send;
}
