//! IAM clients for member accounts, by way of a role there.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_iam::config::Builder;
use aws_types::SdkConfig;
use eventide_kit::clock::Clock;
use eventide_kit::error::Error;
use time::{Duration, OffsetDateTime};

use super::Lookup;
use crate::cache::Cache;
use crate::errors::{self, failed};

/// Shown in the member account's CloudTrail.
const SESSION_NAME: &str = "eventide-finding-enrich";
/// Credentials are not used in their last minutes: a call made with them has to end before they do.
const EXPIRY_MARGIN: Duration = Duration::minutes(5);

/// A client to ask with, or the answer already.
pub(super) enum Access {
    Client(aws_sdk_iam::Client),
    No(Lookup),
}

pub(super) struct Members {
    config: SdkConfig,
    partition: String,
    role: Option<Role>,
    clients: Cache<String, aws_sdk_iam::Client>,
}

struct Role {
    name: String,
    sts: aws_sdk_sts::Client,
}

impl Members {
    pub(super) fn new(
        config: &SdkConfig,
        partition: &str,
        role_name: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let role = role_name.map(|name| Role { name, sts: aws_sdk_sts::Client::new(config) });
        Self { config: config.clone(), partition: partition.to_owned(), role, clients: Cache::new(clock) }
    }

    /// A client for `account`, which must be an account id.
    pub(super) async fn access(&self, account: &str) -> Result<Access, Error> {
        const OPERATION: &str = "sts:AssumeRole";
        let Some(Role { name, sts }) = &self.role else { return Ok(Access::No(Lookup::NotConfigured)) };
        if let Some(client) = self.clients.get(account) {
            return Ok(Access::Client(client));
        }
        let role_arn = format!("arn:{}:iam::{account}:role/{name}", self.partition);
        let request = sts.assume_role().role_arn(role_arn).role_session_name(SESSION_NAME);
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) if errors::is_denied(&error) => {
                return Ok(Access::No(Lookup::Denied(format!("`{OPERATION}` of `{name}` was denied"))));
            }
            Err(error) => return Err(failed(OPERATION, &error)),
        };
        let incomplete =
            || Error::retryable("IncompleteAnswer", format!("`{OPERATION}` answered without credentials"));
        let given = output.credentials.ok_or_else(incomplete)?;
        let expires =
            OffsetDateTime::from_unix_timestamp(given.expiration.secs()).map_err(|_| incomplete())?;
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            None,
            "AssumeRole",
        );
        let config = Builder::from(&self.config).credentials_provider(credentials).build();
        let client = aws_sdk_iam::Client::from_conf(config);
        self.clients.put_until(account.to_owned(), client.clone(), expires - EXPIRY_MARGIN);
        Ok(Access::Client(client))
    }
}
