use eventide_types::campaign::ContentId;
use eventide_types::campaign::keys::Form;
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{csv_with, jsonl_with, read_chunks, row, settings};
use crate::reader::tests::limited;
use crate::{Item, Messages};

#[test]
fn each_content_is_told_once() {
    let given = json!({
        "channel": "sms", "text": "Hi {{first}}, {{offer}} at {{link}}",
        "variables": {"first": {"type": "name"}, "link": {"type": "url", "hosts": ["example.com",
        "example.org"]}},
    });
    let file = "id,to,var.first,var.offer,var.link\n\
        1,+4915112345678,Ann,a lamp,https://example.com/1\n\
        2,+4915112345678,Bob,a lamp,https://example.org/2\n\
        3,+4915112345678,Zoë,a  lamp,https://example.com/3\n\
        4,+4915112345678,Zoë,a chair,https://example.com/4\n\
        5,+4915112345678,Ann,a lamp,https://example.com/5\n";
    let read = csv_with(given.clone(), file);
    let text = |offer: &str| format!("Hi [name], {offer} at https://example.com/ https://example.org/");
    assert_eq!(read.texts(), [text("a lamp"), text("a chair")]);
    let ids = read.ids();
    assert!(ids[0] == ids[1] && ids[0] == ids[2] && ids[0] == ids[4] && ids[0] != ids[3]);
    assert_eq!(read.new[0].id, ids[0]);
    let mut hash = [0; 16];
    hash.copy_from_slice(&Sha256::digest(text("a lamp"))[..16]);
    assert_eq!(ids[0], ContentId(hash));
    // The second pass knows the same ids, and tells nothing.
    let joined = read_chunks(Messages::joining(Form::Csv, false, settings(given)), [file.into()]);
    assert_eq!((joined.ids(), joined.new.len()), (ids, 0));
}

#[test]
fn what_is_smuggled_in_a_variable_is_screened_or_refused() {
    let given = json!({"text": "Hi {{x}}"});
    let of = |x: &str| row(given.clone(), json!({"text": null, "variables": {"x": x}}));
    let (plain, smuggled) = (of("Ann"), of("Ann. Visit our casino"));
    assert_ne!(plain.ids(), smuggled.ids());
    assert_eq!(smuggled.texts(), ["Hi Hi Ann. Visit our casino"]);
    for kind in [
        json!({"type": "name"}),
        json!({"type": "number"}),
        json!({"type": "date"}),
        json!({"type": "url", "hosts": ["example.com"]}),
    ] {
        let given = json!({"text": "Hi {{x}}", "variables": {"x": kind}});
        let read = row(given, json!({"text": null, "variables": {"x": "Ann. Visit our casino"}}));
        assert!(read.reason().starts_with("`variables.x`: expected"), "{kind}");
    }
}

#[test]
fn a_tag_with_endless_attributes_is_refused() {
    let attributes: String = (0..150_000).map(|number| format!("{number:x} ")).collect();
    let read = row(json!({}), json!({"html": format!("<p {attributes}>Hello")}));
    assert_eq!(read.reason(), "`html`: expected at most 4096 attributes in a tag");
}

#[test]
fn an_email_is_screened_as_a_whole() {
    let read = row(
        json!({"variables": {"link": {"type": "url", "hosts": ["shop.example"]}, "first": {"type": "name"}}}),
        json!({
            "subject": "Hi {{first}}", "text": "Plain {{link}}",
            "html": "<h1>Dear {{first}}</h1><p>Rich &amp; {{free}}<img alt=\"A lamp\" src=\"//img.example/x\">\
                <a href=\"{{link}}\">here</a><a href=\"{{amazonSESUnsubscribeUrl}}\">no more</a><script>x</script>",
            "variables": {"link": "https://shop.example/a", "first": "Ann", "free": "<b>bold</b>"},
        }),
    );
    assert_eq!(
        read.texts(),
        [
            "Hi [name] Plain https://shop.example/ Dear [name] Rich & <b>bold</b>hereno more A lamp img.example shop.example"
        ]
    );
    assert_eq!(read.new[0].parts, [read.new[0].text.clone()]);
}

#[test]
fn the_language_is_told_if_it_is_certain() {
    let language = |text: &str| row(json!({}), json!({"text": text})).new[0].language;
    let english = "The weather is nice today, and we would like to show you what is new in our garden. There are chairs and \
        tables for everybody who wants to sit outside with friends when the evenings are long and warm.";
    let german = "Das Wetter ist heute schön, und wir möchten Ihnen zeigen, was es in unserem Garten Neues gibt. Da sind \
        Stühle und Tische für alle, die draußen mit Freunden sitzen wollen,
        wenn die Abende lang und warm sind.";
    assert_eq!((language(english), language(german)), (Some("eng"), Some("deu")));
    assert_eq!(language("ok"), None);
}

#[test]
fn long_contents_have_parts() {
    let read = row(json!({}), json!({"text": "All lamps are cheap.\n".repeat(2_000)}));
    let parts = &read.new[0].parts;
    assert!(parts.len() == 5 && parts.iter().all(|part| part.len() <= 9_500 && !part.contains('\n')));
}

#[test]
fn there_are_only_so_many_contents() {
    let lines: String = (0..4)
        .map(|text| {
            json!({"id": "1", "channel": "sms", "to": "+4915112345678", "text": format!("Text {}", text / 2)})
                .to_string()
                + "\n"
        })
        .collect();
    let read = read_chunks(limited(2), [lines.clone().into()]);
    assert_eq!((read.messages().len(), &read.failed), (4, &None));
    let read = read_chunks(limited(1), [lines.into()]);
    assert_eq!(read.messages().len(), 2);
    let (line, reason) = read.failure();
    assert!(line == 3 && reason.starts_with("expected at most 250000 distinct contents: "), "{reason}");
}

#[test]
fn nothing_personal_is_in_debug_output() {
    let mut messages = Messages::new(Form::JsonLines, false, settings(json!({})));
    messages.feed(
        r#"{"id":"idsecret","channel":"email","to":"secret@example.com","subject":"secret","text":"secret"}"#,
    );
    messages.finish();
    let Some(Item::Message(message)) = messages.next_item().unwrap() else { panic!() };
    let debug = format!("{message:?}");
    let new = messages.take_new();
    let debug = format!("{debug}{new:?}{messages:?}");
    assert!(!debug.contains("secret") && debug.contains("line: 1"), "{debug}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Two free values make one content exactly if they are normalised alike.
    #[test]
    fn contents_differ_as_their_texts_do(a in "[a-c \u{200B}ａ]{1,4}", b in "[a-c \u{200B}ａ]{1,4}",
    html in any::<bool>()) {
        let template = if html { "<p>x {{x}}</p>" } else { "x {{x}}" };
        let given = json!({"channel": "email", "subject": "S",
        (if html { "html" } else { "text" }): template});
        let line = |x: &str| json!({"id": "1", "to": "a@example.com",
        "variables": {"x": x}}).to_string() + "\n";
        let read = jsonl_with(given, line(&a) + &line(&b));
        let seen = |text: &str| crate::text::normalised(&format!("x {text}"));
        prop_assert_eq!(read.ids()[0] == read.ids()[1], seen(&a) == seen(&b));
        prop_assert_eq!(read.new.len(), if seen(&a) == seen(&b) { 1 } else { 2 });
    }
}
