//! What holds for all messages of a campaign: the header object of a JSON Lines file (`{"campaign": {…}}` in its first
//! line), or the sidecar `campaigns/<id>.campaign.json`, which is uploaded before the file.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;

use super::Channel;

/// Defaults and conditions of a campaign.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// The channel of rows that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The subject of emails whose rows have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text of rows that have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The HTML of emails whose rows have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// When sending may begin; without it as soon as the campaign is screened.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub send_at: Option<OffsetDateTime>,
    /// When sending ends: what is not sent by then is not sent at all.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub send_until: Option<OffsetDateTime>,
    /// The recipients' local hours in which they may be reached; without it at any hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The time zone of rows that name none, as in the IANA database; without it, SMS go by the number's own zones, and
    /// emails by UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Addresses and numbers that test messages may go to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test_recipients: Vec<String>,
    /// Whether approved messages are sent without being asked for.
    pub start: Start,
    /// Types of the template variables; what is not listed is free text, and is screened.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// The topic of the SES contact list that recipients can unsubscribe from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

impl fmt::Debug for Settings {
    /// Without texts and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("channel", &self.channel)
            .field("send_at", &self.send_at)
            .field("window", &self.window)
            .field("time_zone", &self.time_zone)
            .field("start", &self.start)
            .field("variables", &self.variables)
            .finish_non_exhaustive()
    }
}

/// When sending begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// As soon as the campaign is screened and `sendAt` has come.
    #[default]
    Automatic,
    /// The campaign is paused from the start, until a person resumes it.
    Paused,
}

/// Local hours, from the first minute to before the last; `22:00` to `06:00` goes over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// From this minute on.
    pub from: LocalTime,
    /// Until before this one.
    pub to: LocalTime,
}

impl Window {
    /// Whether it is open at a local time. A window from a minute to the same one is always open.
    pub fn is_open(&self, at: LocalTime) -> bool {
        match self.from.cmp(&self.to) {
            std::cmp::Ordering::Less => self.from <= at && at < self.to,
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Greater => at >= self.from || at < self.to,
        }
    }
}

/// A minute of a day, `HH:MM`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime {
    minutes: u16,
}

impl LocalTime {
    /// A time of day; `None` if there is no such.
    pub fn new(hour: u8, minute: u8) -> Option<Self> {
        (hour < 24 && minute < 60).then(|| Self { minutes: u16::from(hour) * 60 + u16::from(minute) })
    }

    /// The hour.
    pub fn hour(self) -> u8 {
        u8::try_from(self.minutes / 60).unwrap_or_default()
    }

    /// The minute of the hour.
    pub fn minute(self) -> u8 {
        u8::try_from(self.minutes % 60).unwrap_or_default()
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour(), self.minute())
    }
}

impl fmt::Debug for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LocalTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let parts = text.split_once(':').filter(|(hour, minute)| two_digits(hour) && two_digits(minute));
        let time = parts.and_then(|(hour, minute)| Self::new(hour.parse().ok()?, minute.parse().ok()?));
        time.ok_or_else(|| "expected a time of day such as `09:30`".to_owned())
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// What a template variable holds. All but `text` are checked and exempt from screening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Variable {
    /// Free text: rendered into the message before it is screened.
    Text,
    /// A person's name.
    Name,
    /// A number, with a currency sign or unit of at most three letters.
    Number,
    /// A date, a time of day, or both, in digits.
    Date,
    /// An `https` address of one of these hosts, or of hosts below them.
    Url {
        /// The allowed hosts, at least one.
        hosts: Vec<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_read_and_unknown_ones_refused() {
        let read: Settings = serde_json::from_value(json!({
            "channel": "sms", "text": "Hi {{first_name}}", "sendAt": "2026-12-01T09:00:00Z",
            "window": {"from": "09:00", "to": "20:30"}, "timeZone": "Europe/Berlin", "start": "paused",
            "testRecipients": ["+4915112345678"],
            "variables": {"first_name": {"type": "name"}, "link": {"type": "url", "hosts": ["example.com"]}},
        }))
        .unwrap();
        assert_eq!((read.channel, read.start), (Some(Channel::Sms), Start::Paused));
        assert_eq!(read.window.unwrap().to.to_string(), "20:30");
        assert_eq!(read.variables["link"], Variable::Url { hosts: vec!["example.com".into()] });
        assert_eq!(serde_json::from_value::<Settings>(serde_json::to_value(&read).unwrap()).unwrap(), read);
        for bad in [
            json!({"sendat": "2026-12-01T09:00:00Z"}),
            json!({"window": {"from": "9:00", "to": "20:00"}}),
            json!({"window": {"from": "24:00", "to": "20:00"}}),
            json!({"variables": {"x": {"type": "html"}}}),
            json!({"variables": {"x": {"type": "url"}}}),
        ] {
            assert!(serde_json::from_value::<Settings>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_window_may_go_over_midnight() {
        let window = |from: &str, to: &str| Window { from: from.parse().unwrap(), to: to.parse().unwrap() };
        let open = |window: Window, at: &str| window.is_open(at.parse().unwrap());
        for (at, by_day, by_night) in [
            ("08:59", false, false),
            ("09:00", true, false),
            ("19:59", true, false),
            ("20:00", false, true),
            ("03:00", false, true),
        ] {
            assert_eq!(open(window("09:00", "20:00"), at), by_day, "{at}");
            assert_eq!(open(window("20:00", "06:00"), at), by_night, "{at}");
            assert!(open(window("09:00", "09:00"), at));
        }
    }
}
