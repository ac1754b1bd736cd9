//! link-redeem: makes a link a chat, once.
//!
//! The page behind a link posts the link's token and a nonce that it made up, when the customer says so; merely
//! looking at the page redeems nothing, since messengers fetch previews. The first nonce wins the link. It is answered
//! with what the participant connects with, and for some minutes it is given the same answer again, so that a response
//! that was lost locks nobody out. The answer is kept encrypted with the nonce, of which the table has but a hash.
//!
//! Every attempt to start the chat of a link has the same client token, so that Amazon Connect has one chat however often
//! this function dies, times out or is asked at the same time:
//!
//! | Amazon Connect | the claim on the link | the page | again |
//! |---|---|---|---|
//! | has started the chat | done | 200 | the same nonce: the same answer |
//! | refuses, or has too much to do | given up | 503 | anybody: the link can be redeemed as before |
//! | does not answer | kept | 503 | the same nonce at once, another after `CLAIM_SECONDS`: the same chat |
//!
//! A link that there is not, a forged, a used and a revoked one take the same calls and have the same answer. Only of
//! a link that expired unused the page is told so, since it offers to call back then.
//!
//! # Answers
//!
//! | status | body |
//! |---|---|
//! | 200 | `contactId`, `participantId`, `participantToken`, `region`, `participantEndpoint` (only where it is configured), `displayName`, `language` |
//! | 400 | `{"error":"invalid_request"}`: no request of our page through CloudFront |
//! | 410 | `{"error":"expired"}`, `{"error":"unavailable"}` |
//! | 429 | `{"error":"too_many_requests"}` with `Retry-After` |
//! | 503 | `{"error":"busy"}` with `Retry-After`; what is wrong on our side is in the logs |
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LINK_TABLE` | name, required | the DynamoDB table of links and limits |
//! | `LINK_ORIGIN` | `https://` and a host, optional | where the page is, which a header `Origin` has to say; without it only `Sec-Fetch-Site` is checked |
//! | `ORIGIN_SECRET_ARN` | ARN or name, required | the secret whose text CloudFront adds as `x-origin-verify` |
//! | `TOKEN_SECRET_ARN` | ARN or name, required | the secret that addresses are hashed with |
//! | `CONNECT_INSTANCE_ID` | id, required | the instance of Amazon Connect |
//! | `CHAT_FLOW_ID` | id, required | the flow that chats begin with |
//! | `CHAT_MINUTES` | minutes, 60 to 10080, default 120 | how long a chat may last |
//! | `INITIAL_MESSAGE` | `yes` (default) or `no` | whether the chat begins with a sentence of the customer's |
//! | `DEFAULT_NAME` | 1 to 256 characters, default `Customer` | the name of customers who have none |
//! | `REDEEMS_PER_MINUTE` | requests, 1 to 10000, default 30 | of one address: IPv4, or IPv6 network of 64 bits |
//! | `REPLAY_SECONDS` | seconds, 0 to 3600, default 300 | for how long the same page is given the same answer |
//! | `CLAIM_SECONDS` | seconds, 1 to 900, default 30 | after which another page may take up what one left undone; longer than the function's timeout |
//! | `PARTICIPANT_ENDPOINT` | URL, optional | where the page finds the participant service, if not at the Region's |
//! | `AWS_REGION` | set by Lambda | where the page finds the participant service |
//!
//! # Metrics
//!
//! `Redemptions` by `Outcome`: `redeemed`, `replayed`, the word of the answer's `error`, or `failed`, which the page is told
//! as `busy`: what does not pass by itself, such as a missing flow or permission. The function itself never fails then.

pub mod config;

mod chat;
mod function;
mod redeem;

pub use config::Config;
pub use function::Deployed;
pub use redeem::{LinkRedeem, Ports};
