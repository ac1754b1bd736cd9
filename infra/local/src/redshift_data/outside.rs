//! What the stand-in asks of the services beside it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::{Value, json};

use crate::gateway::{Backend, internal};

/// How long the role of a function is remembered. A deployment that changes it takes longer.
const REMEMBERED: Duration = Duration::from_secs(2);

/// Lambda, Secrets Manager and IAM, as far as a warehouse asks them.
pub trait Outside: Send + Sync + fmt::Debug {
    /// The ARN of the role of the function that names itself so in its user agent.
    fn role_of<'a>(&'a self, app_id: &'a str, region: &'a str) -> BoxFuture<'a, Option<String>>;

    /// The text of a secret, by its name or ARN.
    fn secret<'a>(&'a self, id: &'a str, region: &'a str) -> BoxFuture<'a, Result<String, String>>;
}

/// Since when a role is known, and which it is.
type Known = (Instant, Option<String>);

/// MiniStack's.
#[derive(Debug)]
pub struct Services {
    backend: Backend,
    account: String,
    /// By Region and application id.
    roles: Mutex<HashMap<(String, String), Known>>,
}

impl Services {
    /// Those of an account in the backend.
    #[must_use]
    pub fn new(backend: Backend, account: &str) -> Self {
        Self { backend, account: account.to_owned(), roles: Mutex::default() }
    }

    /// Functions run with the account's own key here, and not with their role's, so that the role is looked
    /// up by the application id that the templates give them.
    async fn find_role(&self, app_id: &str, region: &str) -> Result<Option<String>, String> {
        let mut path = "/2015-03-31/functions?MaxItems=50".to_owned();
        loop {
            let request = internal("lambda", region, &self.account, Method::GET, &path, &json!({}))?;
            let page = self.backend.value("ListFunctions", &request).await?;
            let functions = page.get("Functions").and_then(Value::as_array).into_iter().flatten();
            let found = functions.into_iter().find(|function| {
                let given = function.pointer("/Environment/Variables/AWS_SDK_UA_APP_ID");
                given.and_then(Value::as_str) == Some(app_id)
            });
            if let Some(role) = found.and_then(|function| function.get("Role")?.as_str()) {
                return Ok(Some(role.to_owned()));
            }
            match page.get("NextMarker").and_then(Value::as_str).filter(|marker| !marker.is_empty()) {
                Some(marker) => path = format!("/2015-03-31/functions?MaxItems=50&Marker={marker}"),
                None => return Ok(None),
            }
        }
    }
}

impl Outside for Services {
    fn role_of<'a>(&'a self, app_id: &'a str, region: &'a str) -> BoxFuture<'a, Option<String>> {
        async move {
            let key = (region.to_owned(), app_id.to_owned());
            let roles = || self.roles.lock().unwrap_or_else(PoisonError::into_inner);
            let known = roles().get(&key).filter(|(since, _)| since.elapsed() < REMEMBERED).cloned();
            if let Some((_, role)) = known {
                return role;
            }
            let role = self.find_role(app_id, region).await.unwrap_or_else(|error| {
                tracing::warn!(%error, app_id, "the role of a caller is not known");
                None
            });
            roles().insert(key, (Instant::now(), role.clone()));
            role
        }
        .boxed()
    }

    fn secret<'a>(&'a self, id: &'a str, region: &'a str) -> BoxFuture<'a, Result<String, String>> {
        async move {
            let target = "secretsmanager.GetSecretValue";
            let request = json!({ "SecretId": id });
            let answer = self.backend.json("secretsmanager", region, &self.account, target, &request).await?;
            let text = answer.get("SecretString").and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(|| format!("`{id}` holds no text"))
        }
        .boxed()
    }
}
