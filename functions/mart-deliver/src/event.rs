//! What messages of the queue say.

use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::mart::message::Delivery;
use eventide_types::mart::statement::{StatementName, StatusChange};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a message of the queue is about.
#[derive(PartialEq, Eq)]
pub(crate) struct Message {
    /// The request's token.
    pub(crate) token: String,
    /// What is known of it.
    pub(crate) news: News,
}

/// What a message says of a request.
#[derive(PartialEq, Eq)]
pub(crate) enum News {
    /// The event of the end of its statement.
    Ended {
        /// The statement.
        statement_id: String,
    },
    /// Its result is to be delivered: mart-query hands it over, or the sweep found it.
    HandedOver,
    /// mart-query could not submit it.
    GivenUp {
        /// A stable name of the kind of failure.
        error_class: String,
        /// What went wrong.
        reason: String,
    },
}

/// The member that only events have.
#[derive(Deserialize)]
struct Body {
    detail: Option<IgnoredAny>,
}

/// Reads a message: the event of a statement's end, or what mart-query or the sweep say of a request.
///
/// # Errors
///
/// `InvalidEvent` if it is neither, or the statement is none that answers a request.
pub(crate) fn message(body: &str) -> Result<Message, Error> {
    let Body { detail } = parse(body.as_bytes())?;
    if detail.is_none() {
        let Delivery { token, error_class, reason } = parse(body.as_bytes())?;
        let given_up = error_class.map(|error_class| News::GivenUp { error_class, reason });
        return Ok(Message { token, news: given_up.unwrap_or(News::HandedOver) });
    }
    let ended: StatusChange = parse(body.as_bytes())?;
    match ended.detail.name() {
        Some(StatementName::Query { token, .. }) => {
            Ok(Message { token, news: News::Ended { statement_id: ended.detail.statement_id } })
        }
        _ => Err(Error::permanent(
            "InvalidEvent",
            "the statement's name is none of mart-query's, expected `eventide/query/<mart>/<token>`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_is_the_event_of_an_end_or_of_our_own_making() {
        let ended = json!({"token": "x", "detail": {
            "statementId": "s-1", "statementName": "eventide/query/rates/4f1c", "state": "FINISHED"}});
        let statement_id = "s-1".to_owned();
        let (error_class, reason) = ("Validation".to_owned(), "no such database".to_owned());
        for (body, token, news) in [
            (ended, "4f1c", News::Ended { statement_id }),
            (json!({"token": "4f1c"}), "4f1c", News::HandedOver),
            (
                json!({"token": "4f1c", "errorClass": "Validation", "reason": "no such database"}),
                "4f1c",
                News::GivenUp { error_class, reason },
            ),
        ] {
            let read = message(&body.to_string()).unwrap();
            assert!(read == Message { token: token.to_owned(), news }, "{body}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_place() {
        let named = |name: &str, state: &str| {
            json!({"detail": {"statementId": "s", "statementName": name, "state": state}}).to_string()
        };
        for (body, expected) in [
            ("Ann".to_owned(), "event does not parse: expected value at line 1 column 1"),
            ("{}".to_owned(), "event does not parse: missing field `token`"),
            (json!({"token": 7}).to_string(), "event does not parse at `token`: expected a string"),
            (
                json!({"detail": {"state": "FINISHED"}}).to_string(),
                "event does not parse at `detail`: missing field `statementId`",
            ),
            (
                named("eventide/query/m/t", "STARTED"),
                "event does not parse at `detail.state`: expected one of `FINISHED`, `FAILED`, `ABORTED`",
            ),
            (
                named("eventide/deploy/m/s/t", "FINISHED"),
                "the statement's name is none of mart-query's, expected `eventide/query/<mart>/<token>`",
            ),
        ] {
            let error = message(&body).map(drop).unwrap_err();
            assert_eq!(error.qualified_type(), "Permanent.InvalidEvent", "{body}");
            assert_eq!(error.to_string(), expected, "{body}");
        }
    }
}
