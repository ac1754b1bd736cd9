//! What messages of the queue say.

use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::campaign::message::Classify;
use eventide_types::s3::{Created, Message};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a message of the queue says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// An upload's documents are to be classified, or classified on.
    Asked(Classify),
    /// There are new objects in the work bucket.
    Created(Vec<Created>),
}

#[derive(Deserialize)]
struct Body {
    campaign: Option<IgnoredAny>,
}

/// Reads a message.
///
/// # Errors
///
/// `InvalidEvent` if it is none of campaign-screen's, this function's or S3's.
pub(crate) fn news(body: &str) -> Result<News, Error> {
    if parse::<Body>(body.as_bytes())?.campaign.is_some() {
        return parse(body.as_bytes()).map(News::Asked);
    }
    let created = parse::<Message>(body.as_bytes())?.created().map(News::Created);
    created.ok_or_else(|| {
        Error::permanent(
            "InvalidEvent",
            "event does not parse: expected a campaign, or `Object Created` of Amazon S3",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_asks_or_tells_of_objects() {
        let asked = json!({"campaign": "c", "upload": "u"}).to_string();
        let expected = Classify::of("c", "u");
        assert_eq!(news(&asked).unwrap(), News::Asked(expected));
        let created =
            json!({"detail": {"bucket": {"name": "b"}, "object": {"key": "k", "size": 1}}}).to_string();
        assert!(matches!(news(&created).unwrap(), News::Created(objects) if objects[0].key == "k"));
        for bad in ["Ann", "{}", r#"{"campaign": 1}"#, r#"{"campaign": "c", "upload": "u", "x": 1}"#] {
            assert_eq!(news(bad).unwrap_err().error_type(), "InvalidEvent", "{bad}");
        }
    }
}
