//! The id of a content.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a content is known by: the first 128 bits of the SHA-256 of its normalised text, 32 hex digits. Equal contents of
/// any campaign have the same one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub [u8; 16]);

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut id = [0; 16];
        let mut bytes = text.bytes();
        for byte in &mut id {
            let pair = bytes.next().and_then(digit).zip(bytes.next().and_then(digit));
            let (high, low) = pair.ok_or("expected 32 hex digits")?;
            *byte = high << 4 | low;
        }
        if bytes.next().is_some() { Err("expected 32 hex digits".to_owned()) } else { Ok(Self(id)) }
    }
}

impl Serialize for ContentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = ContentId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 254, 255]);
        let text = "000102030405060708090a0b0c0dfeff";
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(serde_json::from_value::<ContentId>(serde_json::json!(text)).unwrap(), id);
        for bad in
            ["", "00", "000102030405060708090a0b0c0dfef", "000102030405060708090a0b0c0dfeff0", "g0010203"]
        {
            assert!(bad.parse::<ContentId>().is_err(), "{bad}");
        }
    }
}
