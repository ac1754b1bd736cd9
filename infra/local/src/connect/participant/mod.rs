//! The Connect Participant Service, which browsers call: no signature, but a token in `X-Amz-Bearer`.
//!
//! As on AWS it may be called from any origin.

mod operations;
mod socket;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get, post};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, HOST,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::refusal::{Outcome, Refusal};
use super::{Connect, route};
use crate::messages::ids;
use crate::messages::input::Input;
use crate::service::Reply;

/// All paths of the service.
pub(super) fn router(connect: Connect) -> Router {
    let operation = |name: &'static str| {
        post(move |State(connect): State<Connect>, headers: HeaderMap, body: Bytes| async move {
            response(match connect.participate(name, &headers, &body) {
                Ok(answer) => Reply::json(200, &answer),
                Err(refusal) => refusal.reply("ValidationException"),
            })
        })
    };
    Router::new()
        .route("/participant/connection", operation("CreateParticipantConnection"))
        .route("/participant/message", operation("SendMessage"))
        .route("/participant/event", operation("SendEvent"))
        .route("/participant/transcript", operation("GetTranscript"))
        .route("/participant/disconnect", operation("DisconnectParticipant"))
        .route("/participant/socket", get(socket::upgrade))
        .route("/participant/{*rest}", any(not_covered))
        .layer(middleware::from_fn(any_origin))
        .with_state(connect)
}

/// A token of a length that is usual on AWS.
pub(super) fn token() -> String {
    let bits: Vec<String> = (0..4).map(|_| ids::uuid()).collect();
    BASE64_URL_SAFE_NO_PAD.encode(bits.concat())
}

async fn not_covered(uri: Uri) -> Response {
    let refusal = Refusal::not_covered(&format!("the Participant Service's {}", uri.path()));
    response(refusal.reply("ValidationException"))
}

/// Lets scripts of any origin ask, and read the error code of an answer.
async fn any_origin(request: Request, next: Next) -> Response {
    let asked = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight { Response::default() } else { next.run(request).await };
    let mut allow = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    allow(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed = "x-amzn-requestid,x-amzn-errortype";
    allow(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    if let Some(asked) = asked.filter(|_| preflight) {
        allow(ACCESS_CONTROL_ALLOW_HEADERS, asked);
        allow(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        allow(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("172800"));
    }
    response
}

fn response(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    if let Ok(id) = HeaderValue::try_from(ids::uuid()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

impl Connect {
    /// Carries out an operation of a participant, unless a failure is in force.
    fn participate(
        &self,
        operation: &'static str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Outcome<serde_json::Value> {
        let failure = self.inner.state().failures.hit(operation);
        if let Some((refusal, false)) = failure {
            return Err(refusal);
        }
        let members = route::object(body)?;
        let bearer = headers.get("x-amz-bearer").and_then(|token| token.to_str().ok()).unwrap_or_default();
        if bearer.is_empty() || bearer.len() > 1_000 {
            return Err(Refusal::access_denied());
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let origin = self.inner.origin().or_else(|| Some(format!("http://{}", host?))).unwrap_or_default();
        let answer = self.inner.operate(operation, bearer, Input::of(&members), &origin);
        self.stir();
        match failure {
            Some((refusal, true)) => answer.and(Err(refusal)),
            _ => answer,
        }
    }
}
