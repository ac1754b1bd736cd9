//! campaign-classify: has the contents of campaigns classified by Amazon Comprehend.
//!
//! By default all documents of an upload are one job (`StartDocumentClassificationJob`), whose end S3 tells: the archive
//! `output.tar.gz` is a new object in the work bucket. Comprehend tells of no job that failed, so a sweep, which a schedule brings, asks
//! after campaigns that are overdue.
//!
//! With an endpoint, few documents are classified at once (`ClassifyDocument`), as many an invocation as the endpoint's
//! inference units take in about a second (each 100 characters and 2 documents; Amazon Comprehend Developer Guide, "Managing
//! endpoints"); the rest by delayed messages. An endpoint that throttles is left alone for some seconds.
//!
//! Scores are kept for later campaigns. A document without an answer has no score, and its messages are held. When all is
//! there, campaign-judge goes on.
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of campaigns and scores |
//! | `WORK_BUCKET` | name, required | where documents and scores lie |
//! | `EVENT_BUS_NAME` | name or ARN, default `default` | where events go |
//! | `CLASSIFY_QUEUE_URL` | URL, required | this function's own queue |
//! | `JUDGE_QUEUE_URL` | URL, required | campaign-judge's queue |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `DATA_ACCESS_ROLE_ARN` | ARN, required | the role that Comprehend assumes to read documents and write answers |
//! | `ENDPOINT_ARN` | ARN, optional | an endpoint of the same classifier version |
//! | `SYNC_DOCUMENTS` | documents, 0 to 10000, default 200 | the most that go to the endpoint; more are a job |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |

pub mod config;

mod answers;
mod at_once;
mod classify;
mod event;
mod function;
mod job;
mod sweep;
mod tar;

pub use classify::{CampaignClassify, Ports, Response};
pub use config::Config;
pub use function::Deployed;
pub use sweep::Swept;
