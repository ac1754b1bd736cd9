//! Errors in the shape of each wire protocol.

use bytes::Bytes;
use eventide_testing::xml;
use http::HeaderMap;
use serde_json::{Value, json};

use super::facts::{Facts, Protocol};
use crate::service::Reply;

/// The error that a service answers when it throttles.
pub(super) fn throttled(facts: &Facts) -> Reply {
    let (status, code) = match (facts.protocol, facts.service.as_str()) {
        (Protocol::Json, "dynamodb") => (400, "ProvisionedThroughputExceededException"),
        (Protocol::Json, "sqs") => (403, "RequestThrottled"),
        (Protocol::Json, _) => (400, "ThrottlingException"),
        (Protocol::Query, _) => (400, "Throttling"),
        (Protocol::S3, _) => (503, "SlowDown"),
        (Protocol::RestJson, _) => (429, "TooManyRequestsException"),
    };
    error(facts, status, code, "Rate exceeded")
}

/// An error of that code in the protocol of the call.
pub(super) fn error(facts: &Facts, status: u16, code: &str, message: &str) -> Reply {
    match facts.protocol {
        Protocol::RestJson => Reply::error(status, code, message),
        Protocol::Json => {
            let mut reply = Reply::json(status, &json!({ "__type": code, "message": message }));
            if facts.service == "sqs" {
                // SQS once spoke the query protocol; its SDKs read the old code from here.
                let kind = if status < 500 { "Sender" } else { "Receiver" };
                reply.headers.push(("x-amzn-query-error".into(), format!("{code};{kind}")));
            }
            reply
        }
        Protocol::Query => {
            let kind = if status < 500 { "Sender" } else { "Receiver" };
            let (code, message) = (xml::escape(code), xml::escape(message));
            xml_reply(
                status,
                format!(
                    "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code>\
                     <Message>{message}</Message></Error><RequestId>local</RequestId></ErrorResponse>"
                ),
            )
        }
        Protocol::S3 => {
            let (code, message) = (xml::escape(code), xml::escape(message));
            xml_reply(status, format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
        }
    }
}

fn xml_reply(status: u16, body: String) -> Reply {
    Reply {
        status,
        headers: vec![("content-type".into(), "text/xml".into())],
        body: Bytes::from(format!("<?xml version=\"1.0\"?>\n{body}")),
    }
}

/// The error code of an answer in any protocol; the empty text if it names none.
pub(super) fn error_code(headers: &HeaderMap, body: &[u8]) -> String {
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let from_json = || {
        let body: Value = serde_json::from_slice(body).ok()?;
        let code = body.get("__type").or_else(|| body.get("code"))?;
        code.as_str().map(str::to_owned)
    };
    let from_xml = || xml::value(&String::from_utf8_lossy(body), "Code");
    let code = header.or_else(from_json).or_else(from_xml).unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    code.split(':').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_has_the_services_own_shape_and_code() {
        let cases = [
            ("dynamodb", Protocol::Json, 400, "ProvisionedThroughputExceededException"),
            ("sqs", Protocol::Json, 403, "RequestThrottled"),
            ("kms", Protocol::Json, 400, "ThrottlingException"),
            ("iam", Protocol::Query, 400, "Throttling"),
            ("s3", Protocol::S3, 503, "SlowDown"),
            ("detective", Protocol::RestJson, 429, "TooManyRequestsException"),
        ];
        for (service, protocol, status, code) in cases {
            let facts = Facts { service: service.into(), protocol, ..Facts::default() };
            let reply = throttled(&facts);
            let mut headers = HeaderMap::new();
            if let Some((_, value)) = reply.headers.iter().find(|(name, _)| name == "x-amzn-errortype") {
                headers.insert("x-amzn-errortype", value.parse().unwrap());
            }
            assert_eq!(
                (reply.status, error_code(&headers, &reply.body)),
                (status, code.to_owned()),
                "{service}"
            );
            let is_xml = reply.body.starts_with(b"<?xml");
            assert_eq!(is_xml, matches!(protocol, Protocol::Query | Protocol::S3), "{service}");
        }
    }
}
