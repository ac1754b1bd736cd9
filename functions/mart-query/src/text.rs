//! Texts that are built in their place, since one of 6 MB must not lie in memory twice.

use serde::ser::Error as _;

/// The JSON object with another member, whose value is JSON, too, and becomes the whole.
pub(crate) fn with_last(mut object: String, name: &str, mut value: String) -> String {
    object.pop();
    if object.len() > 1 {
        object.push(',');
    }
    object.push('"');
    object.push_str(name);
    object.push_str("\":");
    value.insert_str(0, &object);
    value.push('}');
    value
}

/// JSON without white space as the content of a JSON string, with its quotes.
///
/// # Errors
///
/// Never: what stands before a quote or a backslash is whole.
pub(crate) fn quoted(json: String) -> serde_json::Result<String> {
    let escaped = |byte: &u8| matches!(byte, b'"' | b'\\');
    let mut text = json.into_bytes();
    let mut unread = text.len();
    let escapes = text.iter().filter(|byte| escaped(byte)).count();
    text.resize(unread + escapes + 2, b'"');
    // From the end, each run behind a backslash goes to where it belongs. The last place is the closing quote's.
    let mut written = text.len() - 1;
    while let Some(at) = text.get(..unread).and_then(|text| text.iter().rposition(escaped)) {
        written -= unread - at;
        text.copy_within(at..unread, written);
        written -= 1;
        text.iter_mut().skip(written).take(1).for_each(|byte| *byte = b'\\');
        unread = at;
    }
    text.copy_within(..unread, 1);
    text.iter_mut().take(1).for_each(|byte| *byte = b'"');
    String::from_utf8(text).map_err(serde_json::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn a_member_is_added_to_objects_with_and_without_others() {
        assert_eq!(with_last("{}".to_owned(), "a", "[1]".to_owned()), r#"{"a":[1]}"#);
        assert_eq!(with_last(r#"{"b":2}"#.to_owned(), "a", "null".to_owned()), r#"{"b":2,"a":null}"#);
    }

    #[test]
    fn what_has_nothing_to_escape_is_quoted_too() {
        for text in ["", "1", "[[1,null]]", "\"\"", "\\", "\\\"\\"] {
            assert_eq!(quoted(text.to_owned()).unwrap(), serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn nothing_moves_that_has_room() {
        let mut text = String::with_capacity(100);
        text.push_str(&json!([["a", "b"]]).to_string());
        let place = text.as_ptr();
        let whole = with_last(r#"{"statusCode":200}"#.to_owned(), "body", quoted(text).unwrap());
        assert_eq!(whole, r#"{"statusCode":200,"body":"[[\"a\",\"b\"]]"}"#);
        assert_eq!(whole.as_ptr(), place);
    }

    proptest! {
        #[test]
        fn json_is_quoted_as_serde_json_does_it(texts in any::<Vec<String>>()) {
            let text = json!({ "rows": texts }).to_string();
            prop_assert_eq!(quoted(text.clone()).unwrap(), Value::from(text).to_string());
        }
    }
}
