//! What a behaviour's cache policy and origin request policy let through to an origin.

use std::net::IpAddr;

use http::header::{HOST, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::answer::{Request, is_of_connection};
use super::values::{list, refuse, required};

/// Headers that custom origins get without any policy naming them (Developer Guide, "HTTP request headers and CloudFront
/// behavior").
const ALWAYS: [&str; 9] = [
    "content-encoding",
    "content-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "x-forwarded-for",
];
/// The headers of CloudFront's own that are made here.
const MADE: [&str; 3] =
    ["cloudfront-forwarded-proto", "cloudfront-viewer-address", "cloudfront-viewer-http-version"];

/// AWS's managed policies by id: header, cookie and query string behaviours, then the headers that the first speaks of.
const MANAGED: [(&str, &str, &str, &str, &[&str]); 9] = [
    // CachingDisabled, CachingOptimized
    ("4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "none", "none", "none", &[]),
    ("658327ea-f89d-4fab-a63d-7e88639e58f6", "none", "none", "none", &[]),
    // UseOriginCacheControlHeaders, and -QueryStrings
    ("83da9c7e-98b4-4e11-a168-04f0df8e2c65", "whitelist", "all", "none", &["host", "origin"]),
    ("4cc15a8a-d715-48a4-82b8-cc0b614638fe", "whitelist", "all", "all", &["host", "origin"]),
    // AllViewer, AllViewerExceptHostHeader, AllViewerAndCloudFrontHeaders-2022-06
    ("216adef6-5c7f-47e4-b989-5492eafa07d3", "allViewer", "all", "all", &[]),
    ("b689b0a8-53d0-40ab-baf2-68738e2966ac", "allExcept", "all", "all", &["host"]),
    ("33f36d7e-f396-46d9-90e0-52428a34d9dc", "allViewerAndWhitelistCloudFront", "all", "all", &MADE),
    // CORS-S3Origin, CORS-CustomOrigin
    ("88a5eaf4-2fd4-4709-b370-b4c650ea3fcf", "whitelist", "none", "none", &["origin"]),
    ("59781a5b-3903-41f3-afcb-af62929ccde1", "whitelist", "none", "none", &["origin"]),
];

/// Some of what a request has.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pick {
    Nothing,
    Everything,
    Only(Vec<String>),
    But(Vec<String>),
}

impl Pick {
    fn parse(behaviour: &str, names: Vec<String>) -> Result<Self, String> {
        Ok(match behaviour {
            "none" => Self::Nothing,
            "all" => Self::Everything,
            "whitelist" => Self::Only(names),
            "allExcept" => Self::But(names),
            other => {
                return Err(format!(
                    "behaviour `{other}`, expected `none`, `whitelist`, `allExcept` or `all`"
                ));
            }
        })
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Only(names) => names.iter().any(|own| own == name),
            Self::But(names) => names.iter().all(|own| own != name),
        }
    }
}

/// What one policy lets through.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    headers: Pick,
    /// Of CloudFront's own headers, those that it adds.
    made: Vec<String>,
    cookies: Pick,
    queries: Pick,
}

impl Policy {
    /// The managed policy of that id.
    pub(super) fn managed(id: &str) -> Option<Result<Self, String>> {
        let (_, headers, cookies, queries, names) = MANAGED.iter().find(|(own, ..)| *own == id)?;
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Some(Self::new(headers, names, (cookies, Vec::new()), (queries, Vec::new())))
    }

    /// An origin request policy, from its `OriginRequestPolicyConfig`.
    pub(super) fn of_origin_request(config: &Value) -> Result<Self, String> {
        Self::read(config)
    }

    /// A cache policy, from its `CachePolicyConfig`: what is in the cache key goes to the origin, too.
    pub(super) fn of_cache(config: &Value) -> Result<Self, String> {
        let key = config.get("ParametersInCacheKeyAndForwardedToOrigin");
        Self::read(key.ok_or("no `ParametersInCacheKeyAndForwardedToOrigin`")?)
    }

    fn read(config: &Value) -> Result<Self, String> {
        let part = |name: &str| config.get(name).ok_or_else(|| format!("no `{name}`"));
        let (headers, cookies, queries) =
            (part("HeadersConfig")?, part("CookiesConfig")?, part("QueryStringsConfig")?);
        let names = list(headers, "Headers").into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Self::new(
            required(headers, "HeaderBehavior")?,
            names,
            (required(cookies, "CookieBehavior")?, list(cookies, "Cookies")),
            (required(queries, "QueryStringBehavior")?, list(queries, "QueryStrings")),
        )
    }

    fn new(
        behaviour: &str,
        names: Vec<String>,
        cookies: (&str, Vec<String>),
        queries: (&str, Vec<String>),
    ) -> Result<Self, String> {
        let (own, viewers): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| name.starts_with("cloudfront-"));
        if let Some(name) = own.iter().find(|name| !MADE.contains(&name.as_str())) {
            return Err(format!("the local edge does not make the header `{name}`"));
        }
        let (headers, made) = match behaviour {
            "allViewer" => (Pick::Everything, Vec::new()),
            "allViewerAndWhitelistCloudFront" => (Pick::Everything, own),
            "whitelist" => (Pick::Only(viewers), own),
            behaviour => (Pick::parse(behaviour, viewers)?, Vec::new()),
        };
        let (cookies, queries) = (Pick::parse(cookies.0, cookies.1)?, Pick::parse(queries.0, queries.1)?);
        Ok(Self { headers, made, cookies, queries })
    }
}

/// What a behaviour lets through.
#[derive(Clone, Debug, Default)]
pub(super) struct Forwarding(Vec<Policy>);

impl Forwarding {
    /// The policies of a behaviour that has them.
    pub(super) fn new(policies: Vec<Policy>) -> Self {
        Self(policies)
    }

    /// Refuses the settings that policies have taken the place of.
    pub(super) fn refuse_legacy(behaviour: &Value) -> Result<(), String> {
        refuse(behaviour, "a cache behaviour", &["ForwardedValues"])
    }

    /// The query that an origin gets.
    pub(super) fn query(&self, query: &str) -> String {
        let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
        let passing = parameters.filter(|parameter| {
            let name = parameter.split_once('=').map_or(*parameter, |(name, _)| name);
            self.0.iter().any(|policy| policy.queries.has(name))
        });
        passing.collect::<Vec<_>>().join("&")
    }

    /// The headers that a custom origin of that domain gets.
    pub(super) fn headers(&self, request: &Request, origin: &str, distribution: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let passes = ALWAYS.contains(&name.as_str())
                || self.0.iter().any(|policy| policy.headers.has(name.as_str()));
            // A viewer does not speak for CloudFront; cookies have rules of their own; nothing comes compressed.
            let own = name.as_str().starts_with("cloudfront-") || name.as_str() == "accept-encoding";
            if passes && !own && name != http::header::COOKIE && !is_of_connection(name) {
                headers.append(name, value.clone());
            }
        }
        if let Some(cookies) = self.cookies(&request.headers) {
            insert(&mut headers, "cookie", &cookies);
        }
        for name in self.0.iter().flat_map(|policy| &policy.made) {
            let value = match name.as_str() {
                "cloudfront-viewer-address" => request.peer.to_string(),
                "cloudfront-forwarded-proto" => "http".to_owned(),
                _ => "1.1".to_owned(),
            };
            insert(&mut headers, name, &value);
        }
        if !headers.contains_key(HOST) {
            insert(&mut headers, "host", origin);
        }
        if !headers.contains_key(USER_AGENT) {
            insert(&mut headers, "user-agent", "Amazon CloudFront");
        }
        add_address(&mut headers, request.peer.ip());
        insert(&mut headers, "via", &format!("1.1 {distribution} (CloudFront)"));
        headers
    }

    fn cookies(&self, headers: &HeaderMap) -> Option<String> {
        let all = headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = all.flat_map(|value| value.split(';')).map(str::trim);
        let passing: Vec<_> = pairs
            .filter(|pair| {
                let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
                !pair.is_empty() && self.0.iter().any(|policy| policy.cookies.has(name))
            })
            .collect();
        (!passing.is_empty()).then(|| passing.join("; "))
    }
}

/// Puts the viewer's address behind those that the request came with.
pub(super) fn add_address(headers: &mut HeaderMap, address: IpAddr) {
    let before = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let all = before.map_or_else(|| address.to_string(), |before| format!("{before}, {address}"));
    insert(headers, "x-forwarded-for", &all);
}

/// Sets a header, unless name or value cannot be one.
pub(super) fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;
    use serde_json::json;

    use super::*;

    fn request() -> Request {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "127.0.0.1:4567"),
            ("content-type", "application/json"),
            ("origin", "http://127.0.0.1:4567"),
            ("user-agent", "Browser"),
            ("cookie", "a=1; b=2"),
            ("cloudfront-viewer-address", "203.0.113.9:1"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-own", "1"),
            ("connection", "close"),
        ] {
            insert(&mut headers, name, value);
        }
        Request {
            method: Method::POST,
            host: "127.0.0.1:4567".into(),
            path: "/api/redeem".into(),
            query: "a=1&b=2".into(),
            headers,
            body: Bytes::new(),
            peer: "127.0.0.2:50000".parse().unwrap(),
        }
    }

    fn of(headers: Value, cookies: &str, queries: Value) -> Forwarding {
        let config = json!({
            "HeadersConfig": headers, "CookiesConfig": { "CookieBehavior": cookies }, "QueryStringsConfig": queries,
        });
        Forwarding::new(vec![Policy::of_origin_request(&config).unwrap()])
    }

    #[test]
    fn without_policies_an_origin_gets_what_it_always_gets() {
        let headers = Forwarding::default().headers(&request(), "api.example.com", "d1.cloudfront.net");
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "host", "user-agent", "via", "x-forwarded-for"]);
        assert_eq!(headers["host"], "api.example.com");
        assert_eq!(headers["user-agent"], "Amazon CloudFront");
        assert_eq!(headers["x-forwarded-for"], "203.0.113.9, 127.0.0.2");
        assert_eq!(Forwarding::default().query("a=1&b=2"), "");
    }

    #[test]
    fn policies_name_what_passes() {
        let queries = json!({ "QueryStringBehavior": "whitelist", "QueryStrings": ["b"] });
        let names = ["Origin", "CloudFront-Viewer-Address"];
        let forwarding = of(json!({ "HeaderBehavior": "whitelist", "Headers": names }), "none", queries);
        let headers = forwarding.headers(&request(), "api.example.com", "d");
        assert_eq!(headers["origin"], "http://127.0.0.1:4567");
        assert_eq!(headers["cloudfront-viewer-address"], "127.0.0.2:50000");
        assert_eq!(headers["host"], "api.example.com");
        assert!(!headers.contains_key("x-own") && !headers.contains_key("cookie"), "{headers:?}");
        assert_eq!(forwarding.query("a=1&b=2&c"), "b=2");
    }

    #[test]
    fn all_of_the_viewer_is_with_its_host_unless_that_is_excepted() {
        let all = json!({ "QueryStringBehavior": "all" });
        let forwarding = of(json!({ "HeaderBehavior": "allViewer" }), "all", all.clone());
        let headers = forwarding.headers(&request(), "api.example.com", "d");
        assert_eq!(headers["host"], "127.0.0.1:4567");
        assert_eq!(headers["cookie"], "a=1; b=2");
        assert_eq!(headers["user-agent"], "Browser");
        // What the viewer claims of itself is not CloudFront's.
        assert!(!headers.contains_key("cloudfront-viewer-address") && !headers.contains_key("connection"));
        let id = "b689b0a8-53d0-40ab-baf2-68738e2966ac";
        let forwarding = Forwarding::new(vec![Policy::managed(id).unwrap().unwrap()]);
        let headers = forwarding.headers(&request(), "api.example.com", "d");
        assert_eq!(
            (&headers["host"], &headers["x-own"]),
            (&"api.example.com".parse().unwrap(), &"1".parse().unwrap())
        );
        assert_eq!(forwarding.query("a=1&b"), "a=1&b");
        let country = json!({ "HeaderBehavior": "whitelist", "Headers": ["CloudFront-Viewer-Country"] });
        let config = json!({
            "HeadersConfig": country, "CookiesConfig": { "CookieBehavior": "none" }, "QueryStringsConfig": all,
        });
        assert!(Policy::of_origin_request(&config).unwrap_err().contains("cloudfront-viewer-country"));
    }
}
