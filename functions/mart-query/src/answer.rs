//! What the function answers.

use std::collections::BTreeMap;

use eventide_clients::redshift_data::Column;
use eventide_kit::error::{Class, Error};
use eventide_kit::sqs::SqsBatchResponse;
use eventide_types::mart::request::{Record, State};
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::text;

/// What the function answers, in the form that the caller's form asks for.
#[derive(Debug)]
pub enum Response {
    /// To an event, a schedule or a direct invocation.
    Direct(Answer),
    /// To an event or a schedule that is not carried out.
    Refused(Refusal),
    /// To a call of the function URL.
    Http(HttpAnswer),
    /// To the queue.
    Batch(SqsBatchResponse),
}

impl Response {
    /// The answer as JSON.
    ///
    /// # Errors
    ///
    /// If it does not serialize.
    pub fn into_json(self) -> serde_json::Result<Box<RawValue>> {
        match self {
            Self::Direct(answer) => RawValue::from_string(answer.into_json()?),
            Self::Refused(refusal) => to_raw_value(&refusal),
            Self::Http(answer) => RawValue::from_string(answer.into_json()?),
            Self::Batch(answer) => to_raw_value(&answer),
        }
    }
}

/// The answer to a request. It serializes without its rows, which [`into_json`](Self::into_json) puts behind the rest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// 200: the rows are here, or delivered. 202: the request is on its way. 422: the warehouse could not run it.
    /// 429: the warehouse has too much to do. 504: it was cancelled, because it took too long to wait for.
    pub status_code: u16,
    /// The request's token: the end of the name of its statement and of its files.
    pub token: String,
    /// Where the request stands.
    pub state: State,
    /// The statement, once Redshift has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_id: Option<String>,
    /// The columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<Header>>,
    /// An array of rows as JSON, each an array of values in the order of the columns.
    #[serde(skip)]
    pub rows: Option<String>,
    /// Where a result lies, or will lie, that is delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Location>,
    /// Why there is no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// A column of the rows.
#[derive(Debug, Serialize)]
pub struct Header {
    /// Its label.
    pub name: String,
    /// Redshift's name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// Where a result lies, or will lie. There is nothing to be got before it is complete.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// The manifest, written when everything else is there.
    pub manifest: String,
    /// A presigned link to the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_url: Option<String>,
    /// The file; an unloaded result has several, which its manifest names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// A presigned link to the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Why there is no result.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// A stable word.
    #[serde(rename = "type")]
    pub kind: String,
    /// For a person.
    pub message: String,
}

/// What is not carried out, and why.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// As through the function URL.
    pub status_code: u16,
    /// Why.
    pub error: Problem,
}

impl From<&Error> for Refusal {
    /// A caller's fault is told in full. What is wrong on our side is in the logs.
    fn from(error: &Error) -> Self {
        let message = match error.class() {
            Class::Permanent => error.to_string(),
            Class::Retryable => "the request can be tried again".to_owned(),
            Class::Environment => "the service is not set up as it should be".to_owned(),
        };
        let error_type = error.error_type().to_owned();
        Self { status_code: status(error), error: Problem { kind: error_type, message } }
    }
}

/// An answer of payload format 2.0. It serializes without its body, which [`into_json`](Self::into_json) puts behind
/// the rest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers.
    pub headers: BTreeMap<&'static str, &'static str>,
    /// JSON without white space.
    #[serde(skip)]
    pub body: String,
}

impl Answer {
    /// How a request stands, without its result.
    pub fn standing(status_code: u16, record: &Record) -> Self {
        Self {
            status_code,
            token: record.token.clone(),
            state: record.state,
            statement_id: record.statement_id.clone(),
            columns: None,
            rows: None,
            result: None,
            error: None,
        }
    }

    /// A request that came to nothing.
    pub fn failed(status_code: u16, record: &Record, kind: &str, message: &str) -> Self {
        let error = Some(Problem { kind: kind.to_owned(), message: message.to_owned() });
        Self { error, ..Self::standing(status_code, record) }
    }

    /// The answer as JSON, built around the rows.
    ///
    /// # Errors
    ///
    /// If it does not serialize.
    pub fn into_json(mut self) -> serde_json::Result<String> {
        let rows = self.rows.take();
        let object = serde_json::to_string(&self)?;
        Ok(match rows {
            Some(rows) => text::with_last(object, "rows", rows),
            None => object,
        })
    }
}

impl From<&Column> for Header {
    fn from(column: &Column) -> Self {
        Self { name: column.name.clone(), type_name: column.type_name.clone() }
    }
}

impl HttpAnswer {
    fn new(status_code: u16, body: String) -> Self {
        let mut headers =
            BTreeMap::from([("content-type", "application/json"), ("cache-control", "no-store")]);
        if matches!(status_code, 429 | 503) {
            headers.insert("retry-after", "60");
        }
        Self { status_code, headers, body }
    }

    fn of(status_code: u16, body: serde_json::Result<String>) -> Self {
        match body {
            Ok(body) => Self::new(status_code, body),
            Err(_) => Self::new(500, json!({ "error": { "type": "Unwritable" } }).to_string()),
        }
    }

    /// The answer as JSON, built around the body.
    ///
    /// # Errors
    ///
    /// If it does not serialize.
    pub fn into_json(self) -> serde_json::Result<String> {
        let object = serde_json::to_string(&self)?;
        Ok(text::with_last(object, "body", text::quoted(self.body)?))
    }
}

impl From<Answer> for HttpAnswer {
    fn from(answer: Answer) -> Self {
        Self::of(answer.status_code, answer.into_json())
    }
}

impl From<&Error> for HttpAnswer {
    fn from(error: &Error) -> Self {
        let refusal = Refusal::from(error);
        Self::of(refusal.status_code, serde_json::to_string(&refusal))
    }
}

fn status(error: &Error) -> u16 {
    match (error.class(), error.error_type()) {
        (Class::Permanent, "UnknownMart" | "UnknownRequest" | "NotFound") => 404,
        (Class::Permanent, "CallerNotAllowed") => 403,
        (Class::Permanent, "MethodNotAllowed") => 405,
        (Class::Permanent, "PayloadMismatch") => 409,
        (Class::Permanent, _) => 400,
        (Class::Retryable, "WarehouseBusy" | "Throttled") => 429,
        (Class::Retryable, _) => 503,
        (Class::Environment, _) => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_caller_are_told_and_ours_are_not() {
        for (error, status, told) in [
            (Error::permanent("UnknownMart", "no mart `x`"), 404, true),
            (Error::permanent("CallerNotAllowed", "no mart `x`"), 403, true),
            (Error::permanent("InvalidParameters", "no mart `x`"), 400, true),
            (Error::permanent("PayloadMismatch", "no mart `x`"), 409, true),
            (Error::retryable("WarehouseBusy", "no mart `x`"), 429, false),
            (Error::retryable("ServerError", "no mart `x`"), 503, false),
            (Error::environment("AccessDenied", "no mart `x`"), 500, false),
        ] {
            let answer = HttpAnswer::from(&error);
            assert_eq!((answer.status_code, answer.body.contains("no mart")), (status, told), "{error:?}");
            assert_eq!(answer.headers.contains_key("retry-after"), matches!(status, 429 | 503));
        }
    }
}
