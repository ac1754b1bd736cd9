//! link-issue: sends a waiting caller a link to a chat, by SMS and email side by side.
//!
//! The flow block "AWS Lambda function" invokes it, waits 8 seconds at most, and repeats what fails up to three times
//! within them. So everything is decided by the contact: one link for each contact, one answer for each request, and each
//! message claimed in the effects ledger ([`eventide_kit::ledger`]) before it is sent.
//!
//! | step | repeated |
//! |---|---|
//! | whom to reach, and whether the caller agrees | decided anew from the event |
//! | the answer | [`eventide_kit::idempotency`]: given again, as long as the link is kept |
//! | limits of the contact and of each recipient | taken once for each request |
//! | the link | the contact's own; the token follows from its nonce and is stored nowhere |
//! | each message | sent, refused or uncertain: never sent again; throttled: sent by the repeat |
//!
//! # The event
//!
//! Parameters of the flow block; without one the contact attribute counts, then what is known of the contact.
//!
//! | parameter | attribute | otherwise | meaning |
//! |---|---|---|---|
//! | `phone` | `phone` | the customer's endpoint | a number in E.164 |
//! | `email` | `email` | the customer's endpoint | an address |
//! | `consent` | `chatConsent` | `CONSENT` | `true`, `yes`, `both`, `sms`, `email` or `sms,email`; any other word is a no |
//! | `language` | `language` | the contact's language | a tag such as `es-MX` |
//! | `request` | | | tells a second wish of the same caller from a repeat, such as `2`: the same link is sent again, for longer |
//!
//! What is no number or address is passed over, and so is a language without texts.
//!
//! The [`Answer`] is flat, for the response validation `STRING_MAP`. A store or a secret that does not answer is an error
//! of the invocation, which Connect repeats; a provider that does not is part of the answer.
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LINK_TABLE` | name, required | the DynamoDB table of links, limits, answers and effects |
//! | `LINK_ORIGIN` | `https://` and a host, required | where links lead |
//! | `SIGNING_KEYS_SECRET_ARN` | ARN, required | the secret of the signing keys, see [`eventide_links::keys`] |
//! | `SIGNING_KEY_IDS` | `slot=id,…`, required | CloudFront's id of each slot's public key; slots without one are not in use |
//! | `TOKEN_SECRET_ARN` | ARN, required | the secret, of 32 characters at least, that tokens and the names of recipients are made with |
//! | `POLICY` | `canned` (default) or `custom` | what the signature covers |
//! | `LINK_MINUTES` | minutes, 1 to 1440, default 15 | for how long a link opens |
//! | `RETENTION_DAYS` | days, 1 to 30, default 1 | for how long expired links are kept, for callbacks |
//! | `LINKS_PER_CONTACT` | requests an hour, 1 to 100, default 3 | of one chain of contacts |
//! | `LINKS_PER_RECIPIENT` | requests an hour, 1 to 100, default 3 | to one number or address |
//! | `PROVIDER_SECONDS` | seconds, 0.2 to 6, default 3 | for how long a provider is waited for, as far as the invocation's time allows |
//! | `CONSENT` | `required` (default) or `given` | whether the event has to say that the caller agrees, or was asked elsewhere |
//! | `ATTRIBUTES` | names, separated by commas | contact attributes that the chat may know |
//! | `NAME_ATTRIBUTE` | name, default `customerName` | the attribute, or parameter, with the customer's name |
//! | `DEFAULT_LANGUAGE` | `en` (default), `es` or `de` | of whoever's is not known |
//! | `BRAND` | 1 to 40 characters of GSM 03.38, required | whom messages are from |
//! | `EMAIL_FROM` | address or `Name <address>`; no emails without | a verified identity of Amazon SES |
//! | `REPLY_TO` | address, optional | where answers go |
//! | `CONFIGURATION_SET` | name, optional | of Amazon SES |
//! | `SMS_ORIGINATION` | number, sender or pool, or its ARN; no SMS without | where SMS come from |
//! | `SMS_CONFIGURATION_SET` | name, optional | of AWS End User Messaging |
//! | `SMS_PROTECT_CONFIGURATION` | id, optional | which countries are allowed |
//! | `SMS_MAX_PRICE` | US dollars a part, such as `0.05`, optional | what is dearer is refused |
//!
//! # Metrics
//!
//! `LinksIssued` by `Status`, and `Sends` by `Channel` and `Outcome` (`accepted`, `refused`, `postponed`, `uncertain`,
//! `limited`). Repeats are not counted again.

pub mod answer;
pub mod config;

mod channel;
mod function;
mod gsm;
mod issue;
mod request;
mod send;
mod texts;

pub use answer::{Answer, Status};
pub use config::Config;
pub use function::Deployed;
pub use issue::{LinkIssue, Ports};
