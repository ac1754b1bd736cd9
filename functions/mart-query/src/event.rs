//! The forms in which a request arrives.
//!
//! | form | told by | who calls |
//! |---|---|---|
//! | direct invocation | a [`Request`] at the top level | `invoke` |
//! | event of a bus | `detail-type` and `detail` | `events:<source>` |
//! | schedule | the same, from `aws.scheduler` or `aws.events` | `schedule` |
//! | function URL | `requestContext` | the ARN of the IAM identity |
//! | queue | `Records` | whoever asked first |
//!
//! A schedule gives a [`Request`] in the form of an event, so that each of its runs has an id of its own. As the input of
//! an EventBridge Scheduler schedule, which fills the placeholders in:
//!
//! ```json
//! {
//!   "source": "aws.scheduler", "detail-type": "Data Mart Requested",
//!   "id": "<aws.scheduler.execution-id>", "detail": { "mart": "rate_changes_by_department_year" }
//! }
//! ```
//!
//! Sources: Lambda developer guide (payload format 2.0 of function URLs, SQS events); EventBridge user guide (events);
//! EventBridge Scheduler user guide (context attributes).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use eventide_kit::error::Error;
use eventide_kit::event::parse;
use eventide_kit::sqs::SqsEvent;
use eventide_types::mart::request::Request;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Whatever the function may be invoked with; see [`read`].
pub type Event = Box<RawValue>;

/// The longest `requestId` of a request.
const MAX_REQUEST_ID: usize = 128;

/// An event that was understood.
#[derive(Debug)]
pub enum Trigger {
    /// Somebody asks for a mart by direct invocation.
    Asked(Box<Asked>),
    /// An event or a schedule asks for a mart, and nobody reads the answer.
    Event(Box<Asked>),
    /// Somebody asks through the function URL; a fault of theirs is an answer, too.
    Http(Result<Call, Error>),
    /// Requests that Redshift had no room for.
    Queue(SqsEvent),
}

/// What a call of the function URL is for.
#[derive(Debug, PartialEq)]
pub enum Call {
    /// `POST /`: a request.
    Ask(Box<Asked>),
    /// `GET /<token>`: where a request stands.
    Look {
        /// The request's token.
        token: String,
        /// Who wants to know.
        caller: String,
    },
}

/// A request and who makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What is asked for.
    pub request: Request,
    /// Who asks, in the words of a definition's `callers`.
    pub caller: String,
    /// What tells this request from an equal one: the same in every delivery of it.
    pub origin: String,
}

/// The members that tell the forms apart.
#[derive(Deserialize)]
struct Form {
    #[serde(rename = "Records")]
    records: Option<IgnoredAny>,
    #[serde(rename = "requestContext")]
    request_context: Option<IgnoredAny>,
    #[serde(rename = "detail-type")]
    detail_type: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct BusEvent {
    source: String,
    id: String,
    detail: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpEvent {
    request_context: HttpContext,
    raw_path: String,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpContext {
    request_id: String,
    http: Http,
    authorizer: Option<Authorizer>,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

#[derive(Deserialize)]
struct Authorizer {
    iam: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    user_arn: Option<String>,
}

/// Reads an event in whichever form it has. `invocation_id` tells direct invocations apart; Lambda's retries of
/// an asynchronous one have the same.
///
/// # Errors
///
/// `InvalidEvent` with the path of what does not fit.
pub fn read(event: &RawValue, invocation_id: &str) -> Result<Trigger, Error> {
    let payload = event.get().as_bytes();
    let form: Form = parse(payload)?;
    if form.records.is_some() {
        return parse(payload).map(Trigger::Queue);
    }
    if form.request_context.is_some() {
        return Ok(Trigger::Http(parse(payload).and_then(call)));
    }
    if form.detail_type.is_some() {
        let event: BusEvent = parse(payload)?;
        let caller = match event.source.as_str() {
            "aws.scheduler" | "aws.events" => "schedule".to_owned(),
            source => format!("events:{source}"),
        };
        return asked(event.detail, caller, &event.id).map(|asked| Trigger::Event(Box::new(asked)));
    }
    let asked = asked(parse(payload)?, "invoke".to_owned(), invocation_id)?;
    Ok(Trigger::Asked(Box::new(asked)))
}

fn call(event: HttpEvent) -> Result<Call, Error> {
    let caller = event.request_context.authorizer.and_then(|authorizer| authorizer.iam?.user_arn);
    let caller = caller.map(|arn| role_of(&arn)).ok_or_else(|| {
        Error::permanent(
            "CallerNotAllowed",
            "the call names no IAM identity, expected a function URL with IAM authorization",
        )
    })?;
    match (event.request_context.http.method.as_str(), event.raw_path.trim_matches('/')) {
        ("POST", "") => {
            let body = event.body.unwrap_or_default();
            let body = if event.is_base64_encoded {
                BASE64_STANDARD
                    .decode(body)
                    .map_err(|_fault| Error::permanent("InvalidEvent", "the body is not Base64"))?
            } else {
                body.into_bytes()
            };
            let asked = asked(parse(&body)?, caller, &event.request_context.request_id)?;
            Ok(Call::Ask(Box::new(asked)))
        }
        ("GET", token) if is_token(token) => Ok(Call::Look { token: token.to_owned(), caller }),
        ("GET", _) => Err(Error::permanent("UnknownRequest", "expected `GET /<token of a request>`")),
        (_, "") => {
            Err(Error::permanent("MethodNotAllowed", "expected `POST /` or `GET /<token of a request>`"))
        }
        _ => Err(Error::permanent("NotFound", "expected `POST /` or `GET /<token of a request>`")),
    }
}

fn asked(request: Request, caller: String, delivery: &str) -> Result<Asked, Error> {
    let origin = match &request.request_id {
        Some(id) if is_request_id(id) => format!("request {id}"),
        Some(_) => {
            return Err(Error::permanent(
                "InvalidEvent",
                "event does not parse at `requestId`: expected 1 to 128 printable ASCII characters",
            ));
        }
        None => format!("delivery {delivery}"),
    };
    Ok(Asked { request, caller, origin })
}

fn is_request_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_REQUEST_ID && id.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn is_token(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The role of a session, since the session's name is the caller's to choose:
/// `arn:aws:sts::1:assumed-role/R/session` is `arn:aws:iam::1:role/R`. Other ARNs stay. The session's ARN lacks the role's
/// path, so definitions name roles without it.
fn role_of(arn: &str) -> String {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(partition), Some("sts"), Some(_), Some(account), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return arn.to_owned();
    };
    match resource.strip_prefix("assumed-role/").and_then(|session| session.split_once('/')) {
        Some((role, _)) => format!("arn:{partition}:iam::{account}:role/{role}"),
        None => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn raw(event: &Value) -> Event {
        serde_json::value::to_raw_value(event).unwrap()
    }

    fn http(method: &str, path: &str, body: Option<&str>, arn: Option<&str>) -> Value {
        json!({
            "version": "2.0", "rawPath": path, "body": body, "isBase64Encoded": false,
            "requestContext": {
                "requestId": "r-1", "http": { "method": method },
                "authorizer": arn.map(|arn| json!({ "iam": { "userArn": arn } })),
            },
        })
    }

    #[test]
    fn each_form_says_who_asks_and_what_tells_it_apart() {
        let session = "arn:aws:sts::111122223333:assumed-role/Analyst/ann";
        let encoded = {
            let mut event = http("POST", "/", Some("eyJtYXJ0IjoibSJ9"), Some(session));
            event["isBase64Encoded"] = json!(true);
            event
        };
        for (event, caller, origin) in [
            (json!({"mart": "m"}), "invoke", "delivery i-1"),
            (json!({"mart": "m", "requestId": "monday"}), "invoke", "request monday"),
            (
                json!({"source": "shop", "detail-type": "Data Mart Requested", "id": "e-1", "detail": {"mart": "m"}}),
                "events:shop",
                "delivery e-1",
            ),
            (
                json!({"source": "aws.scheduler", "detail-type": "x", "id": "s-1", "detail": {"mart": "m"}}),
                "schedule",
                "delivery s-1",
            ),
            (
                http("POST", "/", Some(r#"{"mart":"m"}"#), Some(session)),
                "arn:aws:iam::111122223333:role/Analyst",
                "delivery r-1",
            ),
            (encoded, "arn:aws:iam::111122223333:role/Analyst", "delivery r-1"),
            (
                http("POST", "/", Some(r#"{"mart":"m"}"#), Some("arn:aws:iam::111122223333:user/team/ann")),
                "arn:aws:iam::111122223333:user/team/ann",
                "delivery r-1",
            ),
        ] {
            let asked = match read(&raw(&event), "i-1").unwrap() {
                Trigger::Asked(asked) | Trigger::Event(asked) => asked,
                Trigger::Http(Ok(Call::Ask(asked))) => asked,
                other => panic!("{other:?}"),
            };
            assert_eq!(
                (asked.request.mart.as_str(), asked.caller.as_str(), asked.origin.as_str()),
                ("m", caller, origin)
            );
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_place() {
        for (event, expected) in [
            (json!({}), "event does not parse"),
            (json!({"mart": 7}), "event does not parse at `mart`"),
            (json!({"mart": "m", "sql": "DROP"}), "event does not parse"),
            (json!({"mart": "m", "requestId": ""}), "event does not parse at `requestId`"),
            (json!({"mart": "m", "requestId": "é"}), "event does not parse at `requestId`"),
            (
                json!({"detail-type": "x", "id": "e", "source": "s", "detail": {}}),
                "event does not parse at `detail`",
            ),
            (json!([]), "event does not parse"),
        ] {
            let error = read(&raw(&event), "i").unwrap_err();
            assert!(error.to_string().starts_with(expected), "{event}: {error}");
        }
    }

    #[test]
    fn calls_of_the_url_are_for_something() {
        let user = Some("arn:aws:iam::111122223333:user/ann");
        let token = "a".repeat(64);
        for (event, expected) in [
            (http("POST", "/", Some("{}"), user), "Permanent.InvalidEvent"),
            (http("POST", "/", None, user), "Permanent.InvalidEvent"),
            (http("POST", "/", Some(r#"{"mart":"m"}"#), None), "Permanent.CallerNotAllowed"),
            (http("DELETE", "/", None, user), "Permanent.MethodNotAllowed"),
            (http("GET", "/", None, user), "Permanent.UnknownRequest"),
            (http("POST", "/x", None, user), "Permanent.NotFound"),
        ] {
            let Trigger::Http(Err(error)) = read(&raw(&event), "i").unwrap() else { panic!("{event}") };
            assert_eq!(error.qualified_type(), expected, "{event}");
        }
        let look = read(&raw(&http("GET", &format!("/{token}"), None, user)), "i").unwrap();
        assert!(matches!(look, Trigger::Http(Ok(Call::Look { token: seen, .. })) if seen == token));
    }
}
