//! What a contact that continues a voice contact is to know: a chat, or a call back.

use std::collections::BTreeMap;

use eventide_types::Link;

/// Bytes of all contact attributes, names included (API reference, StartChatContact).
const MOST_BYTES: usize = 32_768;

/// The contact attributes of whatever continues a link's voice contact: those that came along with the link, and
/// `source` = `voice-to-chat`, `voiceContactId`, `language` (ISO 639-1) and, if it is known, `queue`.
///
/// Amazon Connect refuses names of other characters than `A-Z`, `a-z`, `0-9`, `-` and `_`, and more than 32,768 bytes
/// altogether. Neither may cost the customer the contact: what came along and does not fit is left out.
pub fn attributes(link: &Link) -> BTreeMap<String, String> {
    let own = [
        ("source", Some("voice-to-chat")),
        ("voiceContactId", Some(link.contact_id.as_str())),
        ("language", Some(link.context.language.code())),
        ("queue", link.context.queue.as_deref()),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    let mut attributes: BTreeMap<String, String> = own.collect();
    let mut bytes: usize = attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    for (name, value) in &link.context.attributes {
        let longer = bytes + name.len() + value.len();
        if is_name(name) && longer <= MOST_BYTES && !attributes.contains_key(name) {
            bytes = longer;
            attributes.insert(name.clone(), value.clone());
        }
    }
    attributes
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventide_types::LinkHash;
    use eventide_types::link::Language;
    use eventide_types::link::record::Context;
    use time::macros::datetime;

    fn link(queue: Option<&str>, attributes: &[(&str, &str)]) -> Link {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Link {
            hash: LinkHash::new([7; 32]),
            contact_id: "voice".to_owned(),
            created_at: datetime!(2026-11-27 10:00 UTC),
            expires_at: datetime!(2026-11-27 10:15 UTC),
            context: Context {
                display_name: Some("Ann".to_owned()),
                language: Language::Es,
                queue: queue.map(str::to_owned),
                attributes: attributes.collect(),
                phone: Some("+15555550100".to_owned()),
            },
        }
    }

    fn pairs(attributes: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
        attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn what_came_along_is_there_beside_our_own() {
        let attributes = attributes(&link(Some("Orders"), &[("order-no", "17"), ("source", "x")]));
        let expected = [
            ("language", "es"),
            ("order-no", "17"),
            ("queue", "Orders"),
            ("source", "voice-to-chat"),
            ("voiceContactId", "voice"),
        ];
        assert_eq!(pairs(&attributes), expected);
    }

    #[test]
    fn neither_number_nor_name_is_among_them() {
        let attributes = attributes(&link(None, &[]));
        assert_eq!(
            pairs(&attributes),
            [("language", "es"), ("source", "voice-to-chat"), ("voiceContactId", "voice")]
        );
    }

    #[test]
    fn what_connect_would_refuse_is_left_out() {
        let bytes = |attributes: &BTreeMap<String, String>| -> usize {
            attributes.iter().map(|(name, value)| name.len() + value.len()).sum()
        };
        let room = MOST_BYTES - bytes(&attributes(&link(None, &[])));
        let (fits, too_long) = ("x".repeat(room - "b".len()), "x".repeat(room));
        let given =
            [("a", too_long.as_str()), ("b", fits.as_str()), ("c", "y"), ("", "y"), ("é", "y"), ("a b", "y")];
        let attributes = attributes(&link(None, &given));
        assert_eq!(bytes(&attributes), MOST_BYTES);
        assert_eq!(attributes.keys().collect::<Vec<_>>(), ["b", "language", "source", "voiceContactId"]);
    }
}
