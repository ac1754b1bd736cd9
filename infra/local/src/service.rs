//! What a stand-in for an AWS service implements, and what it is given.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

/// Who made a call, as far as the request tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The application id of the user agent (`app/NAME`), which each function's template sets to the
    /// function's name.
    pub app_id: Option<String>,
    /// The access key id of the signature.
    pub access_key: Option<String>,
    /// The ARN of the assumed role whose temporary key signed the call, where it is one.
    pub role_arn: Option<String>,
}

impl Caller {
    /// The one name that the journal and fault rules know a caller by: the application id, else the access
    /// key id, else `anonymous`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.app_id.as_deref().or(self.access_key.as_deref()).unwrap_or("anonymous")
    }
}

/// One AWS API call.
pub struct Call {
    /// The signing name, such as `detective` or `securityhub`.
    pub service: String,
    /// The Region of the signature's credential scope.
    pub region: String,
    /// The account that the call acts in.
    pub account: String,
    /// Who made the call.
    pub caller: Caller,
    /// The HTTP method.
    pub method: Method,
    /// The path, percent-decoded, without the query.
    pub path: String,
    /// The query parameters, percent-decoded, in order.
    pub query: Vec<(String, String)>,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The request's body, whole.
    pub body: Bytes,
}

impl Call {
    /// The body as JSON; an empty body is an empty object.
    ///
    /// # Errors
    /// The answer that restJson1 services give to a body that is no JSON: `SerializationException`.
    pub fn json(&self) -> Result<Value, Reply> {
        if self.body.is_empty() {
            return Ok(json!({}));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Reply::error(400, "SerializationException", &format!("not JSON: {error}")))
    }

    /// The first query parameter of that name.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("service", &self.service)
            .field("region", &self.region)
            .field("caller", &self.caller)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The answer to a call.
#[derive(Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers; `content-length` is added by the gateway.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: Bytes::from(body.to_string()),
        }
    }

    /// An error in the shape of the restJson1 protocol: the code in `x-amzn-errortype`, the message in the
    /// body.
    #[must_use]
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let mut reply =
            Self::json(status, &json!({ "__type": code, "Message": message, "message": message }));
        reply.headers.push(("x-amzn-errortype".into(), code.into()));
        reply
    }

    /// The answer to an operation or control path that a stand-in does not have; never a silent success.
    #[must_use]
    pub fn not_covered(what: &str) -> Self {
        Self::error(501, "NotImplementedException", &format!("the local cloud does not cover `{what}`"))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A stand-in for one AWS service.
pub trait Service: Send + Sync {
    /// The signing name, which is also its folder under `/_local/` (but `email` for `ses`, `sms` for `sms-voice`).
    fn name(&self) -> &'static str;

    /// The operation a call asks for, for the journal and for fault rules.
    fn operation(&self, call: &Call) -> Option<String>;

    /// Answers a call of the AWS API.
    fn handle(&self, call: Call) -> BoxFuture<'_, Reply>;

    /// Answers a request below `/_local/<name>/`: scenario control, which AWS does not have. `path` is
    /// what follows `/_local/<name>/`, without a leading slash; `body` is null where there is none.
    fn control(&self, method: Method, path: String, body: Value) -> BoxFuture<'_, Reply>;

    /// Forgets everything: as new.
    fn reset(&self);
}

/// Where an event went.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Delivery {
    /// The EventBridge rule that matched.
    pub rule: String,
    /// The target's ARN.
    pub target: String,
    /// What kept the target from taking it; `None` if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The default event bus, as a stand-in sees it.
pub trait Events: Send + Sync {
    /// Puts a whole EventBridge event (`version`, `id`, `detail-type`, `source`, …) on the Region's default
    /// bus, and says which targets got it.
    ///
    /// # Errors
    /// What kept the rules from being judged, or a rule that uses what is not covered.
    fn emit(&self, event: Value, region: &str) -> BoxFuture<'_, Result<Vec<Delivery>, String>>;
}

/// The stand-ins' clock: the machine's, plus what tests have added. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead: Arc<Mutex<Duration>>,
}

impl Clock {
    /// The time, in UTC.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + self.ahead()
    }

    /// How far it is ahead of the machine's clock.
    #[must_use]
    pub fn ahead(&self) -> Duration {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves it forward (or, for a negative duration, back).
    pub fn advance(&self, by: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    /// Back to the machine's time.
    pub fn reset(&self) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Duration::ZERO;
    }
}
