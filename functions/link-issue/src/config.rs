//! What the template sets.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use eventide_kit::env::{FromEnv, Vars};
use eventide_links::http::Origin;
use eventide_types::link::Language;
use time::SignedDuration;

use crate::gsm::septets;

/// The function's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The DynamoDB table of links, limits, answers and effects.
    pub link_table: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where links lead.
    pub origin: Origin,
    /// The secret of the signing keys: name or ARN.
    pub signing_secret: String,
    /// CloudFront's public key of each slot that is in use.
    pub key_ids: BTreeMap<String, String>,
    /// The secret that tokens and the names of recipients are made with: name or ARN.
    pub token_secret: String,
    /// What the signature covers.
    pub policy: PolicyKind,
    /// For how long a link opens.
    pub life: SignedDuration,
    /// For how long an expired link is kept, for callbacks, and answers and effects with it.
    pub retention: SignedDuration,
    /// Links an hour of one chain of contacts.
    pub links_per_contact: u32,
    /// Links an hour to one number or address.
    pub links_per_recipient: u32,
    /// For how long a provider is waited for.
    pub provider_time: Duration,
    /// Whether the event has to say that the caller agrees.
    pub consent: ConsentRule,
    /// Contact attributes that the chat may know.
    pub attributes: BTreeSet<String>,
    /// The attribute that has the customer's name.
    pub name_attribute: String,
    /// The language of whoever's is not known.
    pub default_language: Language,
    /// Whom messages are from, as their texts say it.
    pub brand: String,
    /// How emails are sent; `None`: they are not.
    pub email: Option<EmailSettings>,
    /// How SMS are sent; `None`: they are not.
    pub sms: Option<SmsSettings>,
}

/// What a link's signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// The URL and its expiry: the shortest link.
    Canned,
    /// The same as a policy of its own, which is part of the link.
    Custom,
}

/// Where consent comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentRule {
    /// The event has to say so.
    Required,
    /// It was collected elsewhere; the event can only take it back.
    Given,
}

/// How emails are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailSettings {
    /// A verified address, or `Name <address>`.
    pub from: String,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// The configuration set of Amazon SES.
    pub configuration_set: Option<String>,
}

/// How SMS are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsSettings {
    /// A number, sender or pool.
    pub origination: String,
    /// The configuration set of AWS End User Messaging.
    pub configuration_set: Option<String>,
    /// Which countries are allowed.
    pub protect_configuration: Option<String>,
    /// The most that a part may cost.
    pub max_price: Option<String>,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let link_table = vars.required("LINK_TABLE", "the name of a DynamoDB table");
        let settings = Settings::from_env(vars);
        Some(Self { link_table: link_table?, settings: settings? })
    }
}

impl FromEnv for Settings {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        const RULE: &str = "`required` or `given`";
        const NAMES: &str = "names of contact attributes, separated by commas";
        const LANGUAGE: &str = "`en`, `es` or `de`";
        let origin = vars.required("LINK_ORIGIN", Origin::EXPECTED);
        let signing_secret = vars.required("SIGNING_KEYS_SECRET_ARN", "the ARN of a secret");
        let key_ids =
            vars.required("SIGNING_KEY_IDS", "slots and ids of public keys, such as `a=K2JCJMDEHXQW5F`");
        let token_secret = vars.required("TOKEN_SECRET_ARN", "the ARN of a secret");
        let policy = vars.optional("POLICY", "`canned` or `custom`", Policy(PolicyKind::Canned));
        let minutes = vars.in_range("LINK_MINUTES", 1..=1_440, 15);
        let days = vars.in_range("RETENTION_DAYS", 1..=30, 1);
        let links_per_contact = vars.in_range("LINKS_PER_CONTACT", 1..=100, 3);
        let links_per_recipient = vars.in_range("LINKS_PER_RECIPIENT", 1..=100, 3);
        let provider_time = provider_time(vars);
        let consent = vars.optional("CONSENT", RULE, Rule(ConsentRule::Required));
        let attributes = vars.optional("ATTRIBUTES", NAMES, Names(BTreeSet::new()));
        let name =
            vars.optional("NAME_ATTRIBUTE", "the name of a contact attribute", "customerName".to_owned());
        let language = vars.optional("DEFAULT_LANGUAGE", LANGUAGE, Tag(Language::En));
        let brand = vars.required("BRAND", "at most 40 characters of the GSM 03.38 alphabet");
        let (email, sms) = (email(vars), sms(vars));
        let (KeyIds(key_ids), Brand(brand)) = (key_ids?, brand?);
        let (Policy(policy), Rule(consent), Names(attributes)) = (policy?, consent?, attributes?);
        let Tag(default_language) = language?;
        Some(Self {
            origin: origin?,
            signing_secret: signing_secret?,
            key_ids,
            token_secret: token_secret?,
            policy,
            life: SignedDuration::minutes(minutes?),
            retention: SignedDuration::days(days?),
            links_per_contact: links_per_contact?,
            links_per_recipient: links_per_recipient?,
            provider_time: provider_time?,
            consent,
            attributes,
            name_attribute: name?,
            default_language,
            brand,
            email: email?,
            sms: sms?,
        })
    }
}

impl Settings {
    /// For how long answers and effects are kept: as long as the link that they are about.
    pub(crate) fn kept_for(&self) -> SignedDuration {
        self.life + self.retention
    }
}

fn email(vars: &mut Vars) -> Option<Option<EmailSettings>> {
    let from = vars.present::<String>("EMAIL_FROM", "an address");
    let reply_to = vars.present("REPLY_TO", "an address");
    let configuration_set = vars.present("CONFIGURATION_SET", "the name of a configuration set");
    let (from, reply_to, configuration_set) = (from?, reply_to?, configuration_set?);
    Some(from.map(|from| EmailSettings { from, reply_to, configuration_set }))
}

fn sms(vars: &mut Vars) -> Option<Option<SmsSettings>> {
    let origination = vars.present::<String>("SMS_ORIGINATION", "a number, a sender or a pool");
    let configuration_set = vars.present("SMS_CONFIGURATION_SET", "the name of a configuration set");
    let protect = vars.present("SMS_PROTECT_CONFIGURATION", "the id of a protect configuration");
    let price = vars.present("SMS_MAX_PRICE", "US dollars such as `0.05`");
    let (origination, configuration_set, protect_configuration) =
        (origination?, configuration_set?, protect?);
    let max_price = price?.map(|Price(price)| price);
    Some(origination.map(|origination| SmsSettings {
        origination,
        configuration_set,
        protect_configuration,
        max_price,
    }))
}

fn provider_time(vars: &mut Vars) -> Option<Duration> {
    const NAME: &str = "PROVIDER_SECONDS";
    const EXPECTED: &str = "seconds from 0.2 to 6";
    let seconds: f64 = vars.optional(NAME, EXPECTED, 3.0)?;
    if !(0.2..=6.0).contains(&seconds) {
        vars.fault(NAME, EXPECTED);
        return None;
    }
    Some(Duration::from_secs_f64(seconds))
}

struct KeyIds(BTreeMap<String, String>);

impl FromStr for KeyIds {
    type Err = ();

    /// Slots that are not in use have an empty id.
    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let mut ids = BTreeMap::new();
        for pair in text.split(',').map(str::trim) {
            let (slot, id) = pair.split_once('=').ok_or(())?;
            if slot.is_empty() || !plain(slot) || !plain(id) {
                return Err(());
            }
            if !id.is_empty() && ids.insert(slot.to_owned(), id.to_owned()).is_some() {
                return Err(());
            }
        }
        if ids.is_empty() { Err(()) } else { Ok(Self(ids)) }
    }
}

struct Policy(PolicyKind);

impl FromStr for Policy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "canned" => Ok(Self(PolicyKind::Canned)),
            "custom" => Ok(Self(PolicyKind::Custom)),
            _ => Err(()),
        }
    }
}

struct Rule(ConsentRule);

impl FromStr for Rule {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "required" => Ok(Self(ConsentRule::Required)),
            "given" => Ok(Self(ConsentRule::Given)),
            _ => Err(()),
        }
    }
}

/// Names as StartChatContact takes them: letters, digits, `-` and `_`.
struct Names(BTreeSet<String>);

impl FromStr for Names {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let name = |name: &str| {
            let name = name.trim();
            (!name.is_empty() && name.bytes().all(plain)).then(|| name.to_owned()).ok_or(())
        };
        text.split(',').map(name).collect::<Result<_, _>>().map(Self)
    }
}

struct Tag(Language);

impl FromStr for Tag {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Language::ALL.into_iter().find(|language| language.code() == text).map(Self).ok_or(())
    }
}

/// A name that costs no other alphabet, and no third part of an SMS.
struct Brand(String);

impl FromStr for Brand {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim();
        let fits = septets(text).is_some_and(|septets| (1..=40).contains(&septets));
        if fits { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// As `SendTextMessage` takes it: `[0-9]{0,2}\.[0-9]{1,5}`.
struct Price(String);

impl FromStr for Price {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = |part: &str, most: usize| part.len() <= most && part.bytes().all(|b| b.is_ascii_digit());
        let (whole, rest) = text.split_once('.').ok_or(())?;
        let valid = digits(whole, 2) && digits(rest, 5) && !rest.is_empty();
        if valid { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests;
