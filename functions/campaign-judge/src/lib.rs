//! campaign-judge: joins the messages of a campaign with the verdicts on their contents.
//!
//! When the scores of an upload are complete, the campaign's file is streamed a second time. Each message gets the verdict on its
//! content ([`Policy`](eventide_types::campaign::verdict::Policy)), which is written to the report bucket; what is approved
//! goes into shards, which campaign-send sends. Then `Campaign Screened` tells so. Nothing is sent that has no verdict.
//!
//! Decisions of people come as *releases*: the file is streamed again, and only messages of the contents that the release
//! approves go into shards of its own.
//!
//! A call that fails for a moment is no failure yet: within the invocation it is tried again from the start, up to three times, 2,
//! 10 and 30 seconds later. Then the message goes back to the queue, and comes again after its visibility timeout.
//!
//! What is written depends on nothing but the file, the scores and the decisions, so that a repeat writes the same under the
//! same keys.
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of campaigns, decisions and shards |
//! | `CAMPAIGN_BUCKET` | name, required | where campaigns are uploaded |
//! | `WORK_BUCKET` | name, required | where contents, scores and shards lie |
//! | `REPORT_BUCKET` | name, required | where verdicts go |
//! | `EVENT_BUS_NAME` | name or ARN, default `default` | where events go |
//! | `SEND_QUEUE_URL` | URL, required | campaign-send's queue |
//! | `REPORT_QUEUE_URL` | URL, required | campaign-report's queue |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `ENTRY_SECRET_ARN` | ARN or name, required | the secret that the names of ledger entries are made with |
//! | `COMPLIANT_LABELS` | labels, joined by commas, required | what the model says of compliant texts |
//! | `RESTRICTED_LABELS` | labels, joined by commas, required | what it says of others; a label that is neither is held |
//! | `APPROVE_AT` | 0 to 1, default 0.8 | the least score of a compliant label for approval |
//! | `REJECT_AT` | 0 to 1, default 0.6 | the least score of a restricted label for rejection |
//! | `REJECT_AT_LABELS` | `label=score`, joined by commas, optional | another one for some labels |
//! | `HOLD_AT` | 0 to 1, default 0.2 | of a multi-label model: from which score on a restricted label keeps a text from being approved |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |

pub mod config;

mod function;
mod join;
mod judge;
mod shards;
mod verdicts;

pub use config::Config;
pub use function::Deployed;
pub use judge::{CampaignJudge, Ports};
