use eventide_types::campaign::Channel;
use eventide_types::campaign::keys::Form;
use serde_json::json;

use super::{jsonl, jsonl_with, outgoing, row, settings};
use crate::Messages;

#[test]
fn a_file_is_read() {
    let header = json!({"campaign": {
        "channel": "sms", "text": "Hi {{first}}, {{points}} points",
        "variables": {"first": {"type": "name"}, "points": {"type": "number"}},
    }});
    let first = r#"{"id": "1", "to": "+4915112345678", "variables": {"first": "Zo\u00eb", "points": 120}}"#;
    let second = json!({
        "id": "2", "channel": "email", "to": "ann@example.com", "subject": "S", "html": "<p>x", "text": null,
        "timeZone": "europe/berlin", "variables": {"first": "Ann", "points": "7"},
    });
    let read = jsonl(format!("{header}\n{first}\r\n\n   \n{second}"));
    let messages = read.messages();
    assert_eq!(read.items.len(), 2);
    assert_eq!((messages[0].text.as_deref(), messages[0].line), (Some("Hi Zoë, 120 points"), 2));
    assert_eq!((messages[1].channel, messages[1].line), (Channel::Email, 5));
    assert_eq!(messages[1].text.as_deref(), Some("Hi Ann, 7 points"));
}

#[test]
fn the_header_goes_over_the_sidecar() {
    let given =
        settings(json!({"channel": "sms", "text": "old", "timeZone": "Asia/Tokyo", "start": "paused"}));
    let mut messages = Messages::new(Form::JsonLines, false, given);
    messages.feed(" { \"campaign\" : {\"text\": \"new\"}}\n{\"id\":\"1\",\"to\":\"+4915112345678\"}\n");
    messages.finish();
    assert_eq!(messages.settings().text.as_deref(), Some("old"));
    let item = messages.next_item().unwrap().unwrap();
    let crate::Item::Message(message) = item else { panic!("{item:?}") };
    assert_eq!(message.zone(), Some("Asia/Tokyo"));
    assert_eq!(outgoing(&message, "").text.as_deref(), Some("new"));
    let expected = json!({"channel": "sms", "text": "new", "timeZone": "Asia/Tokyo", "start": "paused"});
    assert_eq!(*messages.settings(), settings(expected));
}

#[test]
fn bad_settings_make_the_file_unusable() {
    for (header, reason) in [
        (r#"{"campaign": {"sendat": 1}}"#, "expected one of"),
        (
            r#"{"campaign": {"testRecipients": "secret@example.com"}}"#,
            "the header's `campaign.testRecipients`: expected a sequence",
        ),
        (r#"{"campaign": {}, "x": 1}"#, "the header: expected `campaign`"),
        (r#"{"campaign": []}"#, "the header: expected a map"),
        (r#"{"campaign": ["sms", "secret"]}"#, "the header: expected a map"),
        (r#"{"campaign": null}"#, "the header: expected a map"),
        (r#"{"campaign": {"text": "Hi {{first"}}"#, "`text`: expected `}}` after each `{{`"),
        (r#"{"campaign": {"timeZone": "Europe/Atlantis"}}"#, "`timeZone`: expected the name of a time zone"),
        (
            r#"{"campaign": {"variables": {"l": {"type": "url", "hosts": ["*.com"]}}}}"#,
            "`variables.l.hosts`: expected",
        ),
        (r#"{"campaign": {"testRecipients": ["ann"]}}"#, "`testRecipients`: expected email addresses"),
        (r#"{"campaign": {"subject": "a\nb"}}"#, "`subject`: expected no control characters"),
        (
            r#"{"campaign": {"sendAt": "2026-12-01T00:00:00Z", "sendUntil": "2026-12-01T00:00:00Z"}}"#,
            "`sendUntil`: expected",
        ),
        (r#"{"campaign": {"#, "the header: not JSON: EOF while parsing"),
    ] {
        let read = jsonl(format!("{header}\n{{}}\n"));
        let (line, told) = read.failure();
        assert!(line == 1 && told.contains(reason) && !told.contains("secret"), "{header}: {told}");
    }
    let read = jsonl_with(json!({"timeZone": "x"}), "{}");
    assert_eq!(read.failure().0, 0);
}

#[test]
fn what_is_not_a_row_is_told_without_its_content() {
    for (line, reason) in [
        ("secret", "not JSON: expected value at character 1"),
        ("[\"secret\"]", "expected an object"),
        ("{\"id\": \"1\"} {}", "not JSON: trailing characters at character 13"),
        ("{\"id\": 7}", "`id`: expected a string"),
        ("{\"to\": \"a\", \"id\": [\"secret\"]}", "`id`: expected a string"),
        ("{\"to\": 4915112345678}", "`to`: expected a string"),
        ("{\"id\": \"1\", \"id\": \"secret\"}", "`id`: expected no member twice"),
        ("{\"id\": \"1\", \"time_zone\": \"secret\"}", "unknown member `time_zone`"),
        (
            "{\"variables\": {\"a b\": \"secret\"}}",
            "`variables`: expected names of a letter or `_`, then at most 63 letters, digits, `_`, `-` or `.`",
        ),
        ("{\"variables\": {\"a\": 1.5}}", "`variables`: expected a string or an integer"),
        ("{\"variables\": {\"a\": \"1\", \"a\": \"2\"}}", "`variables`: expected no variable twice"),
        ("{\"variables\": [\"secret\"]}", "`variables`: expected an object"),
        ("{\"id\": \"\\ud800\"}", "`id`: not JSON: unexpected end of hex escape at character 15"),
    ] {
        let read = jsonl(format!("{line}\n"));
        assert_eq!(read.reason(), reason, "{line}");
    }
}

#[test]
fn zones_are_spelled_as_in_the_database() {
    let given = json!({"timeZone": "america/new_york"});
    let mut messages = Messages::new(Form::JsonLines, false, settings(given));
    let line = |zone: &str| {
        json!({"id": "1", "channel": "sms", "to": "+4915112345678", "text": "T", "timeZone": zone})
            .to_string()
            + "\n"
    };
    messages.feed(line("") + &line("EUROPE/BERLIN") + &line("UTC"));
    messages.finish();
    for zone in ["America/New_York", "Europe/Berlin", "UTC"] {
        let Some(crate::Item::Message(message)) = messages.next_item().unwrap() else { panic!() };
        assert_eq!(message.zone(), Some(zone));
    }
    assert_eq!(
        row(json!({}), json!({"timeZone": "Etc/Unknown"})).reason(),
        "`timeZone`: expected the name of a time zone in the IANA database"
    );
}
