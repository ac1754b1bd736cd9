use serde_json::json;

use super::row;

#[test]
fn a_row_needs_what_its_channel_needs() {
    let sms = |more: serde_json::Value| {
        let mut all = json!({"channel": "sms", "to": "+4915112345678", "subject": null});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let long = "ü".repeat(1_601);
    for (more, reason) in [
        (json!({"id": ""}), "`id`: expected 1 to 256 characters, none of them a control character"),
        (json!({"id": "a\u{0}"}), "`id`: expected 1 to 256 characters, none of them a control character"),
        (
            json!({"id": "ü".repeat(257)}),
            "`id`: expected 1 to 256 characters, none of them a control character",
        ),
        (json!({"channel": "fax"}), "`channel`: expected `email` or `sms`"),
        (json!({"channel": null}), "`channel`: expected `email` or `sms`, by the row or the settings"),
        (json!({"to": null}), "`to`: expected an email address, such as `name@example.com`"),
        (json!({"subject": " "}), "`subject`: expected one for an email, by the row or the settings"),
        (
            json!({"text": null}),
            "`text` or `html`: expected one of them for an email, by the row or the settings",
        ),
        (
            json!({"subject": "a\r\nBcc: b"}),
            "`subject`: expected no control characters and no line ends, in its variables either",
        ),
        (json!({"text": "a\u{7}"}), "`text`: expected no control characters, in its variables either"),
        (json!({"html": "a\u{85}"}), "`html`: expected no control characters, in its variables either"),
        (json!({"subject": "a".repeat(999)}), "`subject`: expected at most 998 bytes, variables included"),
        (sms(json!({"text": null})), "`text`: expected one, by the row or the settings"),
        (sms(json!({"html": "<p>"})), "`html`: expected none for an SMS"),
        (sms(json!({"subject": "x"})), "`subject`: expected none for an SMS"),
        (
            sms(json!({"to": "ann@example.com"})),
            "`to`: expected a telephone number in E.164, such as `+15555550100`",
        ),
        (
            sms(json!({"text": long})),
            "`text`: expected at most 1600 characters in an SMS, variables included",
        ),
        (
            sms(json!({"text": "{{amazonSESUnsubscribeUrl}}"})),
            "`text`: expected no `{{amazonSESUnsubscribeUrl}}` in an SMS",
        ),
        (json!({"text": "Hi {{first}}"}), "`text`: expected `variables.first`, which it names, to be given"),
        (
            json!({"text": "Hi {{{first}}}"}),
            "`text`: expected a variable such as `{{name}}`, with two braces each",
        ),
        (json!({"text": "Hi {{first}"}), "`text`: expected `}}` after each `{{`"),
        (
            json!({"subject": "{{amazonSESUnsubscribeUrl}}"}),
            "`subject`: expected `{{amazonSESUnsubscribeUrl}}` in an email's text and html only",
        ),
        (json!({"subject": "\u{200B}", "text": "\u{AD}"}), "expected a text that can be seen"),
    ] {
        assert_eq!(row(json!({}), more.clone()).reason(), reason, "{more}");
    }
    let read = row(json!({}), json!({"text": "Hi {{}}"}));
    assert!(read.reason().starts_with("`text`: expected the name of a variable between"));
    // The longest that may be.
    for more in [
        json!({"id": "ü".repeat(256)}),
        sms(json!({"text": "ü".repeat(1_600)})),
        json!({"subject": "a".repeat(998)}),
    ] {
        row(json!({}), more).message();
    }
}

#[test]
fn addresses_are_checked() {
    let local = "a".repeat(64);
    for good in [
        "a@b.co",
        "ann.lee+x@mail.example.com",
        "o'brien@example.com",
        &format!("{local}@example.com"),
        "a@xn--bcher-kva.example",
    ] {
        row(json!({}), json!({"to": good})).message();
    }
    for bad in [
        "a",
        "@example.com",
        "a@",
        "a@b",
        "a b@example.com",
        "a@example.com ",
        "a..b@example.com",
        ".a@example.com",
        "a.@example.com",
        "a@-b.com",
        "a@b-.com",
        "a@b..com",
        "a@1.2.3.4",
        "a@[1.2.3.4]",
        "\"a b\"@example.com",
        "a@b@example.com",
        "Ann <a@example.com>",
        "a@example.com,b@example.com",
        "a\n@example.com",
        "a@bücher.example",
        "ä@example.com",
        &format!("a{local}@example.com"),
        &format!("a@{}.com", "b.".repeat(130)),
    ] {
        assert!(
            row(json!({}), json!({"to": bad})).reason().starts_with("`to`: expected an email address"),
            "{bad}"
        );
    }
    let phone = |to: &str| row(json!({}), json!({"channel": "sms", "subject": null, "to": to}));
    for good in ["+4915112345678", "+1234567", "+123456789012345"] {
        phone(good).message();
    }
    for bad in [
        "4915112345678",
        "+0915112345678",
        "+49 151 12345678",
        "+49-151",
        "+123456",
        "+1234567890123456",
        "+",
        "+49x1512345",
    ] {
        assert!(phone(bad).reason().starts_with("`to`: expected a telephone number"), "{bad}");
    }
}

#[test]
fn an_email_is_at_most_a_mebibyte() {
    let text = "a".repeat(500_000);
    let given = json!({"text": "{{x}}", "html": "<p>{{x}}{{y}}"});
    let of = |x: &str, y: &str| row(given.clone(), json!({"text": null, "variables": {"x": x, "y": y}}));
    of(&text, "").message();
    let reason = "`subject`, `text` and `html`: expected at most 1 MiB together, variables included";
    assert_eq!(of(&text, &"b".repeat(50_000)).reason(), reason);
    // Escaped it is longer.
    assert_eq!(of(&"&".repeat(200_000), "").reason(), reason);
    // A row cannot be blown up by naming a variable again and again.
    let given = json!({"text": "{{x}}".repeat(100_000)});
    assert_eq!(row(given, json!({"text": null, "variables": {"x": text}})).reason(), reason);
}

#[test]
fn values_are_escaped_in_html() {
    let read = row(
        json!({"variables": {"link": {"type": "url", "hosts": ["example.com"]}}}),
        json!({
            "text": "{{x}} {{amazonSESUnsubscribeUrl}}",
            "html": "<a title=\"{{x}}\" href=\"{{ link }}\">{{\tx\t}}</a> {{ amazonSESUnsubscribeUrl }}",
            "variables": {"x": "<b>\"a\" & 'b'</b> {{link}}", "link": "https://example.com/?a=1&b=2",
            "more": "unused"},
        }),
    );
    let message = read.message();
    assert_eq!(message.text.as_deref(), Some("<b>\"a\" & 'b'</b> {{link}} {{amazonSESUnsubscribeUrl}}"));
    let escaped = "&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/b&gt; {{link}}";
    let html = format!(
        "<a title=\"{escaped}\" href=\"https://example.com/?a=1&amp;b=2\">{escaped}</a> {{{{amazonSESUnsubscribeUrl}}}}"
    );
    assert_eq!(message.html, Some(html));
}

#[test]
fn typed_variables_are_checked_where_they_are_used() {
    let given = json!({"variables": {"first": {"type": "name"}, "n": {"type": "number"}}});
    let of =
        |text: &str, first: &str| row(given.clone(), json!({"text": text, "variables": {"first": first}}));
    assert_eq!(of("Hi {{first}} {{first}}", "Ann").message().text.as_deref(), Some("Hi Ann Ann"));
    assert!(
        of("Hi {{first}}", "Win at our casino").reason().starts_with("`variables.first`: expected a name")
    );
    assert!(!of("Hi {{first}}", "Win at our casino").reason().contains("casino"));
    of("Hi", "Win at our casino").message();
}
