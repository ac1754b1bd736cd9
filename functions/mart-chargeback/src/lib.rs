//! mart-chargeback: writes what the data marts have cost each team in a month, as CSV.
//!
//! A schedule invokes it after the end of a month; `{"month": "2026-10"}` asks for any month, the present one too, so far
//! as it is known. The report lies under `chargeback/<month>.csv` in the result bucket. A later report of the same month
//! replaces it.
//!
//! | column | unit | meaning |
//! |---|---|---|
//! | `month` | `2026-10`, UTC | in which the statements were asked for |
//! | `team` | | the mart's owner |
//! | `mart`, `warehouse`, `purpose` | | what was run, where, and why: `query`, `deploy` or `refresh` |
//! | `statements`, `failed` | number | statements in all, and those of them that failed or were cancelled |
//! | `seconds` | seconds, to the millisecond | that they ran in the warehouse |
//! | `rows`, `bytes` | number | of their results |
//!
//! # Environment
//!
//! | variable | unit, limits | meaning |
//! |---|---|---|
//! | `USAGE_TABLE` | name, required | the DynamoDB table of what statements cost |
//! | `RESULT_BUCKET` | name, required | where the report goes |

pub mod month;
pub mod report;

mod function;

pub use function::{Answer, Config, Deployed, Event, MartChargeback};
