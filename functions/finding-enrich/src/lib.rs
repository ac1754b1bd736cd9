//! finding-enrich: carries findings from the queue through their investigation by Amazon Detective, and writes what
//! came of it into Security Hub.
//!
//! Nothing here sleeps. A message is one step: start what is to be started, look at what runs, and either write the
//! outcome or send a delayed message that looks again. Which message may take the next step is decided by a
//! conditional write ([`admit`]), so that duplicates end where they meet; what cannot be taken back is claimed
//! in the effects ledger first ([`begin`]). A message that has failed for good goes to the failed queue, and its
//! finding says `failed` with the reason.
//!
//! # Metrics
//!
//! | metric | dimensions | counts |
//! |---|---|---|
//! | `FindingsEnriched` | `Outcome`, `Severity` | findings whose outcome was written |
//! | `InvestigationsStarted` | | investigations started for a finding |
//! | `InvestigationsReused` | | investigations that were there already, or were started for another finding |
//! | `InvestigationsUnsupported` | | principals that Detective cannot investigate, and findings that name none |
//! | `SecondsToEnrichment` | `Trigger` | seconds from the moment Security Hub got the finding (`ProcessedAt`, else `CreatedAt`; `time` of an OCSF finding) until its outcome was written; with the trigger `custom-action` a person's time to decide is part of it |
//! | `SecondsFromRequest` | `Trigger` | seconds from the event that asked until then |
//! | `DryRuns` | `Would` | findings that were only tried out |
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `ACCOUNT_ID` | 12 digits, required | the account this function runs in |
//! | `WORK_QUEUE_URL` | URL, required | the queue that feeds this function, and that it sends delayed messages to |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of the ledger and the chains |
//! | `POLL_DELAY_SECONDS` | seconds, 1 to 900, default 60 | between two looks at an investigation |
//! | `MAX_INVESTIGATION_MINUTES` | minutes, 1 to 1440, default 120 | after which a finding says `timed-out` |
//! | `REUSE_MINUTES` | minutes, 0 to 1440, default 60 | how old another investigation may be to serve |
//! | `REINVESTIGATE_NEW_ACTIVITY` | `true` or `false`, default `false` | whether activity after an investigation may start another, once a day at most |
//! | `MEMBER_ROLE_NAME` | name, default none | the role in member accounts that tells a principal's path |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |
//! | `DRY_RUN` | `true` or `false`, default `false` | everything but writes, reported in logs and metrics |

pub mod admit;
pub mod advance;
pub mod begin;
pub mod budget;
pub mod config;
pub mod report;
pub mod write;

mod batch;
mod function;
mod give_up;
mod hand_over;
mod tell;

pub use batch::{FindingEnrich, Ports};
pub use config::Config;
pub use function::Deployed;
