//! Who asks, as far as limits go.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use time::OffsetDateTime;

use crate::token::keyed;

/// The network that a viewer is in: an IPv4 address, or the 64 leading bits of an IPv6 address, which is what one
/// customer of a provider has.
#[derive(Clone, PartialEq, Eq)]
pub struct Viewer(String);

impl fmt::Debug for Viewer {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Viewer(…)")
    }
}

impl Viewer {
    /// Reads `CloudFront-Viewer-Address`: address and port with a colon in between, IPv6 without brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let without_port = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
        let address = without_port.and_then(|(address, _)| ip(address)).or_else(|| ip(text))?;
        Some(Self(match address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).to_string(),
        }))
    }

    /// What a limit of this viewer is called: a name that tells nobody without the secret who it is.
    pub fn limit_name(&self, secret: &str, purpose: &str) -> String {
        format!("{purpose}#{}", keyed(secret.as_bytes(), &format!("{purpose}-address"), &self.0))
    }
}

fn ip(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text).parse().ok()
}

/// Whole seconds until the next span of a limit begins, at least one.
pub fn until_next(window: Duration, now: OffsetDateTime) -> u64 {
    let window = window.as_secs().max(1);
    let into = u64::try_from(now.unix_timestamp()).unwrap_or_default() % window;
    window - into
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_viewer_is_an_ipv4_address_or_an_ipv6_network() {
        for (text, expected) in [
            ("203.0.113.7:46532", Some("203.0.113.7")),
            ("203.0.113.7", Some("203.0.113.7")),
            ("2001:db8:1:2:3:4:5:6:443", Some("2001:db8:1:2::")),
            ("2001:db8:1:2::9:46532", Some("2001:db8:1:2::")),
            ("[2001:db8:1:2::9]:46532", Some("2001:db8:1:2::")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::")),
            ("::ffff:203.0.113.7:443", Some("203.0.113.7")),
            ("2001:db8:1:2:ffff::7:65535", Some("2001:db8:1:2::")),
            ("203.0.113.7:46532, 203.0.113.8:1", None),
            ("203.0.113.7:port", None),
            ("unknown", None),
            ("", None),
            (":", None),
        ] {
            assert_eq!(Viewer::parse(text).map(|viewer| viewer.0).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn limits_of_viewers_say_nothing_of_them() {
        let name = |address, purpose| Viewer::parse(address).unwrap().limit_name("s", purpose);
        let one = name("203.0.113.7:1", "redeem");
        assert_eq!(one, name("203.0.113.7:2", "redeem"));
        assert_ne!(one, name("203.0.113.8:1", "redeem"));
        assert_ne!(
            one.rsplit_once('#').unwrap().1,
            name("203.0.113.7:1", "call").rsplit_once('#').unwrap().1
        );
        assert_ne!(one, Viewer::parse("203.0.113.7:1").unwrap().limit_name("t", "redeem"));
        assert!(one.starts_with("redeem#") && !one.contains("203"), "{one}");
        assert_eq!(format!("{:?}", Viewer::parse("203.0.113.7:1")), "Some(Viewer(…))");
    }

    #[test]
    fn the_next_span_begins_at_a_whole_multiple() {
        let minute = Duration::from_secs(60);
        for (now, expected) in [
            (datetime!(2026-11-27 10:00:00 UTC), 60),
            (datetime!(2026-11-27 10:00:59.9 UTC), 1),
            (datetime!(2026-11-27 10:00:18 UTC), 42),
        ] {
            assert_eq!(until_next(minute, now), expected);
        }
        assert_eq!(until_next(Duration::ZERO, datetime!(2026-11-27 10:00 UTC)), 1);
    }
}
