//! mart-query: takes requests for data marts, checks them, and runs their statements on Redshift.
//!
//! A request comes as an event `Data Mart Requested`, from a schedule, by direct invocation, or through the function
//! URL with IAM authorization; see [`event`]. By default the function submits the statement and is done: the event of
//! the statement's end wakes mart-deliver. A request with `"wait": true` is answered with the rows.
//!
//! A request that is refused is an error of a direct invocation and an answer of the function URL. One that came by event
//! or schedule is told as `Data Mart Failed` and put into the failed queue, once.
//!
//! Nothing sleeps. Where Redshift says that it has too much to do, the request goes into a queue as a delayed
//! message and comes back here. A waiting request is the exception by its nature: Redshift's own long poll holds it.
//!
//! Whoever may invoke the function directly can put any caller's name into an event, just as they could read the
//! tables behind it: `lambda:InvokeFunction` is for administrators, the function URL for everybody else.
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of the catalogue and the requests |
//! | `RESULT_BUCKET` | name, required | where results are delivered; only links to it are made here |
//! | `QUERY_QUEUE_URL` | URL, required | the queue of requests that Redshift had no room for |
//! | `EVENT_BUS_NAME` | name or ARN, default `default` | where whoever asked by event is told that a request is refused |
//! | `DELIVER_QUEUE_URL` | URL, required | mart-deliver's queue, for answers that are too long and requests that Redshift refused |
//! | `FAILED_QUEUE_URL` | URL, required | where requests go that nobody can carry on, and refused events |
//! | `UNLOAD_ROLE` | ARN or `default`, default `default` | the role with which the warehouse writes results to S3 |
//! | `LINK_MINUTES` | minutes, 1 to 720, default 60 | how long a presigned link is valid, at most as long as the role's credentials |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |

pub mod accept;
pub mod answer;
pub mod config;
pub mod event;
pub mod rows;

mod function;
mod query;
mod refuse;
mod text;
mod wait;

pub use config::Config;
pub use function::Deployed;
pub use query::{MartQuery, Ports};
