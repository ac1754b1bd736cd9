//! mart-deliver: takes the results of data marts' statements to where their users find them.
//!
//! The event of a statement's end, or a hand-over of mart-query's, comes through a queue, one message at a time: a
//! delivery may take minutes, and its memory is that of one. Rows are streamed, a page of the Data API at a time, into a
//! multipart upload of S3. Nothing is visible under the final key before all of it is there and its rows are as many as
//! Redshift counted; the manifest comes last. Then `Data Mart Ready` tells who waits for it. It names the first 100 files
//! of a result, the manifest all of them.
//!
//! A message may come twice, or while another is at it. Both write the same bytes under the same keys, so the worst
//! that happens is that the event is sent twice; it carries the request's token.
//!
//! A schedule invokes the function too, to look after requests whose event never came ([`sweep`]).
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of the requests |
//! | `USAGE_TABLE` | name, required | the DynamoDB table of what statements cost |
//! | `RESULT_BUCKET` | name, required | where results go |
//! | `EVENT_BUS_NAME` | name or ARN, default `default` | where events go |
//! | `DELIVER_QUEUE_URL` | URL, required | this function's own queue, for what the sweep finds |
//! | `QUERY_QUEUE_URL` | URL, required | mart-query's queue, for requests that were never submitted |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `OVERDUE_MINUTES` | minutes, 1 to 1440, default 15 | after which a request that has not moved is looked after |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |

pub mod config;
pub mod encode;
pub mod sweep;
pub mod unload;
pub mod upload;

mod deliver;
mod event;
mod function;
mod outcome;

pub use config::Config;
pub use deliver::{MartDeliver, Ports};
pub use function::Deployed;
