//! The edge: a listener of its own that stands in for Amazon CloudFront and, behind it, for the HTTP APIs of Amazon API
//! Gateway, as deployed templates describe them.
//!
//! A request is for the distribution or the HTTP API that its host header names, else for the distribution that was
//! deployed last. Nothing is cached, and `ViewerProtocolPolicy` does not count: viewers speak HTTP. Objects come from
//! buckets through the gateway, functions are invoked through it, and both are in its journal, as
//! `cloudfront.amazonaws.com` and `apigateway.amazonaws.com`.

mod answer;
mod api;
mod distribution;
#[cfg(test)]
mod forgery;
mod forwarding;
mod key_pairs;
mod keys;
mod pattern;
mod payload;
mod policy;
mod resource;
mod s3;
mod secret;
mod signed;
mod site;
mod throttle;
mod values;
mod viewer;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use eventide_testing::Aws;
use http::header::HOST;
use http::{Method, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::gateway::Settings;
use crate::service::{Clock, Reply};
use answer::Request;
use key_pairs::KeyPairs;
use site::Site;

pub(crate) use api::Event;
pub(crate) use resource::{Kind, Resource};

/// What an HTTP API takes.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The edge.
#[derive(Debug)]
pub struct Edge {
    endpoint: String,
    settings: Settings,
    clock: Clock,
    cloudfront: Aws,
    api_gateway: Aws,
    deployer: Aws,
    /// By stack, the one that was deployed last at the end.
    sites: Mutex<Vec<(String, Arc<Site>)>>,
    keys: KeyPairs,
}

impl Edge {
    /// The edge of the local cloud whose gateway is at `gateway`; its own address is `endpoint`.
    #[must_use]
    pub fn new(gateway: &str, endpoint: String, settings: Settings, clock: Clock) -> Self {
        let aws = Aws::new(gateway).in_region(&settings.region).with_access_key(&settings.account);
        Self {
            endpoint,
            settings,
            clock,
            cloudfront: aws.clone().with_app_id("cloudfront.amazonaws.com"),
            api_gateway: aws.clone().with_app_id("apigateway.amazonaws.com"),
            deployer: aws.with_app_id("eventide-deployer"),
            sites: Mutex::default(),
            keys: KeyPairs::default(),
        }
    }

    /// Where it listens, such as `http://127.0.0.1:4567`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Serves viewers until the process ends. `others` are paths that are not a distribution's.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, others: Router) {
        let router = Router::new().fallback(answer).with_state(self).merge(others);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        if let Err(error) = axum::serve(listener, service).await {
            tracing::warn!(%error, "the edge ended");
        }
    }

    /// Takes in what a stack has at the edge, in the place of what it had.
    ///
    /// # Errors
    /// The resource, and what of it is wrong or not covered.
    pub(crate) fn install(&self, stack: &str, resources: &[Resource]) -> Result<(), String> {
        let site = Site::new(resources, &self.settings.account)?;
        let mut sites = self.lock();
        sites.retain(|(own, _)| own != stack);
        if !resources.is_empty() {
            sites.push((stack.to_owned(), Arc::new(site)));
        }
        Ok(())
    }

    /// Forgets what a stack has at the edge.
    pub(crate) fn remove(&self, stack: &str) {
        self.lock().retain(|(own, _)| own != stack);
    }

    /// Answers a request below `/_local/edge`; `path` is what follows it, without a leading slash.
    pub(crate) async fn control(&self, method: &Method, path: &str, body: Value) -> Reply {
        let changed = match (method.as_str(), path) {
            ("GET", "") => return Reply::json(200, &self.describe()),
            ("GET", "keys") => Ok(self.keys.describe().await),
            ("POST", "keys") => match serde_json::from_value(if body.is_null() { json!({}) } else { body }) {
                Ok(asked) => self.keys.change(&self.deployer, asked).await,
                Err(error) => Err(format!("body: {error}")),
            },
            (method, path) => return Reply::not_covered(&format!("{method} /_local/edge/{path}")),
        };
        match changed {
            Ok(mut keys) => {
                // Where links lead, and where the page finds the participant service.
                if let Some(parameters) = keys.get_mut("parameters").and_then(Value::as_object_mut) {
                    for name in ["LinkOrigin", "ParticipantEndpoint"] {
                        parameters.insert(name.into(), json!(self.endpoint));
                    }
                }
                Reply::json(200, &keys)
            }
            Err(error) => Reply::error(400, "LocalCloudError", &error),
        }
    }

    fn describe(&self) -> Value {
        let sites = self.lock();
        let stacks: serde_json::Map<_, _> =
            sites.iter().map(|(stack, site)| (stack.clone(), site.describe())).collect();
        json!({ "endpoint": self.endpoint, "stacks": stacks })
    }

    fn sites(&self) -> Vec<Arc<Site>> {
        self.lock().iter().map(|(_, site)| Arc::clone(site)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Arc<Site>)>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(
    State(edge): State<Arc<Edge>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: axum::extract::Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return answer::message(413, "Request Entity Too Large").map(Body::from);
        }
        Err(_) => return answer::page(400, "Bad request.").map(Body::from),
    };
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let request = Request {
        host: host.to_ascii_lowercase(),
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
        peer,
    };
    edge.route(request).await.map(Body::from)
}
