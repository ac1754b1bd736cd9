//! The data lake: MiniStack's S3, past journal and fault rules, as a warehouse's own reads are no calls of ours.

use bytes::Bytes;
use eventide_local_engine::Lake;
use eventide_testing::xml;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::cloud::REGION;
use crate::gateway::{Backend, internal};

/// The buckets of an account.
#[derive(Clone, Debug)]
pub struct S3 {
    backend: Backend,
    account: String,
}

impl S3 {
    /// Those of an account in the backend.
    #[must_use]
    pub fn new(backend: Backend, account: &str) -> Self {
        Self { backend, account: account.to_owned() }
    }

    async fn send(&self, method: Method, target: &str, body: Bytes) -> Result<(StatusCode, Bytes), String> {
        let mut request = internal("s3", REGION, &self.account, method, target, &Value::Null)?;
        request.body = body;
        let kind = HeaderValue::from_static("application/octet-stream");
        request.headers.insert(http::header::CONTENT_TYPE, kind);
        let response = self.backend.send(&request).await?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok((status, body))
    }

    async fn done(&self, method: Method, target: &str, body: Bytes) -> Result<Bytes, String> {
        match self.send(method, target, body).await? {
            (status, body) if status.is_success() => Ok(body),
            (status, body) => {
                let code = xml::value(&String::from_utf8_lossy(&body), "Code").unwrap_or_default();
                Err(format!("S3: {status} {code}"))
            }
        }
    }

    async fn find(&self, bucket: &str, prefix: &str) -> Result<Vec<(String, u64)>, String> {
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let target = format!("/{bucket}?list-type=2&prefix={}{token}", encode(prefix, false));
            let page = self.done(Method::GET, &target, Bytes::new()).await?;
            let page = String::from_utf8_lossy(&page);
            for object in xml::values(&page, "Contents") {
                let size = xml::value(&object, "Size").and_then(|size| size.parse().ok()).unwrap_or_default();
                found.extend(xml::value(&object, "Key").map(|key| (key, size)));
            }
            match xml::value(&page, "NextContinuationToken") {
                Some(next) => token = format!("&continuation-token={}", encode(&next, false)),
                None => return Ok(found),
            }
        }
    }
}

/// What makes a bucket, beside what an engine asks of a lake.
pub trait Buckets: Lake {
    /// Makes a bucket, unless it is there.
    fn create(&self, bucket: &str) -> BoxFuture<'_, Result<(), String>>;
}

impl Buckets for S3 {
    fn create(&self, bucket: &str) -> BoxFuture<'_, Result<(), String>> {
        let target = format!("/{bucket}");
        async move {
            let (status, _) = self.send(Method::HEAD, &target, Bytes::new()).await?;
            if status.is_success() {
                return Ok(());
            }
            self.done(Method::PUT, &target, Bytes::new()).await.map(drop)
        }
        .boxed()
    }
}

impl Lake for S3 {
    fn list(&self, bucket: &str, prefix: &str) -> BoxFuture<'_, Result<Vec<(String, u64)>, String>> {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        async move { self.find(&bucket, &prefix).await }.boxed()
    }

    fn get(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<Bytes, String>> {
        let target = path(bucket, key);
        async move { self.done(Method::GET, &target, Bytes::new()).await }.boxed()
    }

    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'_, Result<(), String>> {
        let target = path(bucket, key);
        async move { self.done(Method::PUT, &target, body).await.map(drop) }.boxed()
    }

    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<(), String>> {
        let target = path(bucket, key);
        async move { self.done(Method::DELETE, &target, Bytes::new()).await.map(drop) }.boxed()
    }
}

fn path(bucket: &str, key: &str) -> String {
    format!("/{bucket}/{}", encode(key, true))
}

/// Percent-encoding of everything but RFC 3986's unreserved characters, and slashes if they are to stay.
fn encode(text: &str, keep_slashes: bool) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || (keep_slashes && byte == b'/') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_aws_does() {
        assert_eq!(path("b", "a b/é+?=x.parquet"), "/b/a%20b/%C3%A9%2B%3F%3Dx.parquet");
        assert_eq!(encode("a/b c", false), "a%2Fb%20c");
    }
}
