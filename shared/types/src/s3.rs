//! Amazon S3's news of new objects, in both shapes: as EventBridge wraps them (Amazon S3 User Guide, "EventBridge event
//! message structure"), and as S3 notifies a queue itself ("Event message structure").

use std::cmp::Ordering;

use serde::Deserialize;

/// A new object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// Its version, in a versioned bucket.
    pub version_id: Option<String>,
    /// Its entity tag.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// What S3 orders the versions of a key by; see [`compare_sequencers`].
    pub sequencer: String,
    /// Who wrote it: an account id, or a principal id.
    pub requester: Option<String>,
}

/// A message about objects, in either shape.
#[derive(Debug, Deserialize)]
pub struct Message {
    detail: Option<Detail>,
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    #[serde(rename = "Event")]
    event: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
    requester: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Object {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    etag: String,
    version_id: Option<String>,
    #[serde(default)]
    sequencer: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    s3: Entity,
    user_identity: Option<Identity>,
}

#[derive(Debug, Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Notified,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notified {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    e_tag: String,
    version_id: Option<String>,
    #[serde(default)]
    sequencer: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    principal_id: Option<String>,
}

impl Message {
    /// The new objects that it tells of: none for `s3:TestEvent`, which S3 sends when a notification is set up, and for
    /// deletions. `None`: it is no message of S3's.
    pub fn created(self) -> Option<Vec<Created>> {
        if let Some(Detail { bucket, object, requester }) = self.detail {
            let Object { key, size, etag, version_id, sequencer } = object;
            // Here keys are not encoded.
            return Some(vec![Created {
                bucket: bucket.name,
                key,
                version_id,
                etag,
                size,
                sequencer,
                requester,
            }]);
        }
        if let Some(records) = self.records {
            let created = records.into_iter().filter(|record| record.event_name.contains("ObjectCreated:"));
            return Some(created.map(notified).collect());
        }
        self.event.filter(|event| event == "s3:TestEvent").map(|_| Vec::new())
    }
}

fn notified(record: Record) -> Created {
    let Notified { key, size, e_tag, version_id, sequencer } = record.s3.object;
    Created {
        bucket: record.s3.bucket.name,
        key: form_decoded(&key),
        version_id,
        etag: e_tag,
        size,
        sequencer,
        requester: record.user_identity.and_then(|identity| identity.principal_id),
    }
}

/// Notifications encode keys as forms do: `red+flower.jpg`. What does not decode stays.
fn form_decoded(key: &str) -> String {
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => match digit(*high).zip(digit(*low)) {
                Some((high, low)) => {
                    decoded.push(high << 4 | low);
                    rest = after;
                }
                None => decoded.push(b'%'),
            },
            (byte, _) => decoded.push(*byte),
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| key.to_owned())
}

/// Compares sequencers of the same key: hexadecimal, the shorter one padded with zeros on the right (Amazon S3 User
/// Guide, "Event message structure").
pub fn compare_sequencers(a: &str, b: &str) -> Ordering {
    let length = a.len().max(b.len());
    padded(a, length).cmp(&padded(b, length))
}

/// A sequencer with zeros on the right up to `length` digits, in capitals: texts in whose order sequencers are ordered.
pub fn padded(sequencer: &str, length: usize) -> String {
    let mut padded = sequencer.to_ascii_uppercase();
    padded.extend(std::iter::repeat_n('0', length.saturating_sub(padded.len())));
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn created(message: serde_json::Value) -> Option<Vec<Created>> {
        serde_json::from_value::<Message>(message).unwrap().created()
    }

    #[test]
    fn both_shapes_say_the_same() {
        let wrapped = json!({
            "source": "aws.s3", "detail-type": "Object Created",
            "detail": {"bucket": {"name": "b"}, "requester": "111122223333", "object":
                {"key": "a b+c.csv", "size": 7, "etag": "e", "version-id": "v", "sequencer": "00A1"}},
        });
        let notified = json!({"Records": [
            {"eventName": "ObjectCreated:Put", "userIdentity": {"principalId": "111122223333"}, "s3": {"bucket": {"name": "b"},
                "object": {"key": "a+b%2Bc.csv", "size": 7, "eTag": "e", "versionId": "v", "sequencer": "00A1"}}},
            {"eventName": "ObjectRemoved:Delete", "s3": {"bucket": {"name": "b"}, "object": {"key": "x"}}},
        ]});
        let expected = created(wrapped).unwrap();
        assert_eq!(expected[0].key, "a b+c.csv");
        assert_eq!(created(notified).unwrap(), expected);
    }

    #[test]
    fn a_test_event_tells_of_nothing_and_other_messages_are_none() {
        assert_eq!(created(json!({"Service": "Amazon S3", "Event": "s3:TestEvent"})), Some(vec![]));
        assert_eq!(created(json!({"campaign": "c"})), None);
        for broken in ["100%", "%zz", "%e"] {
            assert_eq!(form_decoded(broken), broken);
        }
        assert_eq!(form_decoded("%ff"), "%ff", "no UTF-8");
    }

    #[test]
    fn the_shorter_sequencer_is_padded_on_the_right() {
        for (a, b, expected) in [
            ("0055AED6DCD90281E5", "0055AED6DCD90281E6", Ordering::Less),
            ("0055AED6DCD90281E5", "0055aed6dcd90281e5", Ordering::Equal),
            ("0055AED6DCD902", "0055AED6DCD90200", Ordering::Equal),
            ("0056", "0055AED6DCD90281E5", Ordering::Greater),
        ] {
            assert_eq!(compare_sequencers(a, b), expected, "{a} {b}");
        }
    }
}
