//! `GetTranscript`: a page of a chat's items.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::chat::Chat;
use super::item::Item;
use super::refusal::{Answer, Outcome, Refusal};
use crate::messages::input::Input;

/// How many items a page has where `MaxResults` does not say.
const PAGE: usize = 10;

/// Where a page begins, and in which direction it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    /// The index of the first item, forward; of the item behind the first, backward.
    at: usize,
    forward: bool,
}

impl Position {
    fn token(self) -> String {
        format!("transcript-{}-{:x}", if self.forward { "f" } else { "b" }, self.at)
    }

    fn parse(token: &str) -> Option<Self> {
        let (direction, at) = token.strip_prefix("transcript-")?.split_once('-')?;
        let forward = match direction {
            "f" => true,
            "b" => false,
            _ => return None,
        };
        Some(Self { at: usize::from_str_radix(at, 16).ok()?, forward })
    }

    fn read(input: Input<'_>, items: &[Item]) -> Outcome<Self> {
        let direction = input.word("ScanDirection", &["FORWARD", "BACKWARD"])?;
        if let Some(token) = input.sized("NextToken", 1..=1_000)? {
            return Self::parse(token).ok_or_else(|| Refusal::field("NextToken", "is not valid"));
        }
        let start = match input.structure("StartPosition")? {
            Some(start) => start_of(start, items)?,
            None => None,
        };
        let forward = match direction {
            Some(direction) => direction == "FORWARD",
            None => start.is_some(),
        };
        let at = match start {
            Some(Start::Item(index)) if forward => index,
            Some(Start::Item(index)) => index + 1,
            Some(Start::Time(time)) if forward => items.partition_point(|item| item.at < time),
            Some(Start::Time(time)) => items.partition_point(|item| item.at <= time),
            None if forward => 0,
            None => items.len(),
        };
        Ok(Self { at, forward })
    }
}

/// Where to begin: an item that is part of the page, or a time.
enum Start {
    Item(usize),
    Time(OffsetDateTime),
}

/// `StartPosition`; one without members, as amazon-connect-chatjs sends it, is none.
fn start_of(start: Input<'_>, items: &[Item]) -> Outcome<Option<Start>> {
    if let Some(id) = start.sized("Id", 1..=256)? {
        let index = items.iter().position(|item| item.id == id);
        return index
            .map(|index| Some(Start::Item(index)))
            .ok_or_else(|| Refusal::field("StartPosition", "has an Id that is not known"));
    }
    if let Some(time) = start.sized("AbsoluteTime", 1..=100)? {
        let time = OffsetDateTime::parse(time, &Rfc3339)
            .map_err(|_| Refusal::field("StartPosition", "has an AbsoluteTime that is not ISO 8601"))?;
        return Ok(Some(Start::Time(time)));
    }
    let most_recent = start.integer("MostRecent", 0..=100)?;
    let back = most_recent.and_then(|back| usize::try_from(back).ok());
    Ok(back.filter(|_| !items.is_empty()).map(|back| Start::Item(items.len().saturating_sub(back.max(1)))))
}

/// Answers for a participant of the chat.
pub(super) fn get(chat: &Chat, contact: &str, input: Input<'_>) -> Answer {
    if input.sized("ContactId", 1..=256)?.is_some_and(|asked| asked != contact) {
        return Err(Refusal::access_denied());
    }
    let asked = input.integer("MaxResults", 0..=100)?.and_then(|size| usize::try_from(size).ok());
    let size = asked.filter(|size| *size > 0).unwrap_or(PAGE);
    let ascending = input.word("SortOrder", &["ASCENDING", "DESCENDING"])? == Some("ASCENDING");
    let items = &chat.items;
    let Position { at, forward } = Position::read(input, items)?;
    let at = at.min(items.len());
    let (from, to) = if forward { (at, (at + size).min(items.len())) } else { (at.saturating_sub(size), at) };
    let page = items.get(from..to).unwrap_or_default();
    let mut shown: Vec<Value> = page.iter().map(|item| item.shown(contact)).collect();
    if !ascending {
        shown.reverse();
    }
    let mut answer = json!({ "InitialContactId": contact, "Transcript": shown });
    let next = Position { at: if forward { to } else { from }, forward };
    let more = if forward { to < items.len() } else { from > 0 };
    if let Some(members) = answer.as_object_mut().filter(|_| more) {
        members.insert("NextToken".into(), next.token().into());
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(messages: usize) -> Chat {
        let mut chat = Chat::new("c", "Ann", "token".into());
        let from = chat.customer.clone();
        for number in 0..messages {
            let text = number.to_string();
            chat.post(OffsetDateTime::UNIX_EPOCH, Some(from.clone()), "text/plain", Some(&text));
        }
        chat
    }

    /// The messages of a page, and its token.
    fn page(chat: &Chat, input: &Value) -> (String, Option<String>) {
        let answer = get(chat, "c", Input::new(input).unwrap()).unwrap();
        let texts = answer["Transcript"].as_array().unwrap().iter();
        let texts: Vec<_> = texts.map(|item| item["Content"].as_str().unwrap()).collect();
        (texts.join(" "), answer["NextToken"].as_str().map(str::to_owned))
    }

    #[test]
    fn pages_go_both_ways_in_either_order_and_meet_no_item_twice() {
        let chat = chat(5);
        let ask = |members: Value| page(&chat, &members);
        let (newest, token) = ask(json!({ "MaxResults": 2, "StartPosition": {} }));
        assert_eq!(newest, "4 3");
        let (middle, token) = ask(json!({ "MaxResults": 2, "NextToken": token }));
        let (oldest, end) = ask(json!({ "MaxResults": 2, "NextToken": token, "SortOrder": "ASCENDING" }));
        assert_eq!((middle.as_str(), oldest.as_str(), end), ("2 1", "0", None));
        let (first, token) =
            ask(json!({ "MaxResults": 3, "ScanDirection": "FORWARD", "SortOrder": "ASCENDING" }));
        let (rest, end) = ask(json!({ "MaxResults": 3, "NextToken": token, "SortOrder": "ASCENDING" }));
        assert_eq!((first.as_str(), rest.as_str(), end), ("0 1 2", "3 4", None));
    }

    #[test]
    fn a_start_is_an_item_a_time_or_how_far_back() {
        let chat = chat(5);
        let start = |start: Value, direction: Value| {
            let asked =
                json!({ "StartPosition": start, "ScanDirection": direction, "SortOrder": "ASCENDING" });
            page(&chat, &asked).0
        };
        let third = &chat.items[2];
        let id = json!({ "Id": third.id });
        assert_eq!(start(id.clone(), Value::Null), "2 3 4", "forward, where a start is given");
        assert_eq!(start(id, json!("BACKWARD")), "0 1 2");
        let time = json!({ "AbsoluteTime": crate::messages::ids::milliseconds(third.at) });
        assert_eq!(start(time.clone(), json!("FORWARD")), "2 3 4");
        assert_eq!(start(time, json!("BACKWARD")), "0 1 2");
        assert_eq!(start(json!({ "MostRecent": 2 }), Value::Null), "3 4");
    }

    #[test]
    fn what_is_not_valid_is_refused() {
        let chat = chat(1);
        for asked in [
            json!({ "MaxResults": 101 }),
            json!({ "ScanDirection": "UP" }),
            json!({ "SortOrder": "RANDOM" }),
            json!({ "NextToken": "forged" }),
            json!({ "StartPosition": { "Id": "none" } }),
            json!({ "StartPosition": { "AbsoluteTime": "yesterday" } }),
            json!({ "StartPosition": { "MostRecent": 101 } }),
        ] {
            let refused = get(&chat, "c", Input::new(&asked).unwrap());
            assert!(matches!(refused, Err(Refusal::Fault(_))), "{asked}");
        }
        let other = json!({ "ContactId": "another" });
        assert_eq!(get(&chat, "c", Input::new(&other).unwrap()), Err(Refusal::access_denied()));
    }
}
