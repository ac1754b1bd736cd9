//! A request as API Gateway hands it on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use eventide_kit::error::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::origin::Origin;
use super::viewer::Viewer;
use crate::token::{PageNonce, Token, same_secret};

/// The most that a body may have, in bytes.
pub const MOST_BYTES: usize = 2048;

/// A request in payload format 2.0. Of its headers only those are kept that are looked at; whatever may be null or
/// absent without the request's being another one may be so here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    request_context: Context,
    #[serde(default)]
    headers: Headers,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
}

impl fmt::Debug for Event {
    /// Without headers and body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Context {
    http: Http,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

#[derive(Default)]
struct Headers {
    content_type: Option<String>,
    origin: Option<String>,
    origin_verify: Option<String>,
    sec_fetch_site: Option<String>,
    viewer_address: Option<String>,
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given: Option<BTreeMap<String, Value>> = Option::deserialize(deserializer)?;
        let mut headers = Self::default();
        for (name, value) in given.unwrap_or_default() {
            let Value::String(value) = value else { continue };
            match name.to_ascii_lowercase().as_str() {
                "content-type" => headers.content_type = Some(value),
                "origin" => headers.origin = Some(value),
                "x-origin-verify" => headers.origin_verify = Some(value),
                "sec-fetch-site" => headers.sec_fetch_site = Some(value),
                "cloudfront-viewer-address" => headers.viewer_address = Some(value),
                _ => {}
            }
        }
        Ok(headers)
    }
}

/// What a page asks for: something about a link.
#[derive(Debug)]
pub struct Ask {
    /// The link's token, in the form of tokens. Nothing says yet that there is such a link.
    pub token: Token,
    /// The page's own nonce.
    pub nonce: Option<PageNonce>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow, default)]
    nonce: Option<Cow<'a, str>>,
}

impl Event {
    /// Whether it came through CloudFront: whether it has this secret as its header `x-origin-verify`. How long that
    /// takes to tell says nothing of the secret.
    ///
    /// # Errors
    ///
    /// `Environment.NoOriginSecret` if the secret is empty, so that every request without one would have it;
    /// `Environment.NoRandomness`.
    pub fn is_from(&self, origin_secret: &str) -> Result<bool, Error> {
        if origin_secret.is_empty() {
            let message = "the secret of `x-origin-verify` is empty, expected a text that nobody can guess";
            return Err(Error::environment("NoOriginSecret", message));
        }
        same_secret(origin_secret, self.headers.origin_verify.as_deref().unwrap_or_default())
    }

    /// Whose request CloudFront says it is.
    ///
    /// # Errors
    ///
    /// `Environment.NoViewerAddress` if it says nothing: the distribution's origin request policy has to add
    /// `CloudFront-Viewer-Address`.
    pub fn viewer(&self) -> Result<Viewer, Error> {
        self.headers.viewer_address.as_deref().and_then(Viewer::parse).ok_or_else(|| {
            let message = "the request has no usable `cloudfront-viewer-address`, expected that the distribution adds it";
            Error::environment("NoViewerAddress", message)
        })
    }

    /// What is asked for; `None` if this is no request of our page. `link_origin` is where the page is; without it a browser
    /// is believed that says that the request comes from the same origin.
    pub fn ask(&self, link_origin: Option<&Origin>) -> Option<Ask> {
        let is_post = self.request_context.http.method == "POST";
        if !(is_post && self.is_json() && self.is_ours(link_origin)) {
            return None;
        }
        let bytes = self.bytes()?;
        let body: Body<'_> = serde_json::from_slice(&bytes).ok()?;
        let token = Token::parse(&body.token)?;
        let nonce = match body.nonce {
            Some(nonce) => Some(PageNonce::parse(&nonce)?),
            None => None,
        };
        Some(Ask { token, nonce })
    }

    /// JSON is also what no page of another origin can send without being asked first, which this API never answers.
    fn is_json(&self) -> bool {
        let content_type = self.headers.content_type.as_deref().unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case("application/json")
    }

    /// No client has to say where a request comes from, but every browser does.
    fn is_ours(&self, link_origin: Option<&Origin>) -> bool {
        let origin = match (self.headers.origin.as_deref(), link_origin) {
            (Some(origin), Some(ours)) => ours.is(origin),
            _ => true,
        };
        origin && self.headers.sec_fetch_site.as_deref().is_none_or(|site| site == "same-origin")
    }

    fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        let body = self.body.as_deref()?;
        let bytes = if self.is_base64_encoded == Some(true) {
            if body.len() > MOST_BYTES.div_ceil(3) * 4 {
                return None;
            }
            Cow::Owned(BASE64_STANDARD.decode(body).ok()?)
        } else {
            Cow::Borrowed(body.as_bytes())
        };
        (bytes.len() <= MOST_BYTES).then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TOKEN: &str = "PVnGzkOTx2GRXtYG-baxPg";
    const NONCE: &str = "n0nce-of-the-page_000000";
    const ORIGIN: &str = "https://chat.example.com";

    fn value() -> Value {
        json!({
            "version": "2.0",
            "headers": {
                "content-type": "application/json", "origin": ORIGIN, "x-origin-verify": "s3cret",
                "sec-fetch-site": "same-origin", "cloudfront-viewer-address": "203.0.113.7:46532", "cookie": "a=b",
            },
            "requestContext": { "http": { "method": "POST", "sourceIp": "198.51.100.1" }, "authorizer": null },
            "body": json!({ "token": TOKEN, "nonce": NONCE }).to_string(),
            "isBase64Encoded": false,
        })
    }

    fn event(change: impl FnOnce(&mut Value)) -> Event {
        let mut event = value();
        change(&mut event);
        serde_json::from_value(event).unwrap()
    }

    fn ours() -> Origin {
        ORIGIN.parse().unwrap()
    }

    fn with_body(body: impl Into<String>) -> Event {
        event(|event| event["body"] = json!(body.into()))
    }

    #[test]
    fn a_request_of_the_page_is_understood() {
        let base64 = |event: &mut Value| {
            event["body"] = json!(BASE64_STANDARD.encode(event["body"].as_str().unwrap()));
            event["isBase64Encoded"] = json!(true);
        };
        let upper = |event: &mut Value| {
            let headers = event["headers"].as_object_mut().unwrap();
            *headers = std::mem::take(headers).into_iter().map(|(k, v)| (k.to_uppercase(), v)).collect();
        };
        let charset = |event: &mut Value| {
            event["headers"]["content-type"] = json!("Application/JSON ; charset=utf-8");
        };
        let silent = |event: &mut Value| {
            event["headers"]["origin"] = Value::Null;
            event["headers"].as_object_mut().unwrap().remove("sec-fetch-site");
            event["isBase64Encoded"] = Value::Null;
        };
        for change in [|_: &mut Value| (), base64, upper, charset, silent] {
            let event = event(change);
            assert!(event.is_from("s3cret").unwrap());
            assert!(event.viewer().is_ok());
            let ask = event.ask(Some(&ours())).unwrap();
            assert_eq!(ask.token.as_str(), TOKEN);
            assert_eq!(ask.nonce, PageNonce::parse(NONCE));
        }
        let without = with_body(json!({ "token": TOKEN, "later": [1] }).to_string());
        assert!(without.ask(Some(&ours())).unwrap().nonce.is_none());
    }

    #[test]
    fn what_is_no_request_of_the_page_is_refused() {
        type Change = fn(&mut Value);
        let changes: [(&str, Change); 11] = [
            ("another method", |event| event["requestContext"]["http"]["method"] = json!("GET")),
            ("a form", |event| event["headers"]["content-type"] = json!("text/plain")),
            ("a prefix", |event| event["headers"]["content-type"] = json!("application/jsonp")),
            ("no content type", |event| event["headers"]["content-type"] = Value::Null),
            ("another origin", |event| {
                event["headers"]["origin"] = json!("https://chat.example.com.evil.example")
            }),
            ("a sandbox", |event| event["headers"]["origin"] = json!("null")),
            ("another site", |event| event["headers"]["sec-fetch-site"] = json!("cross-site")),
            ("a subdomain", |event| event["headers"]["sec-fetch-site"] = json!("same-site")),
            ("no headers", |event| event["headers"] = Value::Null),
            ("no body", |event| event["body"] = Value::Null),
            ("no Base64", |event| event["isBase64Encoded"] = json!(true)),
        ];
        for (about, change) in changes {
            assert!(event(change).ask(Some(&ours())).is_none(), "{about}");
        }
        for body in [
            String::new(),
            "{".to_owned(),
            "[]".to_owned(),
            "null".to_owned(),
            json!({ "nonce": NONCE }).to_string(),
            json!({ "token": 7, "nonce": NONCE }).to_string(),
            json!({ "token": format!("{TOKEN}A"), "nonce": NONCE }).to_string(),
            json!({ "token": TOKEN, "nonce": "short" }).to_string(),
            json!({ "token": TOKEN, "nonce": [] }).to_string(),
            format!(r#"{{"token":"{TOKEN}","token":"{TOKEN}"}}"#),
        ] {
            assert!(with_body(body.clone()).ask(Some(&ours())).is_none(), "{body}");
        }
    }

    #[test]
    fn a_body_has_2_kb_at_most_however_it_is_encoded() {
        for (length, fits) in [(MOST_BYTES, true), (MOST_BYTES + 1, false)] {
            let body = json!({ "token": TOKEN }).to_string();
            let padded = format!("{body}{}", " ".repeat(length - body.len()));
            let encoded = event(|event| {
                event["body"] = json!(BASE64_STANDARD.encode(&padded));
                event["isBase64Encoded"] = json!(true);
            });
            assert_eq!(encoded.ask(None).is_some(), fits, "{length}");
            assert_eq!(with_body(padded).ask(None).is_some(), fits, "{length}");
        }
    }

    #[test]
    fn where_the_page_is_need_not_be_known() {
        let foreign = |event: &mut Value| event["headers"]["origin"] = json!("https://other.example");
        assert!(event(foreign).ask(None).is_some());
        let cross = event(|event| event["headers"]["sec-fetch-site"] = json!("cross-site"));
        assert!(cross.ask(None).is_none());
    }

    #[test]
    fn only_cloudfront_knows_the_secret() {
        for wrong in
            [json!("S3cret"), json!("s3cre"), json!("s3cret, s3cret"), json!(""), json!(7), Value::Null]
        {
            let event = event(|event| event["headers"]["x-origin-verify"] = wrong.clone());
            assert!(!event.is_from("s3cret").unwrap(), "{wrong}");
            let error = event.is_from("").unwrap_err();
            assert_eq!(error.qualified_type(), "Environment.NoOriginSecret");
        }
        let nobody = event(|event| event["headers"]["cloudfront-viewer-address"] = Value::Null);
        assert_eq!(nobody.viewer().unwrap_err().qualified_type(), "Environment.NoViewerAddress");
    }

    #[test]
    fn nothing_of_a_request_is_printed() {
        let event = event(|_| ());
        let printed = format!("{event:?} {:?}", event.ask(None));
        for secret in [TOKEN, NONCE, "s3cret", "203.0.113.7"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
