use std::fmt;
use std::sync::Arc;

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::SdkConfig;
use eventide_kit::clock::Clock;
use eventide_kit::error::Error;
use time::Duration;

use super::members::{Access, Members};
use super::{Iam, Kind, Lookup, check_account, is_name};
use crate::cache::Cache;
use crate::errors::{self, failed};

/// How long a principal is taken to be there, or not to be there, still.
const LIFETIME: Duration = Duration::minutes(15);
/// How long a denial is taken to stand: somebody may be granting the permission right now.
const DENIED_LIFETIME: Duration = Duration::minutes(1);

/// The account a function runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// 12 digits.
    pub id: String,
}

/// [`Iam`] through the AWS SDK: in our own account with the function's role, in another with a role there.
pub struct SdkIam {
    own: Account,
    client: aws_sdk_iam::Client,
    members: Members,
    answers: Cache<(Kind, String, String), Lookup>,
}

impl fmt::Debug for SdkIam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdkIam").field("own", &self.own).finish_non_exhaustive()
    }
}

impl SdkIam {
    /// `member_role` is the name of the role, without a path, that this function may assume in every other account;
    /// without it, only our own account can be asked. `clock` says when answers and credentials are too old.
    pub fn new(config: &SdkConfig, own: Account, member_role: Option<String>, clock: Arc<dyn Clock>) -> Self {
        let members = Members::new(config, &own.partition, member_role, Arc::clone(&clock));
        Self { own, client: aws_sdk_iam::Client::new(config), members, answers: Cache::new(clock) }
    }

    async fn look_up(&self, kind: Kind, account: &str, name: &str) -> Result<Lookup, Error> {
        check_account(account)?;
        if !is_name(name, kind.longest_name()) {
            return Ok(Lookup::Absent);
        }
        let key = (kind, account.to_owned(), name.to_owned());
        if let Some(known) = self.answers.get(&key) {
            return Ok(known);
        }
        let access = if account == self.own.id {
            Access::Client(self.client.clone())
        } else {
            self.members.access(account).await?
        };
        let answer = match access {
            Access::Client(client) => ask(&client, kind, name).await?,
            Access::No(answer) => answer,
        };
        let lifetime = if matches!(answer, Lookup::Denied(_)) { DENIED_LIFETIME } else { LIFETIME };
        self.answers.put(key, answer.clone(), lifetime);
        Ok(answer)
    }
}

async fn ask(client: &aws_sdk_iam::Client, kind: Kind, name: &str) -> Result<Lookup, Error> {
    match kind {
        Kind::Role => {
            let arn =
                client.get_role().role_name(name).send().await.map(|output| output.role.map(|role| role.arn));
            answer("iam:GetRole", arn)
        }
        Kind::User => {
            let arn =
                client.get_user().user_name(name).send().await.map(|output| output.user.map(|user| user.arn));
            answer("iam:GetUser", arn)
        }
    }
}

fn answer<E: ProvideErrorMetadata>(
    operation: &'static str,
    arn: Result<Option<String>, SdkError<E, HttpResponse>>,
) -> Result<Lookup, Error> {
    match arn {
        Ok(Some(arn)) => Ok(Lookup::Found(arn)),
        Ok(None) => Err(Error::retryable("IncompleteAnswer", format!("`{operation}` answered in part"))),
        Err(error) if error.code() == Some("NoSuchEntity") => Ok(Lookup::Absent),
        Err(error) if errors::is_denied(&error) => Ok(Lookup::Denied(format!("`{operation}` was denied"))),
        Err(error) => Err(failed(operation, &error)),
    }
}

impl Iam for SdkIam {
    async fn role_arn(&self, account: &str, name: &str) -> Result<Lookup, Error> {
        self.look_up(Kind::Role, account, name).await
    }

    async fn user_arn(&self, account: &str, name: &str) -> Result<Lookup, Error> {
        self.look_up(Kind::User, account, name).await
    }
}
