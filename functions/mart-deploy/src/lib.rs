//! mart-deploy: puts data marts in force. A mart is one SQL file in the mart bucket; uploading one deploys it, deleting
//! it withdraws it.
//!
//! # A file
//!
//! ```sql
//! /*---
//! name = "headcount"
//! description = "Who works where, by department and shift."
//! owner = "humanresources"
//! # …
//! ---*/
//! SELECT …
//! ```
//!
//! The header is TOML and says what [`Definition`](eventide_types::mart::Definition) holds. The body is exactly one
//! `SELECT`; the DDL around it is made here ([`ddl`]), because an uploaded statement would otherwise be anybody's DDL.
//! The key is `<owner>/….sql`, and the file is named after the mart. A file is refused with everything that is wrong
//! with it, by line ([`compile`]):
//!
//! | refused | why |
//! |---|---|
//! | a second statement; anything but a `SELECT`; `SELECT INTO`; `INSERT` and the like in a `WITH` | it would write |
//! | `FOR UPDATE`, `FOR SHARE` | it would lock |
//! | backslashes in texts, `E'…'`, `$$…$$`, `[name]`, `#name`, comments in comments, control characters | two readers of SQL may cut it differently, and something could hide in between |
//! | functions `pg_…`, `set_config`, `current_setting`, `dblink…`, `lo_…` | they act on the warehouse or its sessions, or tell what is another's |
//! | functions in `FROM` | what they do is not known |
//! | tables of `pg_catalog` and `information_schema` | what they hold depends on who asks |
//! | more than 12 levels of parentheses and `CASE`, 1,000 operators or 8,000 words; `INTERVAL` before anything but a text | checking it would take too long |
//! | tables without a schema | which one it is would depend on the session |
//! | parameters in a view, undeclared or unused ones, or where no value may stand | they could not be given |
//!
//! # A deployment
//!
//! Nobody waits. The end of each statement is an event, which leads to the next:
//!
//! | step | statement | then |
//! |---|---|---|
//! | `build` | the relation, under a name of its own: `<mart>__<8 hex digits>` | `check` |
//! | `check` | selects no rows of it, with every parameter null | `swap`; a query, which has no relation, is in force |
//! | `swap` | in one transaction: the view of the mart's name before the new relation, and its grants | in force; `drop` |
//! | `share` | a datashare, made or changed in one transaction | in force |
//! | `drop` | what was in force before | |
//! | `tidy` | what a refused or overtaken version has made | |
//! | `withdraw` | everything of a deleted file's mart | |
//!
//! Versions are ordered by S3's sequencer, whatever order their events come in. A later one overtakes an earlier one, but
//! waits while that is being put in force. A version that fails is refused, and the last good one stays in force. If
//! the end of a statement is not told, a delayed message asks after it. So nothing needs a sweep.
//!
//! The function tells `Data Mart Deployed`, `Data Mart Rejected` and `Data Mart Withdrawn`, each at least once. It also
//! books what mart-refresh's statements cost, whose ends come here.
//!
//! # Metrics
//!
//! | metric | dimensions | counts |
//! |---|---|---|
//! | `Deployments` | `Outcome`: `deployed`, `rejected`, `withdrawn`, `overtaken` | versions, by what became of them |
//! | `Statements`, `StatementSeconds` | `Mart`, `Owner` | statements that ended, and how long they ran |
//! | `RefreshesFailed` | `Mart` | refreshes that failed or were cancelled |
//! | `DropsFailed` | | relations that could not be dropped and are left behind |
//! | `StatementsOverdue` | | statements whose end was not told |
//! | `WarehouseBusy` | | statements that the Data API had no room for yet |
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `LEDGER_TABLE` | name, required | the DynamoDB table of the catalogue and the deployments |
//! | `USAGE_TABLE` | name, required | the DynamoDB table of what statements cost |
//! | `MART_BUCKET` | name, required | the bucket of the marts' files |
//! | `DEPLOY_QUEUE_URL` | URL, required | the queue that feeds this function, and that it sends delayed messages to |
//! | `FAILED_QUEUE_URL` | URL, required | where messages go that nobody can carry on |
//! | `EVENT_BUS_NAME` | name, default `default` | the event bus that is told |
//! | `CREATE_SCHEMAS` | `true` or `false`, default `false` | whether a mart's schema is made where there is none; the database user then needs `CREATE` on the database |
//! | `QUERY_ROLE_NAME` | name, default none | mart-query's role, which every mart is granted to whose warehouse is logged in to by IAM |
//! | `BUSY_SECONDS` | seconds, 1 to 900, default 60 | until a step is tried again that has to wait |
//! | `OVERDUE_SECONDS` | seconds, 1 to 900, default 900 | after which a statement is asked after whose end was not told |
//! | `MAX_RECEIVES` | deliveries, 1 to 1000, default 5 | the queue's `maxReceiveCount` |

pub mod body;
pub mod check;
pub mod compile;
pub mod config;
pub mod ddl;
pub mod event;
pub mod fault;
pub mod file;
pub mod header;
pub mod run;
pub mod state;

mod act;
mod deploy;
mod ended;
mod function;
mod pattern;

pub use config::Config;
pub use deploy::{MartDeploy, Ports};
pub use function::Deployed;
