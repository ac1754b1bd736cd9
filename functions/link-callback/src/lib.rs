//! link-callback: calls back the customer of a link that expired unused.
//!
//! The page of expired links posts the link's token when the customer asks to be called. It needs an authentic link:
//! one whose token was made here, that has expired, and that nobody redeemed and no agent's answer revoked. The number that
//! is called is the one that the link's record has; the page cannot name one.
//!
//! However often it is asked, and wherever this function dies, there is one call: every attempt for a link has the same
//! client token, by which Amazon Connect knows it for seven days, and once the call is remembered nobody asks again. Until
//! then whoever comes asks Amazon Connect, so that nobody is told of a call that was never asked for.
//!
//! # Answers
//!
//! | status | body |
//! |---|---|
//! | 202 | `{"status":"requested"}`: Amazon Connect makes the call, or has made it |
//! | 400 | `{"error":"invalid_request"}`: no request of our page through CloudFront |
//! | 409 | `{"error":"not_expired"}`: chat is still possible |
//! | 410 | `{"error":"unavailable"}`: no such link, it was redeemed or revoked, it has no number or one that may not be called, or callbacks are not offered |
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
//! | `CALLBACK_FLOW_ID` | id; callbacks are not offered without | the flow that calls begin with |
//! | `CALLBACK_NUMBER` | E.164; this or a queue with a flow | the number of the instance that is shown |
//! | `CALLBACK_QUEUE_ID` | id; this or a number with a flow | the queue whose number is shown |
//! | `CALLS_PER_MINUTE` | requests, 1 to 10000, default 5 | of one address: IPv4, or IPv6 network of 64 bits |
//!
//! # Metrics
//!
//! `Callbacks` by `Outcome`: `requested`, `repeated`, the word of the answer's `error`, or `failed`, which the page is told
//! as `busy` or `unavailable`: what does not pass by itself, such as a missing permission. The function itself never
//! fails then.

pub mod config;

mod callback;
mod function;

pub use callback::{LinkCallback, Ports};
pub use config::Config;
pub use function::Deployed;
