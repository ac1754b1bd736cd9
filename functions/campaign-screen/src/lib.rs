//! campaign-screen: reads uploaded campaigns and finds what is to be classified.
//!
//! The event of a new object below `campaigns/` comes through a queue, one at a time. The file is streamed, never held in
//! memory; each row is checked, and what its reader would read is gathered, each distinct content once. Contents that an
//! earlier campaign had classified by the same classifier version are not classified again. The others become the documents
//! that campaign-classify hands to Amazon Comprehend.
//!
//! Rows that do not parse are listed with line and reason; they are never sent and stop no others. A file that cannot be used at all
//! makes the campaign fail: `Campaign Failed` tells so, and the message goes to the failed queue.
//!
//! A call that fails for a moment is no failure yet: within the invocation the file is read again from the start, up to three
//! times, 2, 10 and 30 seconds later. Then the message goes back to the queue, and comes again after its visibility timeout.
//!
//! # Repeats
//!
//! Events come at least once, in any order. The upload with the latest sequencer is the one in force; the event of an older
//! one, of the same one that was screened already, or of the same bytes and settings under the same key changes nothing. Another
//! file under the same key begins a new upload of the same campaign: what was sent of the old one is not sent again, since
//! messages are known by campaign and message id. A campaign that was cancelled stays cancelled.
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of campaigns and scores |
//! | `CAMPAIGN_BUCKET` | name, required | where campaigns are uploaded |
//! | `WORK_BUCKET` | name, required | where contents and documents go |
//! | `EVENT_BUS_NAME` | name or ARN, default `default` | where events go |
//! | `CLASSIFY_QUEUE_URL` | URL, required | campaign-classify's queue |
//! | `JUDGE_QUEUE_URL` | URL, required | campaign-judge's queue, if nothing is to be classified |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `CLASSIFIER_ARN` | ARN, required | the version of the classifier, by which scores are kept |
//! | `LANGUAGE` | ISO 639-1, default `en` | the classifier's language: texts of another one are held |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |

pub mod config;

mod begin;
mod function;
mod gather;
mod screen;

pub use config::Config;
pub use function::Deployed;
pub use screen::{CampaignScreen, Ports};
