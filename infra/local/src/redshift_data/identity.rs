//! Who calls: whose statements he may touch, and which database user he is.

use crate::service::Caller;

use super::outside::Outside;

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// What must be the same for two callers to share statements: the role, whatever its session; else the
    /// IAM user.
    pub(super) owner: String,
    /// The session of a role; else as `owner`.
    pub(super) session: String,
    /// The database user that temporary credentials are for, such as `IAMR:role` or `IAM:user`.
    pub(super) database_user: String,
    /// The ARN that events name.
    pub(super) principal: String,
}

impl Identity {
    /// Reads it from the call, and asks Lambda for the role of a function. An access key that no role handed
    /// out stands for an IAM user of its name.
    pub(super) async fn of(caller: &Caller, account: &str, region: &str, outside: &dyn Outside) -> Self {
        if let Some(role) = caller.role_arn.as_deref().and_then(Self::of_role) {
            return role;
        }
        if let Some(app_id) = caller.app_id.as_deref() {
            let role = outside.role_of(app_id, region).await;
            if let Some(role) = role.as_deref().and_then(|arn| Self::of_function(arn, app_id)) {
                return role;
            }
        }
        let user = caller.access_key.as_deref().unwrap_or("anonymous");
        let arn = format!("arn:aws:iam::{account}:user/{user}");
        Self {
            owner: arn.clone(),
            session: arn.clone(),
            database_user: format!("IAM:{user}"),
            principal: arn,
        }
    }

    /// `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`
    fn of_role(session: &str) -> Option<Self> {
        let (account, resource) = account_and_resource(session)?;
        let (role, _) = resource.strip_prefix("assumed-role/")?.split_once('/')?;
        Some(Self::new(account, role, session.to_owned()))
    }

    /// `arn:aws:iam::ACCOUNT:role/PATH/NAME`. The sessions of a function are named after it.
    fn of_function(arn: &str, app_id: &str) -> Option<Self> {
        let (account, resource) = account_and_resource(arn)?;
        let role = resource.strip_prefix("role/")?.rsplit('/').next()?;
        Some(Self::new(account, role, format!("arn:aws:sts::{account}:assumed-role/{role}/{app_id}")))
    }

    fn new(account: &str, role: &str, session: String) -> Self {
        Self {
            // Names of roles are unique in an account, whatever their paths.
            owner: format!("{account}:role/{role}"),
            principal: session.clone(),
            session,
            database_user: format!("IAMR:{role}"),
        }
    }
}

fn account_and_resource(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':').skip(4);
    Some((parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;

    use super::*;

    #[derive(Debug)]
    struct OneFunction;

    impl Outside for OneFunction {
        fn role_of<'a>(&'a self, app_id: &'a str, _: &'a str) -> BoxFuture<'a, Option<String>> {
            let role = (app_id == "mart-query").then(|| "arn:aws:iam::111122223333:role/p/marts".to_owned());
            async move { role }.boxed()
        }

        fn secret<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<String, String>> {
            async { Err("none".to_owned()) }.boxed()
        }
    }

    #[tokio::test]
    async fn a_role_is_the_same_however_it_is_used() {
        let caller = |app_id: Option<&str>, role: Option<&str>| Caller {
            app_id: app_id.map(str::to_owned),
            access_key: Some("AKIA1".into()),
            role_arn: role.map(str::to_owned),
        };
        let session = "arn:aws:sts::111122223333:assumed-role/marts/one";
        for (caller, owner, user, principal) in [
            (caller(None, Some(session)), "111122223333:role/marts", "IAMR:marts", session),
            (
                caller(Some("mart-query"), None),
                "111122223333:role/marts",
                "IAMR:marts",
                "arn:aws:sts::111122223333:assumed-role/marts/mart-query",
            ),
            (
                caller(Some("someone"), None),
                "arn:aws:iam::111122223333:user/AKIA1",
                "IAM:AKIA1",
                "arn:aws:iam::111122223333:user/AKIA1",
            ),
        ] {
            let found = Identity::of(&caller, "111122223333", "us-east-1", &OneFunction).await;
            let found = (found.owner.as_str(), found.database_user.as_str(), found.principal.as_str());
            assert_eq!(found, (owner, user, principal), "{caller:?}");
        }
    }
}
