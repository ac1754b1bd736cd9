//! campaign-track: takes what providers say of messages.
//!
//! Amazon SES and AWS End User Messaging tell EventBridge what becomes of each message; the events come through a queue. They carry the
//! tags that campaign-send gave the message, by which its entry in the ledger is found. An entry of which nobody knew whether it was sent
//! is settled by them: whoever tells of a message has taken it. The last word on each message is kept, and its campaign's
//! report is written anew some minutes later.
//!
//! Events of an SMS may lack its context. They are known by the provider's message id, which campaign-send remembers when the
//! message is accepted, for 30 days. If the answer to the sending was lost, there is no id to remember, and such events do
//! not settle the message.
//!
//! Events of messages that are none of ours are passed over. Of an SMS without context that costs one read. If the message is less
//! than 3 minutes old, campaign-send may not have remembered it yet: the event comes back, until the message is older or
//! on the queue's last delivery. What then still is nobody's is counted in `NewsOfNobody`.
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of the ledger, the ids and the outcomes |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `REPORT_MINUTES` | minutes, 0 to 1440, default 5 | after which a campaign's report is written that has news |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |

pub mod config;

mod event;
mod function;
mod track;

pub use config::Config;
pub use event::{Told, Unnamed, read};
pub use function::Deployed;
pub use track::{CampaignTrack, Ports};
