//! Events as they come in: parsed with the path of what does not fit, and without repeating what they contain.

mod trigger;

use std::borrow::Cow;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};
pub use trigger::Trigger;

use crate::error::Error;

/// Deepest path that an error shows, in segments.
const SHOWN_SEGMENTS: usize = 16;
/// Longest key that an error shows, in bytes; AWS's own field names are far shorter.
const SHOWN_KEY: usize = 64;
/// Longest correlation id that is taken from an event, in bytes.
const LONGEST_ID: usize = 128;

/// Parses a JSON payload: a whole event, or the body of a message.
///
/// # Errors
///
/// A permanent `InvalidEvent` that names the JSON path and the kind of problem, never the content: "event does not
/// parse at `detail.findings[0].Id`: expected a string". Keys of unusual length or characters may be content as well
/// and appear as `?`. Nesting deeper than serde_json's limit of 128 is such an error too.
pub fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_slice(payload);
    let parsed = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| (path(error.path()), problem(error.inner())))
        .and_then(|event| json.end().map(|()| event).map_err(|error| (None, problem(&error))));
    parsed.map_err(|(path, problem)| {
        let place = path.map(|path| format!(" at `{path}`")).unwrap_or_default();
        Error::permanent("InvalidEvent", format!("event does not parse{place}: {problem}"))
    })
}

/// The top-level `id` of an event, which is what EventBridge gives every event.
///
/// Skims the payload once without building anything. An id that is longer than 128 bytes or has characters other
/// than letters, digits and `-_.:/` is not EventBridge's and is left out of the logs.
pub fn top_level_id(payload: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }

    let Envelope { id } = serde_json::from_slice(payload).ok()?;
    let fits = !id.is_empty() && id.len() <= LONGEST_ID;
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte));
    (fits && plain).then(|| id.into_owned())
}

fn path(path: &Path) -> Option<String> {
    let mut shown = String::new();
    for (index, segment) in path.iter().enumerate() {
        if index == SHOWN_SEGMENTS {
            shown.push('…');
            break;
        }
        let key = match segment {
            Segment::Seq { index } => {
                shown.push_str(&format!("[{index}]"));
                continue;
            }
            Segment::Map { key } => key,
            // The name of a variant is a value of the event.
            Segment::Enum { .. } => continue,
            Segment::Unknown => "?",
        };
        if !shown.is_empty() {
            shown.push('.');
        }
        let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte));
        shown.push_str(if plain && (1..=SHOWN_KEY).contains(&key.len()) { key } else { "?" });
    }
    (!shown.is_empty()).then_some(shown)
}

/// What is wrong, in words that come from serde, serde_json or the type that was expected, but not from the event.
fn problem(error: &serde_json::Error) -> Cow<'static, str> {
    let message = error.to_string();
    match error.classify() {
        Category::Eof => "it ends too early".into(),
        // Syntax messages are fixed texts with line and column.
        Category::Syntax | Category::Io => message.into(),
        Category::Data => data_problem(&message),
    }
}

/// Serde's own messages quote the offending value, then say what was expected; only the latter is kept. Messages of
/// any other form were written by a type and may quote what they like, so nothing of them is kept.
fn data_problem(message: &str) -> Cow<'static, str> {
    let message = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    if message.starts_with("missing field `") || message.starts_with("duplicate field `") {
        return message.to_owned().into();
    }
    let quotes_a_value =
        ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `", "unknown field `"]
            .iter()
            .any(|start| message.starts_with(start));
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if quotes_a_value => format!("expected {expected}").into(),
        _ => "not an accepted value".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Event {
        #[expect(dead_code, reason = "only parsed")]
        detail: Detail,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Detail {
        findings: Vec<Finding>,
        kind: Option<Kind>,
        #[serde(default)]
        fields: BTreeMap<String, u8>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only parsed")]
    struct Finding {
        id: String,
        #[serde(default)]
        severity: Severity,
    }

    #[derive(Debug, Deserialize)]
    enum Kind {
        A,
        B,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(try_from = "String")]
    struct Severity;

    impl TryFrom<String> for Severity {
        type Error = String;

        fn try_from(text: String) -> Result<Self, String> {
            Err(format!("`{text}` is no severity, expected {text}"))
        }
    }

    fn message(payload: &str) -> String {
        let error = parse::<Event>(payload.as_bytes()).expect_err("does not parse");
        assert_eq!(error.qualified_type(), "Permanent.InvalidEvent");
        error.to_string()
    }

    #[test]
    fn an_error_names_path_and_problem_but_no_content() {
        let cases = [
            (
                r#"{"detail":{"findings":[{"id":["secret"]}]}}"#,
                " at `detail.findings[0].id`: expected a string",
            ),
            (
                r#"{"detail":{"findings":"secret, expected secret"}}"#,
                " at `detail.findings`: expected a sequence",
            ),
            (r#"{"detail":{"findings":[{}]}}"#, " at `detail.findings[0]`: missing field `id`"),
            (r#"{"detail":{"findings":[],"findings":[]}}"#, " at `detail`: duplicate field `findings`"),
            (r#"{"detail":{"findings":[],"kind":"secret"}}"#, " at `detail.kind`: expected `A` or `B`"),
            (
                r#"{"detail":{"findings":[],"my secret":1}}"#,
                " at `detail.?`: expected one of `findings`, `kind`, `fields`",
            ),
            (r#"{"detail":{"findings":[],"fields":{"a.b":300}}}"#, " at `detail.fields.a.b`: expected u8"),
            (r#"{"detail":{"findings":[],"fields":{"a b":300}}}"#, " at `detail.fields.?`: expected u8"),
            (
                r#"{"detail":{"findings":[{"id":"x","severity":"secret"}]}}"#,
                " at `detail.findings[0].severity`: not an accepted value",
            ),
            (r#""secret""#, ": expected struct Event"),
            (r#"{"detail":{"findings":[{"id":"sec"#, " at `detail.findings[0].id`: it ends too early"),
            ("", ": it ends too early"),
            (r#"{"detail":{"findings":[]}} secret"#, ": trailing characters at line 1 column 28"),
            ("secret", ": expected value at line 1 column 1"),
        ];
        for (payload, expected) in cases {
            assert_eq!(message(payload), format!("event does not parse{expected}"), "{payload}");
        }
    }

    #[test]
    fn hostile_events_are_ordinary_errors() {
        let deep = format!("{}{}", r#"{"ignored":"#, "[".repeat(500_000));
        assert_eq!(message(&deep), "event does not parse at `ignored`: it ends too early");

        let huge = format!(r#"{{"detail":"{}"}}"#, "x".repeat(1_000_000));
        assert_eq!(message(&huge), "event does not parse at `detail`: expected struct Detail");

        let key = format!(r#"{{"detail":{{"findings":[],"{}":1}}}}"#, "x".repeat(1_000_000));
        assert!(message(&key).starts_with("event does not parse at `detail.?`: expected one of"));

        let invalid = parse::<Event>(b"{\"detail\":\"\xff\"}").expect_err("not UTF-8");
        assert!(invalid.to_string().starts_with("event does not parse"), "{invalid}");

        let nested = "[".repeat(500_000);
        let error = parse::<serde_json::Value>(nested.as_bytes()).expect_err("too deep");
        assert!(error.to_string().contains("recursion limit exceeded"), "{error}");
        assert!(error.to_string().len() < 200, "{error}");
    }

    #[test]
    fn the_correlation_id_is_a_plain_top_level_id() {
        let cases = [
            (r#"{"id":"7bf73129-1428-4cd3-a780-95db273d1602"}"#.to_owned(), true),
            (r#"{"detail":{"id":"inner"},"id":"arn:aws:x/y"}"#.to_owned(), true),
            (format!(r#"{{"detail":{}{},"id":"a"}}"#, "[".repeat(100_000), "]".repeat(100_000)), true),
            (r#"{"detail":{"id":"inner"}}"#.to_owned(), false),
            (r#"{"id":7}"#.to_owned(), false),
            (r#"{"id":""}"#.to_owned(), false),
            (r#"{"id":"a b"}"#.to_owned(), false),
            (r#"{"id":"a\u0000"}"#.to_owned(), false),
            (format!(r#"{{"id":"{}"}}"#, "x".repeat(129)), false),
            (r#""id""#.to_owned(), false),
            (r#"{"id":"cut"#.to_owned(), false),
        ];
        for (payload, found) in cases {
            assert_eq!(top_level_id(payload.as_bytes()).is_some(), found, "{payload:.80}");
        }
    }
}
