//! Links that nobody signed: altered, mixed and made up, from links that somebody did sign. The same seed makes the same
//! ones. The end-to-end tests send some of them, so it depends on nothing of the edge.
//!
//! What gives away nothing is none of them: the parameters in another order, a canned policy that is written out as a
//! custom one, and the second signature `(r, n - s)` that whoever has one ECDSA signature knows over the same policy.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What is wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Forgery {
    /// Another token.
    Token,
    /// Another time at which it ends, later or earlier or in another form.
    Expiry,
    /// A signature with another bit or character.
    Signature,
    /// Another key's id, or no key's.
    KeyId,
    /// Another custom policy, or one in the place of a canned one.
    Policy,
    /// Parts of one link in another.
    Swapped,
    /// Base64 that is not the form that was signed, even if it stands for the same.
    Encoding,
    /// Cut off, or without a parameter.
    Truncated,
    /// A parameter twice.
    Duplicated,
    /// Another hash algorithm, or none.
    Hash,
    /// A signature that is made up.
    Random,
    /// A parameter by another name.
    Renamed,
}

impl Forgery {
    pub(crate) const ALL: [Self; 12] = [
        Self::Token,
        Self::Expiry,
        Self::Signature,
        Self::KeyId,
        Self::Policy,
        Self::Swapped,
        Self::Encoding,
        Self::Truncated,
        Self::Duplicated,
        Self::Hash,
        Self::Random,
        Self::Renamed,
    ];
}

const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const CLOUDFRONT: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~";
const DIGITS: &[u8] = b"0123456789";
const ID: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const HASHES: [&str; 12] = [
    "SHA1",
    "sha256",
    "SHA-256",
    "SHA512",
    "SHA384",
    "SHA224",
    "MD5",
    "none",
    "",
    "SHA256%00",
    "SHA2561",
    "SHA25",
];
/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    page: String,
    parts: Vec<(String, String)>,
}

impl Link {
    fn parse(link: &str) -> Option<Self> {
        let (page, query) = link.split_once('?')?;
        let part = |part: &str| part.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some(Self { page: page.to_owned(), parts: query.split('&').map(part).collect::<Option<_>>()? })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.parts.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// With another value, if it has such a parameter.
    fn with(mut self, name: &str, value: String) -> Option<Self> {
        let part = self.parts.iter_mut().find(|(own, _)| own == name)?;
        part.1 = value;
        Some(self)
    }

    fn query(&self) -> String {
        let parts: Vec<_> = self.parts.iter().map(|(name, value)| format!("{name}={value}")).collect();
        parts.join("&")
    }

    fn write(&self) -> String {
        format!("{}?{}", self.page, self.query())
    }
}

/// Forges links.
#[derive(Debug)]
pub(crate) struct Forger {
    genuine: BTreeSet<String>,
    links: Vec<Link>,
    state: u64,
}

impl Forger {
    /// From links that are good, each with a token of its own: `PAGE?t=TOKEN&…` with CloudFront's parameters.
    pub(crate) fn new(links: &[String], seed: u64) -> Self {
        let parsed = links.iter().filter_map(|link| Link::parse(link)).collect();
        Self { genuine: links.iter().cloned().collect(), links: parsed, state: seed }
    }

    /// A link of a kind that nobody signed.
    pub(crate) fn forge(&mut self, kind: Forgery) -> String {
        loop {
            let forged = self.any().and_then(|link| self.alter(kind, link));
            if let Some(forged) = forged.filter(|forged| !self.genuine.contains(forged)) {
                return forged;
            }
        }
    }

    fn alter(&mut self, kind: Forgery, link: Link) -> Option<String> {
        let altered = match kind {
            Forgery::Token => {
                let token = self.flip(link.get("t")?, URL_SAFE)?;
                link.with("t", token)
            }
            Forgery::Expiry => self.expiry(link),
            Forgery::Signature => {
                let signature = self.flip(link.get("Signature")?, CLOUDFRONT)?;
                link.with("Signature", signature)
            }
            Forgery::KeyId => self.key_id(link),
            Forgery::Policy => self.policy(link),
            Forgery::Swapped => self.swapped(link),
            Forgery::Encoding => self.encoding(link),
            Forgery::Truncated => return self.truncated(link),
            Forgery::Duplicated => self.duplicated(link),
            Forgery::Hash => {
                let hash = (*self.pick(&HASHES)?).to_owned();
                link.with("Hash-Algorithm", hash)
            }
            Forgery::Random => {
                let signature = encode(&self.made_up());
                link.with("Signature", signature)
            }
            Forgery::Renamed => self.renamed(link),
        };
        altered.map(|link| link.write())
    }

    fn expiry(&mut self, link: Link) -> Option<Link> {
        match link.get("Expires").map(str::to_owned) {
            Some(until) => {
                let until = self.another_time(&until)?;
                link.with("Expires", until)
            }
            None => self.rewritten(link, |forger, json| {
                let (before, rest) = json.split_once("\"AWS:EpochTime\":")?;
                let end = rest.find(|character: char| !character.is_ascii_digit())?;
                let until = forger.another_time(rest.get(..end)?)?;
                Some(format!("{before}\"AWS:EpochTime\":{until}{}", rest.get(end..)?))
            }),
        }
    }

    fn another_time(&mut self, until: &str) -> Option<String> {
        let seconds: u64 = until.parse().ok()?;
        let by = 1 + self.next() % 1_000_000_000;
        Some(match self.below(10) {
            0 => (seconds + by).to_string(),
            1 => (seconds + 1).to_string(),
            2 => seconds.saturating_sub(by % 600 + 1).to_string(),
            3 => self.flip(until, DIGITS)?,
            4 => format!("0{until}"),
            5 => format!("{until}0"),
            6 => format!("-{until}"),
            7 => format!("{until}.0"),
            8 => format!("{until}e0"),
            _ => u64::MAX.to_string(),
        })
    }

    fn key_id(&mut self, link: Link) -> Option<Link> {
        let own = link.get("Key-Pair-Id")?.to_owned();
        let id = match self.below(6) {
            0 | 1 => self.any()?.get("Key-Pair-Id")?.to_owned(),
            2 => self.flip(&own, ID)?,
            3 => own.to_ascii_lowercase(),
            4 => format!("{own}{own}"),
            _ => own.get(1..)?.to_owned(),
        };
        link.with("Key-Pair-Id", id)
    }

    fn policy(&mut self, mut link: Link) -> Option<Link> {
        let until = 4_000_000_000_u64 + self.next() % 1_000;
        let wide = format!(
            r#"{{"Statement":[{{"Resource":"*","Condition":{{"DateLessThan":{{"AWS:EpochTime":{until}}}}}}}]}}"#
        );
        if link.get("Policy").is_none() {
            let is_beside = self.below(4) == 0;
            let part = link.parts.iter_mut().find(|(name, _)| name == "Expires")?;
            let policy = ("Policy".to_owned(), encode(wide.as_bytes()));
            if is_beside {
                link.parts.push(policy);
            } else {
                *part = policy;
            }
            return Some(link);
        }
        match self.below(4) {
            0 => link.with("Policy", encode(wide.as_bytes())),
            1 => {
                let policy = self.flip(link.get("Policy")?, CLOUDFRONT)?;
                link.with("Policy", policy)
            }
            2 => self.rewritten(link, |_, json| Some(json.replacen("/c?t=", "/*?t=", 1))),
            _ => self.rewritten(link, |forger, json| {
                let at = forger.below(json.len());
                let (before, after) = json.split_at_checked(at)?;
                Some(format!("{before} {after}"))
            }),
        }
    }

    /// With another text of its custom policy, if it has one.
    fn rewritten(
        &mut self,
        link: Link,
        rewrite: impl FnOnce(&mut Self, &str) -> Option<String>,
    ) -> Option<Link> {
        let json = String::from_utf8(decode(link.get("Policy")?)?).ok()?;
        let written = rewrite(self, &json)?;
        link.with("Policy", encode(written.as_bytes()))
    }

    fn swapped(&mut self, link: Link) -> Option<Link> {
        let other = self.any()?;
        if self.below(2) == 0 {
            // All that was signed for another token.
            return other.with("t", link.get("t")?.to_owned());
        }
        let name = *self.pick(&["t", "Expires", "Policy", "Signature", "Key-Pair-Id"])?;
        let value = other.get(name)?.to_owned();
        link.with(name, value)
    }

    fn encoding(&mut self, link: Link) -> Option<Link> {
        let name = *self.pick(&["Signature", "Signature", "Policy"])?;
        let text = link.get(name)?.to_owned();
        let (before, after) = text.split_at_checked(1 + self.below(text.len().checked_sub(1)?))?;
        let encoded = match self.below(8) {
            0 => text.strip_suffix('_')?.to_owned(),
            1 => format!("{text}_"),
            2 => trailing_bits(&text)?,
            3 => text.replace('-', "+").replace('_', "=").replace('~', "/"),
            4 => text.replace('~', "_"),
            5 => format!("{before}%0A{after}"),
            6 => format!("{before}%{:02X}{}", after.as_bytes().first()?, after.get(1..)?),
            _ => encode(text.as_bytes()),
        };
        link.with(name, encoded)
    }

    fn truncated(&mut self, mut link: Link) -> Option<String> {
        if self.below(3) == 0 {
            let at = self.below(link.parts.len());
            link.parts.remove(at);
            return Some(link.write());
        }
        let query = link.query();
        let cut = self.below(query.len());
        let left = if self.below(2) == 0 { query.get(..cut) } else { query.get(cut + 1..) };
        Some(format!("{}?{}", link.page, left?))
    }

    fn duplicated(&mut self, mut link: Link) -> Option<Link> {
        let (name, value) = self.pick(&link.parts)?.clone();
        let value = if self.below(2) == 0 { value } else { self.any()?.get(&name)?.to_owned() };
        let at = self.below(link.parts.len() + 1);
        link.parts.insert(at, (name, value));
        Some(link)
    }

    fn renamed(&mut self, mut link: Link) -> Option<Link> {
        let at = self.below(link.parts.len());
        let way = self.below(5);
        let name = &mut link.parts.get_mut(at)?.0;
        *name = match way {
            0 => name.to_ascii_uppercase(),
            1 => name.to_ascii_lowercase(),
            2 => format!("{name}%20"),
            3 => format!("x{name}"),
            _ => format!("{name}[]"),
        };
        let is_other = !["t", "Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"]
            .contains(&name.as_str());
        is_other.then_some(link)
    }

    /// Bytes that may look like a signature.
    fn made_up(&mut self) -> Vec<u8> {
        match self.below(8) {
            0 => Vec::new(),
            // As JOSE has them, and of the length of RSA's.
            1 => self.bytes(64),
            2 => self.bytes(256),
            3 => der(&[0], &[0]),
            4 => der(&[1], &[1]),
            5 => der(&ORDER, &ORDER),
            6 => der(&self.bytes(32), &ORDER),
            _ => der(&self.bytes(32), &self.bytes(32)),
        }
    }

    /// Another bit, if that makes another character of the alphabet, else another character.
    fn flip(&mut self, text: &str, alphabet: &[u8]) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        let (at, bit) = (self.below(bytes.len()), 1_u8 << self.below(7));
        let own = bytes.get_mut(at)?;
        let flipped = *own ^ bit;
        *own = if alphabet.contains(&flipped) { flipped } else { *self.pick(alphabet)? };
        String::from_utf8(bytes).ok().filter(|altered| altered != text)
    }

    fn any(&mut self) -> Option<Link> {
        let at = self.below(self.links.len());
        self.links.get(at).cloned()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_be_bytes()[0]).collect()
    }

    fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % count).unwrap_or_default()
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The same bytes with other bits behind their end, if there are any.
fn trailing_bits(text: &str) -> Option<String> {
    let bare = text.trim_end_matches('_');
    let padding = text.get(bare.len()..).filter(|padding| !padding.is_empty())?;
    let last = bare.bytes().last()?;
    let at = CLOUDFRONT.iter().position(|character| *character == last)?;
    let other = char::from(*CLOUDFRONT.get(at ^ 1)?);
    Some(format!("{}{other}{padding}", bare.get(..bare.len() - 1)?))
}

/// ECDSA-Sig-Value (RFC 3279, 2.2.3).
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let mut numbers = Vec::new();
    for number in [r, s] {
        let is_negative = number.first().is_some_and(|first| *first >= 0x80);
        let length = u8::try_from(number.len() + usize::from(is_negative)).unwrap_or(u8::MAX);
        numbers.extend([2, length]);
        numbers.extend(is_negative.then_some(0));
        numbers.extend(number);
    }
    let mut der = vec![0x30, u8::try_from(numbers.len()).unwrap_or(u8::MAX)];
    der.extend(numbers);
    der
}

/// Base64 as CloudFront has it.
fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.replace('-', "+").replace('_', "=").replace('~', "/")).ok()
}
