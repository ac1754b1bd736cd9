//! campaign-send: sends the approved messages of campaigns, each at most once.
//!
//! A message of its queue names a *shard*: up to some hundred approved messages of one channel whose recipients may be
//! reached at the same hours. One invocation sends what the account's rate leaves room for within a second, writes down how
//! far it came, and hands the rest to a delayed message. Nothing sleeps. What has to wait longer than a queue's delay (for
//! `sendAt`, for the morning, for a quota of a day, for a person) has its time in the shard's record, and the sweep, which a
//! schedule brings every minute, takes it up. Of many shards that are due a few wait for the rate; where one ends, the next of
//! its channel begins. Being paused, cancelled or uploaded anew is seen with the next second's worth of messages.
//!
//! Neither Amazon SES nor AWS End User Messaging has a client token, so each message is claimed in the effects ledger
//! ([`eventide_kit::ledger`]) before it is sent, under a key made from campaign and message id:
//!
//! | outcome | the entry | again |
//! |---|---|---|
//! | accepted | done, with the provider's message id | never |
//! | refused (opted out, bad address, above the price cap) | refused, with the reason | never |
//! | throttled, or never left | refused, `postponed: …` | later, by a claim of its own |
//! | unknown: the answer was lost, or the function died in between | uncertain | never; the provider's events or a person settle it |
//!
//! The id that AWS End User Messaging gives an accepted SMS is remembered, so that campaign-track knows the message by it when an
//! event does not have the message's context. Of an answer that was lost there is no id: events without the context
//! cannot settle such a message, so that it stays uncertain until a person does.
//!
//! What keeps everybody from sending, such as a missing permission, puts shards off for 15 minutes at a time. Each time is
//! logged and counted in `ShardsPutOff`; the failed queue gets one letter a campaign and hour.
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of campaigns, shards and the ledger |
//! | `WORK_BUCKET` | name, required | where the shards' messages lie |
//! | `SEND_QUEUE_URL` | URL, required | this function's own queue |
//! | `REPORT_QUEUE_URL` | URL, required | campaign-report's queue, told when a campaign is sent |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |
//! | `SENDER_EMAIL` | address or `Name <address>`; emails are refused without | a verified identity of Amazon SES |
//! | `REPLY_TO` | address, optional | where answers go |
//! | `CONFIGURATION_SET` | name, optional | of Amazon SES; its event destination tells what became of emails |
//! | `CONTACT_LIST` | name, optional | the list that recipients can unsubscribe from |
//! | `TOPIC` | name, optional | of the contact list; a campaign may name another |
//! | `EMAIL_PER_SECOND` | emails a second, 0.1 to 10000, optional | a rate below the account's, which is always kept |
//! | `SMS_ORIGINATION` | number, sender or pool, or its ARN; SMS are refused without | where SMS come from |
//! | `SMS_CONFIGURATION_SET` | name, optional | of AWS End User Messaging |
//! | `SMS_MESSAGE_TYPE` | `PROMOTIONAL` (default) or `TRANSACTIONAL` | which route SMS take |
//! | `SMS_MAX_PRICE` | US dollars a part, such as `0.05`, optional | what is dearer is refused |
//! | `SMS_TTL_SECONDS` | seconds, 5 to 259200, default 86400 | for how long an SMS is worth delivering |
//! | `SMS_PER_SECOND` | messages a second, 0.1 to 10000, default 1 | the origination's rate, which no API tells |
//! | `SMS_PROTECT_CONFIGURATION` | id, optional | which countries are allowed |

pub mod config;

mod chunk;
mod event;
mod function;
mod one;
mod send;
mod sweep;

pub use config::Config;
pub use function::Deployed;
pub use send::{CampaignSend, Ports, Response};
pub use sweep::Swept;
