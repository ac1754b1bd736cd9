//! The accepted messages as a page for people.

use bytes::Bytes;
use eventide_testing::xml;

use super::{Channel, Message};
use crate::service::Reply;

/// How many messages the page shows, the newest first.
const SHOWN: usize = 500;

const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Messages</title><style>
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
article { border: 1px solid #999; border-radius: .5rem; margin: 1rem 0; padding: .75rem 1rem; }
h2 { font-size: 1.1rem; margin: 0; } dl { display: grid; gap: 0 1rem; grid-template-columns: auto 1fr; }
dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
iframe { border: 1px solid #ccc; height: 20rem; width: 100%; }
</style></head><body>
"#;

pub(super) fn render(messages: &[&Message], accepted: u64) -> Reply {
    let mut page = HEAD.to_owned();
    page.push_str(&format!("<h1>Messages</h1><p>{accepted} accepted; {} match.", messages.len()));
    if messages.len() > SHOWN {
        page.push_str(&format!(" The newest {SHOWN} are shown."));
    }
    page.push_str("</p>\n");
    for message in messages.iter().rev().take(SHOWN) {
        page.push_str(&article(message));
    }
    page.push_str("</body></html>\n");
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        // What a sender wrote into a message does not run here.
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'",
        ),
    ];
    Reply {
        status: 200,
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        body: Bytes::from(page),
    }
}

fn article(message: &Message) -> String {
    let kind = match message.channel {
        Channel::Email => "Email",
        Channel::Sms => "SMS",
    };
    let title = message.subject.as_deref().unwrap_or(kind);
    let mut rows =
        vec![("At", message.at.clone()), ("From", message.from.clone()), ("To", message.to.join(", "))];
    for (name, addresses) in [("Cc", &message.cc), ("Bcc", &message.bcc)] {
        if !addresses.is_empty() {
            rows.push((name, addresses.join(", ")));
        }
    }
    for (name, pairs) in [("Tags", &message.tags), ("Context", &message.context)] {
        if !pairs.is_empty() {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            rows.push((name, pairs.join(", ")));
        }
    }
    rows.push(("Sent by", format!("{} in {}", message.caller, message.region)));
    rows.push(("Id", message.id.clone()));
    let rows: String =
        rows.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape(value))).collect();
    let text = message.text.as_deref().map(|text| format!("<pre>{}</pre>", escape(text))).unwrap_or_default();
    let html = message.html.as_deref().map(|html| {
        format!(
            "<details><summary>HTML</summary>\
             <iframe sandbox title=\"HTML of the message\" srcdoc=\"{}\"></iframe></details>",
            escape(html)
        )
    });
    format!(
        "<article><h2>{kind} {}: {}</h2><dl>{rows}</dl>{text}{}</article>\n",
        message.seq,
        escape(title),
        html.unwrap_or_default()
    )
}

/// Text as it may stand in an element or in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    xml::escape(text).replace('"', "&quot;")
}
