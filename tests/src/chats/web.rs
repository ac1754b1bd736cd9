//! Requests without a signature, as a browser makes them.

use eventide_testing::Answer;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Sends a request.
///
/// # Errors
///
/// If it is none, or the connection fails.
pub(super) async fn send(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<Answer, String> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request =
        request.body(Full::from(body)).map_err(|error| format!("`{url}` is no address: {error}"))?;
    let client: Client<HttpConnector, Full<bytes::Bytes>> =
        Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let response = client.request(request).await.map_err(|error| format!("no answer: {error}"))?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| format!("no whole answer: {error}"))?;
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes() })
}
