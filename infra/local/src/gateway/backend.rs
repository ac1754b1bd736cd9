use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use super::Inbound;

/// Headers that concern one connection only (RFC 9110, 7.6.1), and those that a whole body makes wrong.
const CONNECTION_HEADERS: [HeaderName; 7] =
    [CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// MiniStack, as the gateway reaches it.
#[derive(Clone, Debug)]
pub struct Backend {
    client: Client<HttpConnector, Full<Bytes>>,
    port: u16,
    process_group: u32,
}

impl Backend {
    /// MiniStack on that port of 127.0.0.1, whose function processes are in that process group.
    #[must_use]
    pub fn new(port: u16, process_group: u32) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            // Below MiniStack's own 75 s, so that it never closes a connection that is about to be used.
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { client, port, process_group }
    }

    pub(crate) fn process_group(&self) -> u32 {
        self.process_group
    }

    /// Sends a request on as it came. The host header stays the caller's: function URLs and signatures
    /// depend on it.
    pub(crate) async fn send(&self, inbound: &Inbound) -> Result<Response<Incoming>, String> {
        let target = inbound.uri.path_and_query().map_or("/", |target| target.as_str());
        let uri: Uri = format!("http://127.0.0.1:{}{target}", self.port)
            .parse()
            .map_err(|error| format!("`{target}`: {error}"))?;
        let mut request = Request::new(Full::new(inbound.body.clone()));
        *request.method_mut() = inbound.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = inbound.headers.clone();
        for name in CONNECTION_HEADERS {
            request.headers_mut().remove(name);
        }
        let mut response = self.client.request(request).await.map_err(|error| {
            use std::error::Error;
            error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
        })?;
        for name in [CONNECTION, TRANSFER_ENCODING] {
            response.headers_mut().remove(name);
        }
        Ok(response)
    }

    /// Calls an operation of AWS's JSON protocol past journal and fault rules.
    pub(crate) async fn json(
        &self,
        service: &str,
        region: &str,
        account: &str,
        target: &str,
        body: &Value,
    ) -> Result<Value, String> {
        let mut inbound = internal(service, region, account, Method::POST, "/", body)?;
        let header = target.parse().map_err(|_| format!("`{target}` is no target"))?;
        inbound.headers.insert("x-amz-target", header);
        self.value(target, &inbound).await
    }

    /// Sends a request and reads the answer as JSON; an error unless the status says success.
    pub(crate) async fn value(&self, what: &str, inbound: &Inbound) -> Result<Value, String> {
        let response = self.send(inbound).await?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        if !status.is_success() {
            return Err(format!("{what}: {status}: {}", String::from_utf8_lossy(&body)));
        }
        serde_json::from_slice(&body).map_err(|error| format!("{what}: {error}"))
    }
}

/// A request of the local cloud's own, with a JSON body, in the name of EventBridge.
pub(crate) fn internal(
    service: &str,
    region: &str,
    account: &str,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<Inbound, String> {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=0000"
    );
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (HOST, format!("{service}.{region}.amazonaws.com")),
        (http::header::AUTHORIZATION, authorization),
        (http::header::USER_AGENT, "eventide-local app/events.amazonaws.com".to_owned()),
        (http::header::CONTENT_TYPE, "application/x-amz-json-1.0".to_owned()),
    ] {
        headers.insert(name, value.parse().map_err(|_| format!("`{value}` is no header value"))?);
    }
    let uri = path.parse().map_err(|error| format!("`{path}`: {error}"))?;
    Ok(Inbound { method, uri, headers, body: body.to_string().into(), connection: None })
}
