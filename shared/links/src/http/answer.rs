//! What the page is answered.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// A response of payload format 2.0, which nobody keeps and no other page can make use of.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers.
    pub headers: BTreeMap<&'static str, String>,
    /// JSON.
    pub body: String,
}

impl fmt::Debug for Answer {
    /// Without the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status_code", &self.status_code).finish_non_exhaustive()
    }
}

/// Why the page does not get what it asked for. There are no more words than the page needs to know what to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// 400: no request of our page, or one that did not come through CloudFront.
    InvalidRequest,
    /// 409: the link has not expired yet.
    NotExpired,
    /// 410: the link has expired before anybody made use of it.
    Expired,
    /// 410: there is no such link, or it was used or revoked.
    Unavailable,
    /// 429: too much was asked from this address; again after so many seconds.
    TooManyRequests(u64),
    /// 503: not now; again after so many seconds.
    Busy(u64),
}

impl Problem {
    const fn status_code(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::NotExpired => 409,
            Self::Expired | Self::Unavailable => 410,
            Self::TooManyRequests(_) => 429,
            Self::Busy(_) => 503,
        }
    }

    /// The word in the answer's body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::NotExpired => "not_expired",
            Self::Expired => "expired",
            Self::Unavailable => "unavailable",
            Self::TooManyRequests(_) => "too_many_requests",
            Self::Busy(_) => "busy",
        }
    }
}

impl Answer {
    /// An answer with this JSON.
    pub fn new(status_code: u16, body: String) -> Self {
        let headers = [
            ("cache-control", "no-store"),
            ("content-type", "application/json"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ];
        let headers = headers.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self { status_code, headers, body }
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let mut answer = Self::new(problem.status_code(), format!(r#"{{"error":"{}"}}"#, problem.as_str()));
        if let Problem::TooManyRequests(seconds) | Problem::Busy(seconds) = problem {
            answer.headers.insert("retry-after", seconds.to_string());
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn problems_have_a_status_that_cloudfront_leaves_alone() {
        for (problem, status, word, retry_after) in [
            (Problem::InvalidRequest, 400, "invalid_request", None),
            (Problem::NotExpired, 409, "not_expired", None),
            (Problem::Expired, 410, "expired", None),
            (Problem::Unavailable, 410, "unavailable", None),
            (Problem::TooManyRequests(42), 429, "too_many_requests", Some("42")),
            (Problem::Busy(3), 503, "busy", Some("3")),
        ] {
            let answer = serde_json::to_value(Answer::from(problem)).unwrap();
            let mut headers = json!({
                "cache-control": "no-store", "content-type": "application/json",
                "referrer-policy": "no-referrer", "x-content-type-options": "nosniff",
            });
            if let Some(seconds) = retry_after {
                headers["retry-after"] = json!(seconds);
            }
            let body = json!({ "error": word }).to_string();
            assert_eq!(answer, json!({ "statusCode": status, "headers": headers, "body": body }));
            assert!(![403, 404].contains(&status), "CloudFront would answer in its place");
        }
    }

    #[test]
    fn the_body_is_not_printed() {
        let printed = format!("{:?}", Answer::new(200, r#"{"participantToken":"t0ken"}"#.to_owned()));
        assert_eq!(printed, "Answer { status_code: 200, .. }");
    }
}
