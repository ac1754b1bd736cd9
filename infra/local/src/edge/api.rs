//! An HTTP API of Amazon API Gateway: routes, throttling, and Lambda proxy integrations.

use std::collections::BTreeMap;
use std::time::Duration;

use eventide_testing::Aws;
use http::Method;
use serde_json::Value;

use super::answer::{Answer, Request, message};
use super::forwarding::{add_address, insert};
use super::payload;
use super::throttle::Throttle;
use super::values::{number, refuse, text};

/// The longest that an HTTP API waits for its integration.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A route before the API knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The properties of the function's `HttpApi` event.
    pub(crate) properties: Value,
    /// The function's name.
    pub(crate) function: String,
}

/// An HTTP API.
#[derive(Debug)]
pub(super) struct HttpApi {
    pub(super) id: String,
    pub(super) domain: String,
    account: String,
    routes: Vec<Route>,
    /// For each route, for lack of one of its own.
    throttles: BTreeMap<String, Throttle>,
}

#[derive(Debug)]
struct Route {
    key: String,
    /// `None` is any.
    method: Option<String>,
    /// `None` is `$default`.
    path: Option<Vec<Piece>>,
    function: String,
    timeout: Duration,
}

/// A piece of a route's path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Variable(String),
    /// Everything from here on, at least one piece.
    Greedy(String),
}

impl HttpApi {
    /// Reads an `AWS::Serverless::HttpApi` with the events that name it.
    pub(super) fn parse(
        id: &str,
        (account, domain): (&str, &str),
        properties: &Value,
        events: &[Event],
    ) -> Result<Self, String> {
        let members =
            ["Auth", "CorsConfiguration", "DefinitionBody", "DefinitionUri", "Domain", "StageVariables"];
        refuse(properties, "an HTTP API", &members)?;
        if let Some(stage) = text(properties, "StageName").filter(|stage| *stage != "$default") {
            return Err(format!("stage `{stage}`, expected `$default`"));
        }
        let routes: Vec<Route> = events.iter().map(Route::parse).collect::<Result<_, _>>()?;
        let mut throttles = BTreeMap::new();
        for route in &routes {
            let all = properties.get("DefaultRouteSettings");
            let own = properties.get("RouteSettings").and_then(|settings| settings.get(&route.key));
            let settings = own.or(all).unwrap_or(&Value::Null);
            if let Some(throttle) = Throttle::parse(settings)? {
                throttles.insert(route.key.clone(), throttle);
            }
        }
        Ok(Self { id: id.into(), domain: domain.into(), account: account.into(), routes, throttles })
    }

    /// The route keys, such as `POST /api/redeem`.
    pub(super) fn route_keys(&self) -> Vec<&str> {
        self.routes.iter().map(|route| route.key.as_str()).collect()
    }

    /// Answers a request whose host header is the API's own.
    pub(super) async fn answer(&self, aws: &Aws, mut request: Request) -> Answer {
        if request.host != self.domain {
            return message(403, "Forbidden");
        }
        let Some((route, variables)) = self.find(&request.method, &request.path) else {
            return message(404, "Not Found");
        };
        if self.throttles.get(&route.key).is_some_and(|throttle| !throttle.take()) {
            return message(429, "Too Many Requests");
        }
        add_address(&mut request.headers, request.peer.ip());
        let seen = payload::Seen { account: &self.account, api: &self.id, domain: &self.domain };
        let (event, id) = payload::event(&request, &route.key, &variables, seen);
        let mut answer = route.invoke(aws, &event).await;
        insert(answer.headers_mut(), "apigw-requestid", &id);
        answer
    }

    /// The most specific route: literal before variable before greedy before `$default`, its method before any.
    fn find(&self, method: &Method, path: &str) -> Option<(&Route, BTreeMap<String, String>)> {
        let candidates = self
            .routes
            .iter()
            .filter(|route| route.method.as_deref().is_none_or(|own| own == method.as_str()));
        let matching = candidates.filter_map(|route| Some((route, route.variables(path)?)));
        matching.max_by_key(|(route, _)| (route.specificity(), route.method.is_some()))
    }
}

impl Route {
    fn parse(event: &Event) -> Result<Self, String> {
        let Event { properties, function } = event;
        refuse(properties, "an HttpApi event", &["Auth", "RouteSettings"])?;
        if let Some(version) = text(properties, "PayloadFormatVersion").filter(|version| *version != "2.0") {
            return Err(format!("payload format `{version}`, expected `2.0`"));
        }
        let timeout = number(properties, "TimeoutInMillis")?
            .map_or(TIMEOUT, |ms| Duration::from_secs_f64((ms / 1_000.0).clamp(0.05, 30.0)));
        let function = function.clone();
        let (method, path) = (text(properties, "Method"), text(properties, "Path"));
        let Some(path) = path.filter(|path| *path != "$default") else {
            return Ok(Self { key: "$default".into(), method: None, path: None, function, timeout });
        };
        let method = method.unwrap_or("ANY").to_ascii_uppercase();
        let method =
            if method == "*" || method == "X-AMAZON-APIGATEWAY-ANY-METHOD" { "ANY".into() } else { method };
        Ok(Self {
            key: format!("{method} {path}"),
            method: Some(method).filter(|method| method != "ANY"),
            path: Some(pieces(path).map(Piece::parse).collect()),
            function,
            timeout,
        })
    }

    fn specificity(&self) -> Vec<u8> {
        let ranks = self.path.iter().flatten().map(|piece| match piece {
            Piece::Literal(_) => 3,
            Piece::Variable(_) => 2,
            Piece::Greedy(_) => 1,
        });
        ranks.collect()
    }

    /// What the path's variables stand for, if the path is this route's.
    fn variables(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let mut variables = BTreeMap::new();
        let Some(own) = &self.path else { return Some(variables) };
        let given: Vec<&str> = pieces(path).collect();
        for (index, piece) in own.iter().enumerate() {
            let text = given.get(index);
            match (piece, text) {
                (Piece::Literal(literal), Some(text)) if literal == text => {}
                (Piece::Variable(name), Some(text)) if !text.is_empty() => {
                    variables.insert(name.clone(), (*text).to_owned());
                }
                (Piece::Greedy(name), Some(text)) if !text.is_empty() => {
                    let rest = given.get(index..).unwrap_or_default().join("/");
                    variables.insert(name.clone(), rest);
                    return Some(variables);
                }
                _ => return None,
            }
        }
        (given.len() == own.len()).then_some(variables)
    }

    async fn invoke(&self, aws: &Aws, event: &Value) -> Answer {
        let path = format!("/2015-03-31/functions/{}/invocations", self.function);
        let headers = [("content-type", "application/json")];
        let invoked = aws.send("lambda", Method::POST, &path, &headers, event.to_string().into());
        match tokio::time::timeout(self.timeout, invoked).await {
            Err(_) => message(503, "Service Unavailable"),
            Ok(Ok(answer)) if answer.header("x-amz-function-error").is_some() => {
                message(500, "Internal Server Error")
            }
            Ok(Ok(answer)) if answer.status == 200 => {
                payload::answer(&answer.body).unwrap_or_else(|| message(500, "Internal Server Error"))
            }
            // The function is throttled, or is not there.
            Ok(Ok(answer)) if answer.status == 429 => message(503, "Service Unavailable"),
            Ok(_) => message(500, "Internal Server Error"),
        }
    }
}

fn pieces(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

impl Piece {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            None => Self::Literal(text.to_owned()),
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Greedy(name.to_owned()),
                None => Self::Variable(name.to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn api(routes: &[(&str, &str)]) -> HttpApi {
        let events: Vec<_> = routes
            .iter()
            .map(|(method, path)| Event {
                properties: json!({ "Method": method, "Path": path }),
                function: format!("{method} {path}"),
            })
            .collect();
        HttpApi::parse("abc", ("111122223333", "abc.example"), &json!({}), &events).unwrap()
    }

    #[test]
    fn the_most_specific_route_is_taken() {
        let api = api(&[
            ("POST", "/api/redeem"),
            ("ANY", "/api/redeem"),
            ("GET", "/items/{id}"),
            ("get", "/items/new"),
            ("ANY", "/items/{proxy+}"),
            ("GET", "/"),
        ]);
        let cases = [
            ("POST", "/api/redeem", Some("POST /api/redeem")),
            ("GET", "/api/redeem", Some("ANY /api/redeem")),
            ("POST", "/api/redeem/", None),
            ("POST", "/api", None),
            ("GET", "/items/7", Some("GET /items/{id}")),
            ("GET", "/items/new", Some("GET /items/new")),
            ("GET", "/items/7/8", Some("ANY /items/{proxy+}")),
            ("DELETE", "/items/7", Some("ANY /items/{proxy+}")),
            ("GET", "/items/", None),
            ("GET", "/", Some("GET /")),
        ];
        for (method, path, expected) in cases {
            let found = api.find(&method.parse().unwrap(), path);
            assert_eq!(found.map(|(route, _)| route.key.as_str()), expected, "{method} {path}");
        }
        let (_, variables) = api.find(&Method::GET, "/items/7/8").unwrap();
        assert_eq!(variables["proxy"], "7/8");
        let any = self::api(&[("ANY", "$default"), ("GET", "/a")]);
        assert_eq!(any.find(&Method::PUT, "/x/y").map(|(route, _)| route.key.as_str()), Some("$default"));
    }

    #[test]
    fn what_is_not_covered_is_refused() {
        let event = |properties: Value| [Event { properties, function: "f".into() }];
        let parse = |properties: Value, event: &[Event]| {
            HttpApi::parse("abc", ("111122223333", "abc.example"), &properties, event)
        };
        let plain = event(json!({ "Method": "GET", "Path": "/" }));
        for (properties, event) in [
            (json!({ "Auth": { "EnableIamAuthorizer": true } }), &plain),
            (json!({ "CorsConfiguration": true }), &plain),
            (json!({ "StageName": "prod" }), &plain),
            (json!({}), &event(json!({ "Method": "GET", "Path": "/", "PayloadFormatVersion": "1.0" }))),
        ] {
            assert!(parse(properties.clone(), event).is_err(), "{properties}");
        }
    }
}
