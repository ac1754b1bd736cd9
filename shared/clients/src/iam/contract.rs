//! What every [`Iam`] does, checked against the fake and against the local cloud.

use eventide_kit::error::{Class, Error};

use super::{Iam, Lookup};

/// What must be in place before the contract is checked.
#[derive(Clone, Debug)]
pub struct Given {
    /// An account that can be asked.
    pub account: String,
    /// ARN of a role in it, with a path. No user has the role's name.
    pub role_arn: String,
    /// ARN of a user in it, with a path. No role has the user's name.
    pub user_arn: String,
}

/// Checks all of it.
///
/// # Errors
/// Whatever a lookup that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<I: Iam>(iam: &I, given: &Given) -> Result<(), Error> {
    let Given { account, role_arn, user_arn } = given;
    let role = role_arn.rsplit('/').next().unwrap_or_default();
    let user = user_arn.rsplit('/').next().unwrap_or_default();
    // The second time an answer may come from a cache.
    for _ in 0..2 {
        assert_eq!(iam.role_arn(account, role).await?, Lookup::Found(role_arn.clone()));
        assert_eq!(iam.user_arn(account, user).await?, Lookup::Found(user_arn.clone()));
        assert_eq!(iam.role_arn(account, user).await?, Lookup::Absent, "a user is no role");
        assert_eq!(iam.user_arn(account, role).await?, Lookup::Absent, "a role is no user");
    }
    for name in ["", "no/name", "two words", "control\u{7}", &"x".repeat(1_000_000)] {
        assert_eq!(iam.role_arn(account, name).await?, Lookup::Absent);
        assert_eq!(iam.user_arn(account, name).await?, Lookup::Absent);
    }
    for no_account in ["", "12345", "11112222333:", "1111222233334"] {
        let refused = iam.role_arn(no_account, role).await;
        assert!(refused.is_err_and(|error| error.class() == Class::Permanent), "`{no_account}`");
    }
    Ok(())
}
