//! campaign-review: carries out what people decide about campaigns.
//!
//! A decision is an event `Campaign Command` on the bus, a direct invocation with the same content, or a file of decisions
//! uploaded to `decisions/<campaign>/`. Who decided what, when and why is kept; of decisions about one content the first
//! stands.
//!
//! | action | does |
//! |---|---|
//! | `pause`, `resume` | nothing more is sent until it is resumed |
//! | `cancel` | nothing more is sent at all |
//! | `approve`, `reject` | held contents: their messages are sent, or never are |
//! | `test-send` | approved contents go to the test recipients that the campaign's settings name, marked `[TEST]` |
//! | `settle` | says of messages of which nobody knows whether they were sent what is true of them |
//!
//! Commands come at least once, in any order: an older `pause` or `resume` never undoes a newer one. A decision that was kept
//! before is carried out by whoever repeats it, since who made it may have died in between. One that meets a new upload of its
//! campaign is carried out in that one.
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of campaigns, decisions, shards and the ledger |
//! | `CAMPAIGN_BUCKET` | name, required | where decision files are uploaded |
//! | `WORK_BUCKET` | name, required | where shards and releases lie |
//! | `REPORT_BUCKET` | name, required | where the list of held contents lies |
//! | `JUDGE_QUEUE_URL` | URL, required | campaign-judge's queue |
//! | `SEND_QUEUE_URL` | URL, required | campaign-send's queue |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `ENTRY_SECRET_ARN` | ARN or name, required | the secret that the names of ledger entries are made with |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |

pub mod config;
pub mod event;

mod decide;
mod file;
mod function;
mod review;
mod settle;
mod shards;
mod test_send;

pub use config::Config;
pub use function::Deployed;
pub use review::{CampaignReview, Done, Ports, Response};
