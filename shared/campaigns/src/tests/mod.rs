//! What the crate's users see, from bytes to messages.

mod chunks;
mod csv;
mod encoding;
mod jsonl;
mod rows;
mod screening;

use bytes::Bytes;
use eventide_types::campaign::keys::Form;
use eventide_types::campaign::outgoing::Outgoing;
use eventide_types::campaign::{ContentId, Settings};
use serde_json::json;

use crate::plan::Slot;
use crate::{FileError, Item, Message, Messages, NewContent};

/// What a file gives.
#[derive(Debug, PartialEq)]
struct Read {
    /// Each row's line, and its message or the reason.
    items: Vec<(u64, Result<Outgoing, String>)>,
    new: Vec<NewContent>,
    failed: Option<FileError>,
    rows: u64,
}

impl Read {
    fn messages(&self) -> Vec<&Outgoing> {
        self.items.iter().filter_map(|(_, item)| item.as_ref().ok()).collect()
    }

    fn reasons(&self) -> Vec<(u64, &str)> {
        let reason = |(line, item): &'_ (u64, Result<Outgoing, String>)| match item {
            Ok(_) => None,
            Err(_) => Some(*line),
        };
        let lines = self.items.iter().filter_map(reason);
        let reasons = self.items.iter().filter_map(|(_, item)| item.as_ref().err());
        lines.zip(reasons.map(String::as_str)).collect()
    }

    /// The only message.
    fn message(&self) -> &Outgoing {
        assert!(self.items.len() == 1 && self.failed.is_none(), "{self:?}");
        self.items[0].1.as_ref().unwrap()
    }

    /// Why there is no message but one row.
    fn reason(&self) -> &str {
        assert!(self.items.len() == 1 && self.failed.is_none(), "{self:?}");
        self.items[0].1.as_ref().unwrap_err()
    }

    fn failure(&self) -> (u64, &str) {
        let failed = self.failed.as_ref().unwrap_or_else(|| panic!("it did not fail: {self:?}"));
        (failed.line, &failed.reason)
    }

    fn texts(&self) -> Vec<&str> {
        self.new.iter().map(|new| new.text.as_str()).collect()
    }

    fn ids(&self) -> Vec<ContentId> {
        self.messages().iter().map(|message| message.content).collect()
    }
}

/// The message as its parts are, to compare with what is written.
fn outgoing(message: &Message<'_>, entry: &str) -> Outgoing {
    let rendered = |slot| {
        let mut text = String::new();
        message.render(slot, |part| text.push_str(part)).then_some(text)
    };
    Outgoing {
        entry: entry.to_owned(),
        id: message.id().to_owned(),
        line: message.line(),
        channel: message.channel(),
        to: message.to().to_owned(),
        content: message.content(),
        subject: rendered(Slot::Subject),
        text: rendered(Slot::Text),
        html: rendered(Slot::Html),
    }
}

/// Everything that can be read; what is written is compared with what is rendered.
fn drain(messages: &mut Messages, read: &mut Read) -> bool {
    loop {
        match messages.next_item() {
            Ok(None) => break true,
            Err(error) => {
                assert_eq!(messages.next_item().unwrap_err(), error);
                read.failed = Some(error);
                break false;
            }
            Ok(Some(Item::Unparsed(unparsed))) => read.items.push((unparsed.line, Err(unparsed.reason))),
            Ok(Some(Item::Message(message))) => {
                let outgoing = outgoing(&message, "00ff");
                let mut written = Vec::new();
                message.write_outgoing("00ff", &mut written);
                assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&outgoing).unwrap());
                assert_eq!((message.id(), message.to()), (outgoing.id.as_str(), outgoing.to.as_str()));
                read.items.push((message.line(), Ok(outgoing)));
            }
        }
        read.new.extend(messages.take_new());
        assert!(messages.take_new().is_none());
    }
}

fn read_chunks(mut messages: Messages, chunks: impl IntoIterator<Item = Bytes>) -> Read {
    let mut read = Read { items: vec![], new: vec![], failed: None, rows: 0 };
    for chunk in chunks {
        messages.feed(chunk);
        if !drain(&mut messages, &mut read) {
            return read;
        }
    }
    messages.finish();
    drain(&mut messages, &mut read);
    read.rows = messages.rows();
    read
}

fn settings(settings: serde_json::Value) -> Settings {
    serde_json::from_value(settings).unwrap()
}

/// What a CSV file gives, with settings.
fn csv_with(given: serde_json::Value, file: impl Into<Bytes>) -> Read {
    read_chunks(Messages::new(Form::Csv, false, settings(given)), [file.into()])
}

fn csv(file: impl Into<Bytes>) -> Read {
    csv_with(json!({}), file)
}

fn jsonl_with(given: serde_json::Value, file: impl Into<Bytes>) -> Read {
    read_chunks(Messages::new(Form::JsonLines, false, settings(given)), [file.into()])
}

fn jsonl(file: impl Into<Bytes>) -> Read {
    jsonl_with(json!({}), file)
}

/// One row of JSON Lines, which is an email unless it says otherwise.
fn row(given: serde_json::Value, more: serde_json::Value) -> Read {
    let mut row =
        json!({"id": "7", "channel": "email", "to": "ann@example.com", "subject": "Hi", "text": "Hello"});
    for (member, value) in more.as_object().unwrap() {
        row[member] = value.clone();
    }
    jsonl_with(given, row.to_string())
}
