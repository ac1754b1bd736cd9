//! Buckets of S3.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// The objects of all buckets by `/bucket/key`.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    objects: BTreeMap<String, Bytes>,
    /// Parts that came, by the object that they will make.
    parts: BTreeMap<String, BTreeMap<u32, Bytes>>,
    /// Whether shards and what comes in parts are forgotten: of a large campaign they would fill the memory.
    pub forgets: bool,
}

impl Objects {
    /// Adds an object.
    pub fn add(&mut self, path: &str, body: impl Into<Bytes>) {
        self.objects.insert(path.to_owned(), body.into());
    }

    /// The content of an object.
    #[must_use]
    pub fn body(&self, path: &str) -> Option<Bytes> {
        self.objects.get(path).cloned()
    }

    /// The answer to a request; `None`: it is none that the functions make.
    pub fn answer(&mut self, method: &Method, path: &str, query: &str, body: Bytes) -> Option<Response> {
        let path = decoded(path);
        let of = |name: &str| {
            let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| decoded(value))
        };
        match *method {
            Method::GET if of("list-type").is_some() => {
                let after = of("start-after").unwrap_or_default();
                Some(self.list(&path, &of("prefix").unwrap_or_default(), &after))
            }
            Method::GET => Some(self.objects.get(&path).map_or_else(missing, |body| object(body.clone()))),
            Method::HEAD => Some(match self.objects.get(&path) {
                Some(body) => headers(Some(body.len())).into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            }),
            Method::POST if of("uploads").is_some() => {
                self.parts.remove(&path);
                Some(xml("InitiateMultipartUploadResult", "<UploadId>u</UploadId>"))
            }
            Method::POST => {
                if let Some(parts) = self.parts.remove(&path) {
                    let whole: Vec<u8> = parts.values().flat_map(|part| part.iter().copied()).collect();
                    self.objects.insert(path, Bytes::from(whole));
                }
                Some(xml("CompleteMultipartUploadResult", "<ETag>\"e-1\"</ETag>"))
            }
            Method::PUT => {
                match of("partNumber").and_then(|number| number.parse().ok()) {
                    Some(number) if !self.forgets => {
                        self.parts.entry(path).or_default().insert(number, body);
                    }
                    None if !self.forgets || !path.contains("/shards/") => {
                        self.objects.insert(path, body);
                    }
                    Some(_) | None => {}
                }
                Some(headers(None).into_response())
            }
            _ => None,
        }
    }

    fn list(&self, bucket: &str, prefix: &str, after: &str) -> Response {
        let bucket = format!("{}/", bucket.trim_end_matches('/'));
        let keys = self.objects.keys().filter_map(|path| path.strip_prefix(&bucket));
        let keys = keys.filter(|key| key.starts_with(prefix) && *key > after).take(1_000);
        let listed: String = keys.map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
        xml("ListBucketResult", &format!("{listed}<IsTruncated>false</IsTruncated>"))
    }
}

fn headers(length: Option<usize>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, HeaderValue::from_static("\"e\""));
    headers.insert("x-amz-version-id", HeaderValue::from_static("v"));
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers
}

fn object(body: Bytes) -> Response {
    (headers(None), body).into_response()
}

fn missing() -> Response {
    let error = "<Error><Code>NoSuchKey</Code><Message>There is none.</Message></Error>";
    (StatusCode::NOT_FOUND, error).into_response()
}

fn xml(element: &str, content: &str) -> Response {
    let xmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
    format!("<{element} xmlns=\"{xmlns}\">{content}</{element}>").into_response()
}

/// Without percent encoding.
fn decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|_| *first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded() {
        for (text, expected) in [("work%2Fa-b%2f1", "work/a-b/1"), ("100%", "100%"), ("%zz", "%zz")] {
            assert_eq!(decoded(text), expected);
        }
    }

    #[test]
    fn parts_become_an_object_and_are_listed() {
        let mut objects = Objects::default();
        for (number, body) in [(2, "b"), (1, "a")] {
            let query = format!("partNumber={number}&uploadId=u");
            objects.answer(&Method::PUT, "/work/a%2Fb", &query, Bytes::from(body)).unwrap();
        }
        assert_eq!(objects.body("/work/a/b"), None);
        objects.answer(&Method::POST, "/work/a/b", "uploadId=u", Bytes::new()).unwrap();
        assert_eq!(objects.body("/work/a/b").as_deref(), Some(&b"ab"[..]));
        objects.forgets = true;
        objects.answer(&Method::PUT, "/work/a/shards/1", "", Bytes::from("x")).unwrap();
        assert_eq!(objects.body("/work/a/shards/1"), None);
    }
}
