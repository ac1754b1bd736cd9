//! link-follow: takes what Amazon Connect tells of contacts.
//!
//! Contact events come through EventBridge and a queue, late, more than once and in any order.
//!
//! - An agent has answered a voice contact: its link is revoked, so that the caller does not wait a second
//!   time. The first contact of its chain of transfers may be the one that has the link.
//! - A chat has begun, or an agent is in it: the voice contact that it continues is ended, unless an agent
//!   has it. Which of the two it takes is the choice of `STOP_VOICE`.
//!
//! Contacts that have no link, and chats that continue no voice contact of ours, are passed over. The queue
//! should hold events back for some seconds (`DelaySeconds`): the event that a chat has begun may otherwise
//! come before link-redeem has written down whose it is, and only the agent's joining ends the call.
//!
//! A contact that Amazon Connect does not end, such as a transferred one, goes on; a metric tells of it.
//!
//! # Metrics
//!
//! | metric | dimensions | counts |
//! |---|---|---|
//! | `LinksRevoked` | | links that were open until an agent answered |
//! | `VoiceContacts` | `Outcome` | voice contacts that go on as a chat: `stopped`, `with_agent`, `ended` (already), `not_stoppable` |
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LINK_TABLE` | name, required | the DynamoDB table of links |
//! | `CONNECT_INSTANCE_ID` | id, required | the Amazon Connect instance; events of others are passed over |
//! | `STOP_VOICE` | `chat_started`, `agent_joined`, `never`; default `agent_joined` | when a voice contact is ended that goes on as a chat |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |

pub mod config;

mod event;
mod follow;
mod function;

pub use config::Config;
pub use event::{News, news};
pub use follow::{LinkFollow, Ports};
pub use function::Deployed;
