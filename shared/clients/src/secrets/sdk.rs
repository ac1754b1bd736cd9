use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use aws_types::SdkConfig;
use eventide_kit::clock::Clock;
use eventide_kit::error::{Class, Error};
use time::Duration;

use super::{Secret, Secrets};
use crate::cache::Cache;
use crate::errors::{environment, failed};

const OPERATION: &str = "secretsmanager:GetSecretValue";
/// For how long a text is taken for current.
const LIFETIME: Duration = Duration::minutes(5);

/// [`Secrets`] through the AWS SDK. Clones share what they have read.
#[derive(Clone, Debug)]
pub struct SdkSecrets {
    client: Client,
    read: Arc<Cache<String, Secret>>,
    lifetime: Duration,
}

impl SdkSecrets {
    /// In the Region of `config`. A text that was read is taken for current for five minutes.
    pub fn new(config: &SdkConfig, clock: Arc<dyn Clock>) -> Self {
        Self { client: Client::new(config), read: Arc::new(Cache::new(clock)), lifetime: LIFETIME }
    }

    /// The same, with another time for which a text is taken for current.
    #[must_use]
    pub fn keeping_for(self, lifetime: std::time::Duration) -> Self {
        Self { lifetime: lifetime.try_into().unwrap_or(LIFETIME), ..self }
    }
}

impl Secrets for SdkSecrets {
    async fn get(&self, id: &str) -> Result<Secret, Error> {
        if let Some(secret) = self.read.get(id) {
            return Ok(secret);
        }
        let output = self.client.get_secret_value().secret_id(id).send().await.map_err(|error| {
            let failed = failed(OPERATION, &error);
            if failed.class() == Class::Permanent { environment(failed) } else { failed }
        })?;
        let text = output.secret_string.ok_or_else(|| {
            Error::environment(
                "SecretWithoutText",
                format!("`{OPERATION}` gave no text: the secret is binary"),
            )
        })?;
        let secret = Secret::new(text);
        self.read.put(id.to_owned(), secret.clone(), self.lifetime);
        Ok(secret)
    }
}
