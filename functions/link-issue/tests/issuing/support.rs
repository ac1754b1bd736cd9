//! The world around the function: fakes, a flow that invokes it, and a customer who reads what comes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use eventide_clients::email::FakeEmail;
use eventide_clients::links::{FakeLinks, State};
use eventide_clients::secrets::FakeSecrets;
use eventide_clients::sms::FakeSms;
use eventide_kit::clock::{Clock as _, ManualClock};
use eventide_kit::deadline::Deadline;
use eventide_kit::idempotency::MemoryStore;
use eventide_kit::ledger::{Entry, Ledger as _, MemoryLedger};
use eventide_kit::{Error, Invocation};
use eventide_links::token::Token;
use eventide_types::Link;
use eventide_types::link::Language;
use link_issue::config::{ConsentRule, EmailSettings, PolicyKind, Settings, SmsSettings};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use time::macros::datetime;
use time::{OffsetDateTime, SignedDuration};

use crate::tap::Calls;
use crate::wired::{Environment, Fakes};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-27 09:00 UTC);
pub(crate) const PHONE: &str = "+15555550100";
pub(crate) const EMAIL: &str = "ana@example.com";
pub(crate) const CONTACT: &str = "4a573372-1f28-4e26-b97b-9f6a1c0b7000";
pub(crate) const SIGNING: &str = "signing-keys";
pub(crate) const TOKEN: &str = "token-secret";
pub(crate) const TOKEN_SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
/// As in the template.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(7);

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) fakes: Fakes,
    pub(crate) settings: Settings,
    pub(crate) calls: Calls,
    pub(crate) invocations: Vec<Invocation>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Calls::all())
    }

    /// One in which somebody may be killed.
    pub(crate) fn with(calls: Calls) -> Self {
        let clock = ManualClock::new(NOW);
        let fakes = Fakes {
            links: FakeLinks::default(),
            answers: MemoryStore::default(),
            ledger: MemoryLedger::new(Arc::new(clock.clone())),
            secrets: FakeSecrets::default(),
            email: FakeEmail::default(),
            sms: FakeSms::default(),
            delays: Arc::default(),
            effects: Arc::default(),
            claim_fails: Arc::default(),
            settle_fails: Arc::default(),
        };
        fakes.secrets.set(TOKEN, TOKEN_SECRET);
        fakes.secrets.set(SIGNING, &signing_keys("a", &["a", "b"]));
        Self { clock, fakes, settings: settings(), calls, invocations: Vec::new() }
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment::new(&self.fakes, &self.calls, self.settings.clone(), &self.clock)
    }

    pub(crate) fn invocation(&mut self) -> Invocation {
        let id = format!("invocation-{}", self.invocations.len() + 1);
        let deadline = Deadline::after(TIMEOUT, Arc::new(self.clock.clone()));
        let invocation = Invocation::for_tests(&id, deadline);
        self.invocations.push(invocation.clone());
        invocation
    }

    /// Invokes the function in an environment of its own.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Value, Error> {
        self.try_invoke(event).await.unwrap()
    }

    /// The same; `None`: it was killed.
    pub(crate) async fn try_invoke(&mut self, event: &Value) -> Option<Result<Value, Error>> {
        let invocation = self.invocation();
        self.environment().invoke(event.to_string().as_bytes(), &invocation).await
    }

    /// The answer, which is not an error.
    pub(crate) async fn ask(&mut self, event: &Value) -> Value {
        self.invoke(event).await.unwrap()
    }

    /// The error's type.
    pub(crate) async fn fail(&mut self, event: &Value) -> String {
        self.invoke(event).await.unwrap_err().qualified_type()
    }

    /// The SMS and emails that were accepted.
    pub(crate) fn sent(&self) -> (usize, usize) {
        (self.fakes.sms.accepted().len(), self.fakes.email.accepted().len())
    }

    /// The links in the SMS that were accepted.
    pub(crate) fn texted(&self) -> Vec<Url> {
        self.fakes.sms.accepted().iter().map(|text| Url::within(&text.message.body)).collect()
    }

    /// The links in the emails that were accepted.
    pub(crate) fn mailed(&self) -> Vec<Url> {
        let mails = self.fakes.email.accepted();
        mails.iter().map(|mail| Url::within(mail.mail.text.as_deref().unwrap())).collect()
    }

    /// The only link.
    pub(crate) fn link(&self) -> (Link, State) {
        let links = self.fakes.links.links();
        assert_eq!(links.len(), 1, "{links:?}");
        links.into_iter().next().unwrap()
    }

    /// Every effect that was claimed.
    pub(crate) async fn entries(&self) -> Vec<Entry> {
        let effects: BTreeSet<String> = self.fakes.effects.lock().unwrap().clone();
        let mut entries = Vec::new();
        for effect in effects {
            entries.extend(self.fakes.ledger.get(&effect).await.unwrap());
        }
        entries
    }

    /// What all invocations counted.
    pub(crate) fn counted(&self, name: &str, dimensions: &[(&'static str, &str)]) -> f64 {
        self.invocations.iter().map(|invocation| invocation.metrics.sum(name, dimensions)).sum()
    }

    pub(crate) fn pass(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(minutes * 60));
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    pub(crate) fn set_delays(&self, sms: Duration, email: Duration) {
        *self.fakes.delays.lock().unwrap() = (sms, email);
    }
}

/// A signed link, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) text: String,
    pub(crate) query: BTreeMap<String, String>,
}

impl Url {
    pub(crate) fn within(text: &str) -> Self {
        let url = text.split_whitespace().find(|word| word.starts_with("https://")).unwrap();
        let (page, query) = url.split_once('?').unwrap();
        assert_eq!(page, "https://chat.example.com/c");
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
        let query = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { text: url.to_owned(), query }
    }

    pub(crate) fn token(&self) -> Token {
        Token::parse(&self.query["t"]).unwrap()
    }

    pub(crate) fn expires_at(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.query["Expires"].parse().unwrap()).unwrap()
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        origin: "https://chat.example.com".parse().unwrap(),
        signing_secret: SIGNING.to_owned(),
        key_ids: BTreeMap::from(
            [("a", "K2JCJMDEHXQW5A"), ("b", "K2JCJMDEHXQW5B")]
                .map(|(slot, id)| (slot.to_owned(), id.to_owned())),
        ),
        token_secret: TOKEN.to_owned(),
        policy: PolicyKind::Canned,
        life: SignedDuration::minutes(15),
        retention: SignedDuration::DAY,
        links_per_contact: 3,
        links_per_recipient: 3,
        provider_time: Duration::from_secs(3),
        consent: ConsentRule::Required,
        attributes: BTreeSet::from(["tier".to_owned(), "order".to_owned()]),
        name_attribute: "customerName".to_owned(),
        default_language: Language::En,
        brand: "Eventide".to_owned(),
        email: Some(EmailSettings {
            from: "Chat <chat@example.com>".to_owned(),
            reply_to: Some("office@example.com".to_owned()),
            configuration_set: Some("mails".to_owned()),
        }),
        sms: Some(SmsSettings {
            origination: "pool-1".to_owned(),
            configuration_set: Some("texts".to_owned()),
            protect_configuration: Some("protect-1".to_owned()),
            max_price: Some("0.05".to_owned()),
        }),
    }
}

/// A secret with new keys in these slots.
pub(crate) fn signing_keys(current: &str, slots: &[&str]) -> String {
    let key = || {
        let pair =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let body = BASE64_STANDARD.encode(pair.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        json!({ "algorithm": "ECDSA_P256", "privateKey": pem })
    };
    let keys: BTreeMap<&str, Value> = slots.iter().map(|slot| (*slot, key())).collect();
    json!({ "current": current, "keys": keys }).to_string()
}

/// An event of `events/link-issue`.
pub(crate) fn event(name: &str) -> Value {
    eventide_testing::fixture_json(&format!("link-issue/{name}.json")).unwrap()
}

/// A voice contact that agrees to both, with number and address.
pub(crate) fn voice() -> Value {
    event("voice")
}

/// The same, changed in its contact.
pub(crate) fn contact(change: impl FnOnce(&mut Value)) -> Value {
    let mut event = voice();
    change(&mut event["Details"]["ContactData"]);
    event
}

/// The same with these parameters.
pub(crate) fn with(parameters: Value) -> Value {
    let mut event = voice();
    event["Details"]["Parameters"] = parameters;
    event
}
