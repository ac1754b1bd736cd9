//! The function: sum a month up, write it down.

use std::sync::Arc;

use bytes::Bytes;
use eventide_clients::marts::{DynamoDbUsages, Usages};
use eventide_clients::s3::{Bucket, SdkBucket};
use eventide_kit::clock::Clock;
use eventide_kit::env::{FromEnv, Vars};
use eventide_kit::{Early, Error, Function, Invocation, Kit};
use serde::{Deserialize, Serialize};

use crate::month::Month;
use crate::report::Report;

/// What the template sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of what statements cost.
    pub usage_table: String,
    /// Where the report goes.
    pub result_bucket: String,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let usage_table = vars.required("USAGE_TABLE", "the name of a DynamoDB table");
        let result_bucket = vars.required("RESULT_BUCKET", "the name of a bucket");
        Some(Self { usage_table: usage_table?, result_bucket: result_bucket? })
    }
}

/// What is asked for: the schedule's event, which says nothing, or a month.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// `2026-10`; the last month that is over, if it is not given.
    pub month: Option<String>,
}

/// Where the report lies.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The month that it is about.
    pub month: String,
    /// Its key in the result bucket.
    pub key: String,
    /// How many lines it has.
    pub lines: usize,
    /// How many statements it sums up.
    pub statements: u64,
}

/// The function behind whatever ports.
#[derive(Debug)]
pub struct MartChargeback<U, B> {
    usages: U,
    bucket: B,
    clock: Arc<dyn Clock>,
}

impl<U: Usages, B: Bucket> MartChargeback<U, B> {
    /// The function with these ports and this time of day.
    pub fn new(usages: U, bucket: B, clock: Arc<dyn Clock>) -> Self {
        Self { usages, bucket, clock }
    }

    /// Writes the report of a month.
    ///
    /// # Errors
    ///
    /// `InvalidEvent` if it is no month, and what AWS answers.
    pub async fn report(&self, event: Event) -> Result<Answer, Error> {
        let month = match &event.month {
            Some(month) => Month::parse(month)?,
            None => Month::before(self.clock.now()),
        };
        let month = month.to_string();
        let mut report = Report::default();
        let mut token = None;
        loop {
            let (usages, next) = self.usages.month(&month, token).await?;
            usages.into_iter().for_each(|usage| report.add(usage));
            match next {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        let key = format!("chargeback/{month}.csv");
        self.bucket.put(&key, "text/csv; charset=utf-8", Bytes::from(report.csv(&month))).await?;
        tracing::info!(month, lines = report.lines(), statements = report.statements(), "chargeback written");
        Ok(Answer { month, key, lines: report.lines(), statements: report.statements() })
    }
}

/// mart-chargeback on AWS.
#[derive(Debug)]
pub struct Deployed(Early<MartChargeback<DynamoDbUsages, SdkBucket>>);

impl Function for Deployed {
    type Config = Config;
    type Event = Event;
    type Response = Answer;
    const NAMESPACE: &'static str = "Eventide/DataMarts";

    async fn build(config: Config, kit: &Kit) -> Result<Self, Error> {
        let (sdk, clock) = (kit.sdk_config().clone(), kit.clock());
        Ok(Self(kit.early(move || {
            let usages = DynamoDbUsages::new(&sdk, &config.usage_table);
            MartChargeback::new(usages, SdkBucket::new(&sdk, &config.result_bucket), clock)
        })))
    }

    async fn handle(&self, event: Event, _invocation: &Invocation) -> Result<Answer, Error> {
        self.0.get()?.report(event).await
    }
}
