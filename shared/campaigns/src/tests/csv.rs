use proptest::prelude::*;
use serde_json::json;

use super::{csv, csv_with};

#[test]
fn a_file_is_read() {
    let read = csv_with(
        json!({"channel": "email", "subject": "For {{first}}"}),
        "id,channel,to,subject,text,html,time_zone,var.first,var:link\r\n\
         1,,ann@example.com,,Hello,,Europe/Berlin,Ann,\r\n\
         \r\n\
         2,sms,+4915112345678,,\"Say \"\"hi\"\",\nplease {{link}}\",,,,https://example.com/a?b=c&d\r\n\
         3,email,bob@example.com,Own,,<a href=\"{{link}}\">{{ first }}</a>,,Bob & co,https://example.com/?a=1&b=2\r\n",
    );
    // A quote in a field that does not begin with one is an error.
    assert_eq!(read.reasons(), [(6, "expected quotes in fields only that begin with one")]);
    let messages = read.messages();
    assert_eq!(messages[0].subject.as_deref(), Some("For Ann"));
    assert_eq!((messages[0].text.as_deref(), messages[0].html.as_deref()), (Some("Hello"), None));
    assert_eq!(messages[1].text.as_deref(), Some("Say \"hi\",\nplease https://example.com/a?b=c&d"));
    assert_eq!((messages[1].subject.as_deref(), messages[1].line), (None, 4));
    assert_eq!(read.rows, 3);
}

#[test]
fn lines_are_counted_where_rows_begin() {
    let head = "id,channel,to,text";
    let sms = |id: &str, text: &str| format!("{id},sms,+4915112345678,{text}");
    for end in ["\n", "\r\n", "\r"] {
        let lines =
            [head, "", &sms("1", "\"a\n\nb\""), &sms("2", "c"), "", "", &sms("3", "d"), "x", &sms("4", "e")];
        let file = lines.join(end).replace("a\n\nb", &format!("a{end}{end}b"));
        for file in [file.clone(), file + end] {
            let read = csv(file);
            let lines: Vec<u64> = read.items.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [3, 6, 9, 10, 11], "{end:?}");
            assert_eq!(read.reasons(), [(10, "expected 4 fields, as many as columns, not 1")]);
        }
    }
}

#[test]
fn broken_rows_do_not_cost_others() {
    let good = |id: u32| format!("{id},sms,+4915112345678,Hello\n");
    let head = "id,channel,to,text\n";
    for (broken, reason) in [
        ("8,sms,+4915112345678,\"Hello\n", "expected each opening quote to be closed"),
        ("8,sms,+4915112345678,\"Hello\"x\n", "expected a comma or the row's end after a closing quote"),
        ("8,sms,+4915112345678,He\"llo\n", "expected quotes in fields only that begin with one"),
    ] {
        let file = format!("{head}{}{broken}{}{}", good(7), good(9), good(10));
        let read = csv(file);
        let ids: Vec<&str> = read.messages().iter().map(|message| message.id.as_str()).collect();
        assert_eq!(ids, ["7", "9", "10"], "{reason}");
        assert_eq!(read.reasons(), [(3, reason)]);
    }
    // Quotes that are closed by another row's opening one.
    let file = format!("{head}8,sms,+4915112345678,\"Hello\n{}9,sms,+4915112345678,\"Hi\"\n", good(7));
    let read = csv(file);
    assert_eq!((read.messages().len(), read.reasons()[0].0), (2, 2));
}

#[test]
fn rows_that_are_too_long_are_passed_over() {
    let head = "id,channel,to,text\n";
    let good = "9,sms,+4915112345678,Hello\n";
    let long = "a".repeat(1 << 20);
    let read = csv(format!("{head}8,sms,+4915112345678,{long}{long}\n{good}"));
    assert_eq!(read.reasons(), [(2, "expected at most 1 MiB in a row")]);
    assert_eq!((read.message_ids(), read.rows), (vec!["9"], 2));
    let quoted = format!("{head}8,sms,+4915112345678,\"{}\n{}", "b\n".repeat(10), good.repeat(50_000));
    let read = csv(quoted);
    assert_eq!(read.messages().len(), 50_000);
    assert_eq!((read.items.len(), read.items[1].0), (50_010, 3));
}

#[test]
fn a_file_without_the_columns_is_refused() {
    for (file, line, reason) in [
        ("", 0, "expected a first row with the names of the columns"),
        ("\n\n", 0, "expected a first row with the names of the columns"),
        (
            "ID,to\n1,a@example.com\n",
            1,
            "expected columns `id`, which are missing, in the first row; seen: `ID`, `to`",
        ),
        ("\nname;mail\n", 2, "expected columns `id`, `to`, which are missing, in the first row; seen: `…`"),
        (
            // No header: recipients and texts are nobody's to tell.
            "1,Ann,+4915112345678,ann@example.com,Hello Ann\n",
            1,
            "expected columns `id`, `to`, which are missing, in the first row; seen: `…`, `…`, `…`, `…`, `…`",
        ),
        (
            "id,to,colour,var.\n",
            1,
            "unknown columns `colour`, `var.`: expected id, channel, to, subject, text, html, time_zone and var.<name>",
        ),
        ("id,to,id\n", 1, "expected column `id` once"),
        ("id,to,\"x\n", 1, "the first row: expected each opening quote to be closed"),
    ] {
        assert_eq!(csv(file).failure(), (line, reason), "{file}");
    }
    assert!(csv("id,to\n").items.is_empty());
    assert_eq!(csv(b"id,to\xFF\n".to_vec()).failure().0, 1);
}

impl super::Read {
    fn message_ids(&self) -> Vec<&str> {
        self.messages().iter().map(|message| message.id.as_str()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is written as CSV is read back.
    #[test]
    fn what_is_written_is_read(
        texts in prop::collection::vec("[a-zäöü€😀,\"\n\r .!]{1,30}", 1..20),
        always in any::<bool>(), crlf in any::<bool>(),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut file = format!("id,text,channel,to{end}");
        let mut expected = vec![];
        for (id, text) in texts.iter().enumerate() {
            let quoted = always || text.contains([',', '"', '\n', '\r']);
            let written = if quoted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.clone() };
            file += &format!("{id},{written},sms,+4915112345678{end}");
            if !text.trim().is_empty() {
                expected.push(text.as_str());
            }
        }
        let read = csv(file);
        let found: Vec<&str> = read.messages().iter().filter_map(|message| message.text.as_deref()).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(read.items.len(), texts.len());
    }
}
