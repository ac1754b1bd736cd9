//! IAM roles and users by name: their full ARNs, paths included.

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
mod fake;
mod members;
mod sdk;

use eventide_kit::error::Error;
#[cfg(feature = "testing")]
pub use fake::{FakeIam, Operation};
pub use sdk::{Account, SdkIam};

/// The answer to "which role or user of that account has this name?"
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Its ARN, with its path.
    Found(String),
    /// There is none, or the name cannot be one.
    Absent,
    /// It may not be asked, and why: which operation was denied.
    Denied(String),
    /// It is in another account, and no role to ask with was configured.
    NotConfigured,
}

/// What Eventide asks of IAM. Names are unique per account, whatever their path.
///
/// An error is [`Retryable`] for throttling, time-outs and server errors, [`Environment`] for an unreachable service
/// or unusable credentials of our own, [`Permanent`] if `account` is not 12 digits.
///
/// [`Permanent`]: eventide_kit::error::Class::Permanent
/// [`Retryable`]: eventide_kit::error::Class::Retryable
/// [`Environment`]: eventide_kit::error::Class::Environment
pub trait Iam: Send + Sync {
    /// The role called `name` in `account`. `Found` and `Absent` may be 15 minutes old, `Denied` one minute.
    fn role_arn(&self, account: &str, name: &str) -> impl Future<Output = Result<Lookup, Error>> + Send;

    /// The user called `name` in `account`, as old as [`Iam::role_arn`]'s answer.
    fn user_arn(&self, account: &str, name: &str) -> impl Future<Output = Result<Lookup, Error>> + Send;
}

/// Whether IAM would take `name` (IAM API reference, `RoleName` and `UserName`). What it would not take comes from
/// events, and need not be asked for.
fn is_name(name: &str, longest: usize) -> bool {
    (1..=longest).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// Longest role name, in characters.
const MAX_ROLE_NAME: usize = 64;
/// Longest user name, in characters. New ones have at most 64; the API takes older, longer ones.
const MAX_USER_NAME: usize = 128;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Role,
    User,
}

impl Kind {
    fn longest_name(self) -> usize {
        match self {
            Self::Role => MAX_ROLE_NAME,
            Self::User => MAX_USER_NAME,
        }
    }
}

fn check_account(account: &str) -> Result<(), Error> {
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(Error::permanent("InvalidAccount", "the account is not an account id of 12 digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_iam_takes_for_a_name_is_one() {
        for (name, expected) in [
            ("AWSReservedSSO_Admin_0123", true),
            ("a+b=c,d.e@f-g", true),
            ("", false),
            ("path/role", false),
            ("rôle", false),
            ("two words", false),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
        ] {
            assert_eq!(is_name(name, MAX_ROLE_NAME), expected, "{name}");
        }
    }

    #[test]
    fn an_account_is_12_digits() {
        for (account, expected) in
            [("111122223333", true), ("11112222333", false), ("11112222333x", false), ("", false)]
        {
            assert_eq!(check_account(account).is_ok(), expected, "{account}");
        }
    }
}
