//! campaign-report: writes the reports of campaigns.
//!
//! A report says what became of every row: parsed or not, approved, held or rejected and why, sent, refused, uncertain, delivered
//! or bounced. It is made anew each time, from the verdicts, the shards and the ledger, so that it says what is true then and
//! needs no counters. It is written when a campaign is screened, when a person decided, when the last message is settled, and some
//! minutes after providers had news.
//!
//! | object in the report bucket | for |
//! |---|---|
//! | `<campaign>/report.html` | the marketer: one page without anything loaded from elsewhere |
//! | `<campaign>/report.json` | programs: the same figures |
//! | `<campaign>/deliveries.jsonl` | what became of each approved message |
//! | `<campaign>/training.csv` | decisions of people, as rows to train the next version of the classifier with |
//!
//! The function also tells that a campaign is sent (`Campaign Sent`): when every shard is closed.
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of campaigns, decisions, shards and the ledger |
//! | `WORK_BUCKET` | name, required | where contents and shards lie |
//! | `REPORT_BUCKET` | name, required | where reports go |
//! | `EVENT_BUS_NAME` | name or ARN, default `default` | where events go |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `COMPLIANT_LABELS` | labels, joined by commas, required | the first is what approved contents are to be trained as |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |

pub mod config;
pub mod figures;
pub mod page;

mod deliveries;
mod function;
mod report;
mod training;
mod verdicts;

pub use config::Config;
pub use function::Deployed;
pub use report::{CampaignReport, Ports, Response, Swept};
