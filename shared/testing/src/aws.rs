use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::xml;

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text, with replacement characters where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn into_success(self) -> Result<Self, CallError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let text = self.text();
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        let field =
            |names: &[&str]| names.iter().find_map(|name| json.get(*name)?.as_str().map(str::to_owned));
        let code = self
            .header("x-amzn-errortype")
            .map(str::to_owned)
            .or_else(|| field(&["__type", "code"]))
            .or_else(|| xml::value(&text, "Code"))
            .unwrap_or_default();
        // `prefix#Code` and `Code:http://…` are both in use.
        let code = code.rsplit('#').next().and_then(|code| code.split(':').next()).unwrap_or_default();
        let message = field(&["message", "Message"]).or_else(|| xml::value(&text, "Message")).unwrap_or(text);
        Err(CallError { status: Some(self.status), code: code.to_owned(), message })
    }

    fn into_json(self) -> Result<Value, CallError> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).map_err(|error| CallError {
            status: Some(self.status),
            code: String::new(),
            message: format!("not JSON: {error}"),
        })
    }
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The HTTP status; `None` where the connection ended without an answer.
    pub status: Option<u16>,
    /// AWS's error code, such as `ThrottlingException`; empty where there is none.
    pub code: String,
    /// What was said.
    pub message: String,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{status} {}: {}", self.code, self.message),
            None => write!(f, "no answer: {}", self.message),
        }
    }
}

impl std::error::Error for CallError {}

impl From<CallError> for String {
    fn from(error: CallError) -> Self {
        error.to_string()
    }
}

/// A client of AWS's wire protocols that signs nothing: it names a credential scope, which is all that the
/// local cloud reads.
#[derive(Clone, Debug)]
pub struct Aws {
    client: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
    region: String,
    access_key: String,
    app_id: Option<String>,
}

impl Aws {
    /// A client of the endpoint, such as `http://127.0.0.1:4566`, in `us-east-1`, as account 111122223333.
    #[must_use]
    pub fn new(endpoint: &str) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            region: "us-east-1".into(),
            access_key: "111122223333".into(),
            app_id: None,
        }
    }

    /// The same in another Region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// The same with another access key id; one of twelve digits acts in the account of that number.
    #[must_use]
    pub fn with_access_key(mut self, access_key: &str) -> Self {
        access_key.clone_into(&mut self.access_key);
        self
    }

    /// The same with an application id in its user agent, as functions have it.
    #[must_use]
    pub fn with_app_id(mut self, app_id: &str) -> Self {
        self.app_id = Some(app_id.to_owned());
        self
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sends a request as it is, with a credential scope for `service`, and gives whatever is answered.
    ///
    /// # Errors
    /// Only if there is no answer.
    pub async fn send(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, CallError> {
        let lost = |message: String| CallError { status: None, code: String::new(), message };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.endpoint))
            .header("user-agent", self.user_agent())
            .header("x-amz-date", "20260101T000000Z")
            .header("authorization", self.authorization(service));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).map_err(|error| lost(error.to_string()))?;
        let response = self.client.request(request).await.map_err(|error| lost(chain(&error)))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| lost(chain(&error)))?.to_bytes();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// Calls an operation of AWS's JSON protocol; `target` is the whole `X-Amz-Target`, such as
    /// `DynamoDB_20120810.GetItem`.
    ///
    /// # Errors
    /// No answer, or the service's error.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value, CallError> {
        let headers = [("x-amz-target", target), ("content-type", "application/x-amz-json-1.0")];
        self.send(service, Method::POST, "/", &headers, body.to_string().into())
            .await?
            .into_success()?
            .into_json()
    }

    /// Calls an operation of AWS's query protocol and gives the XML of the answer.
    ///
    /// # Errors
    /// No answer, or the service's error.
    pub async fn query(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, CallError> {
        let body = std::iter::once(&("Action", action))
            .chain(parameters)
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect::<Vec<_>>()
            .join("&");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.send(service, Method::POST, "/", &headers, body.into()).await?;
        Ok(answer.into_success()?.text())
    }

    /// Calls an operation of AWS's REST JSON protocol.
    ///
    /// # Errors
    /// No answer, or the service's error.
    pub async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let headers = [("content-type", "application/json")];
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        self.send(service, method, path, &headers, body).await?.into_success()?.into_json()
    }

    /// Calls the local cloud's control API; `path` is what follows `/_local/`.
    ///
    /// # Errors
    /// No answer, or what the local cloud has to say.
    pub async fn control(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        self.rest("local", method, &format!("/_local/{path}"), body).await
    }

    fn user_agent(&self) -> String {
        match &self.app_id {
            Some(app_id) => format!("eventide-testing/1.0 app/{app_id}"),
            None => "eventide-testing/1.0".into(),
        }
    }

    fn authorization(&self, service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{service}/aws4_request, SignedHeaders=host, \
             Signature=0000",
            self.access_key, self.region
        )
    }
}

/// An error with its causes: hyper's own messages say nothing without them.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Percent-encoding of everything but RFC 3986's unreserved characters, as AWS wants it.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_of_every_protocol_are_read() {
        let answer = |headers: &[(&'static str, &str)], body: &str| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            Answer { status: 400, headers: map, body: Bytes::from(body.to_owned()) }
                .into_success()
                .unwrap_err()
        };
        let cases = [
            (answer(&[], r#"{"__type":"com.amazonaws.sqs#A","message":"m"}"#), "A", "m"),
            (answer(&[("x-amzn-errortype", "B:http://x/")], r#"{"Message":"m"}"#), "B", "m"),
            (
                answer(
                    &[],
                    "<ErrorResponse><Error><Code>C</Code><Message>m</Message></Error></ErrorResponse>",
                ),
                "C",
                "m",
            ),
            (answer(&[], "boom"), "", "boom"),
        ];
        for (error, code, message) in cases {
            assert_eq!((error.code.as_str(), error.message.as_str()), (code, message));
        }
    }

    #[test]
    fn encodes_as_aws_does() {
        assert_eq!(encode("a b+c/é~"), "a%20b%2Bc%2F%C3%A9~");
    }
}
