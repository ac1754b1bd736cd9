//! How the stand-in behaves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{CALLBACK_FLOW, CHAT_FLOW, INSTANCE, NUMBER, QUEUE};
use crate::messages::plan::EventPlan;

/// What control may set.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Settings {
    /// The instances: ids; at first one.
    pub(super) instances: Vec<String>,
    /// The flows of every instance: ids; at first one for chats and one for callbacks.
    pub(super) flows: Vec<String>,
    /// The queues of every instance: ids; the first is where contacts wait that name none.
    pub(super) queues: Vec<String>,
    /// The phone numbers of every instance, in E.164.
    pub(super) numbers: Vec<String>,
    /// Whether calls of Connect are limited to a rate; at first they are.
    pub(super) rates: bool,
    /// Calls of an operation a second, by the stand-ins' clock; at first 2.
    pub(super) rate_per_second: f64,
    /// Calls of an operation at once; at first 5.
    pub(super) burst: f64,
    /// Chats of an instance at once; at first 500.
    pub(super) max_active_chats: usize,
    /// Whether a related contact has to be known; at first not.
    pub(super) check_related_contact: bool,
    /// Whether the instance may call; at first it may.
    pub(super) outbound: bool,
    /// Prefixes of numbers that are not called; at first `+447`, as on AWS.
    pub(super) not_allowed_prefixes: Vec<String>,
    /// Whether events are sent; at first they are.
    pub(super) emit: bool,
    /// What becomes of events: `lost`, `duplicated`, `{"delayedSeconds"}` or, at first, nothing special.
    pub(super) event: Option<EventPlan>,
    /// Within how many seconds of its start a chat's customer has to connect; at first 300.
    pub(super) connect_seconds: f64,
    /// How many seconds a WebSocket's address can be connected to; at first 100.
    pub(super) socket_seconds: f64,
    /// How many seconds a connection token is valid; at first 86,400.
    pub(super) token_seconds: f64,
    /// Whether an agent takes chats by itself; at first it does.
    pub(super) agent_joins: bool,
    /// Whether the agent greets and answers; at first it does.
    pub(super) agent_answers: bool,
    /// The agent's display name.
    pub(super) agent_name: String,
    /// How long a chat waits in the queue, in seconds; at first 0.5.
    pub(super) join_seconds: f64,
    /// How long the agent takes to begin to type, in seconds; at first 0.2.
    pub(super) think_seconds: f64,
    /// How long the agent types, in seconds; at first 0.6.
    pub(super) typing_seconds: f64,
    /// What the agent says, by language; that of `en` serves for those that are not there.
    pub(super) script: BTreeMap<String, Lines>,
    /// Messages that the agent ends the chat after, in lower case.
    pub(super) goodbyes: Vec<String>,
}

/// The agent's sentences in a language. `{name}` is the customer's name, `{agent}` the agent's, `{message}`
/// what the customer wrote.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lines {
    /// On joining.
    pub(super) greeting: String,
    /// To every message.
    pub(super) reply: String,
    /// To a goodbye.
    pub(super) farewell: String,
}

impl Lines {
    fn new(greeting: &str, reply: &str, farewell: &str) -> Self {
        Self { greeting: greeting.into(), reply: reply.into(), farewell: farewell.into() }
    }
}

fn script() -> BTreeMap<String, Lines> {
    let lines = [
        (
            "en",
            Lines::new(
                "Hello {name}, this is {agent}, the scripted agent of the local cloud. How can I help you?",
                "I understood: “{message}”. Write “bye” to end the chat.",
                "Goodbye, {name}.",
            ),
        ),
        (
            "es",
            Lines::new(
                "Hola, {name}: soy {agent}, el agente automático de la nube local. \
                 ¿En qué puedo ayudarle?",
                "He entendido: «{message}». Escriba «adiós» para terminar el chat.",
                "Adiós, {name}.",
            ),
        ),
        (
            "de",
            Lines::new(
                "Hallo {name}, hier ist {agent}, der automatische Mitarbeiter der lokalen Cloud. \
                 Wie kann ich helfen?",
                "Ich habe verstanden: „{message}“. Schreiben Sie „tschüss“, um den Chat zu beenden.",
                "Auf Wiedersehen, {name}.",
            ),
        ),
    ];
    lines.into_iter().map(|(language, lines)| (language.to_owned(), lines)).collect()
}

impl Default for Settings {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            instances: texts(&[INSTANCE]),
            flows: texts(&[CHAT_FLOW, CALLBACK_FLOW]),
            queues: texts(&[QUEUE]),
            numbers: texts(&[NUMBER]),
            rates: true,
            rate_per_second: 2.0,
            burst: 5.0,
            max_active_chats: 500,
            check_related_contact: false,
            outbound: true,
            not_allowed_prefixes: texts(&["+447"]),
            emit: true,
            event: None,
            connect_seconds: 300.0,
            socket_seconds: 100.0,
            token_seconds: 86_400.0,
            agent_joins: true,
            agent_answers: true,
            agent_name: "Sam".into(),
            join_seconds: 0.5,
            think_seconds: 0.2,
            typing_seconds: 0.6,
            script: script(),
            goodbyes: texts(&["bye", "goodbye", "adiós", "adios", "tschüss", "tschuess"]),
        }
    }
}

impl Settings {
    /// These settings with the changes of a request; what it leaves out stays.
    pub(super) fn with(&self, changes: &Value) -> Result<Self, String> {
        let changes = changes.as_object().ok_or("expected an object")?;
        let mut settings = json!(self);
        if let Some(members) = settings.as_object_mut() {
            members.extend(changes.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let settings: Self = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        let times = [
            settings.connect_seconds,
            settings.socket_seconds,
            settings.token_seconds,
            settings.join_seconds,
            settings.think_seconds,
            settings.typing_seconds,
        ];
        if times.into_iter().any(|seconds| !(0.0..=1e9).contains(&seconds)) {
            return Err("expected seconds from 0 to 1,000,000,000".into());
        }
        if settings.rate_per_second <= 0.0 || settings.burst < 1.0 {
            return Err("expected a positive `ratePerSecond` and a `burst` of at least 1".into());
        }
        if !settings.script.contains_key("en") || settings.queues.is_empty() {
            return Err("expected a `script` with `en`, and at least one of `queues`".into());
        }
        if !(1..=256).contains(&settings.agent_name.chars().count()) {
            return Err("expected an `agentName` of 1 to 256 characters".into());
        }
        Ok(settings)
    }

    /// The agent's sentences in a language such as `de` or `de-AT`.
    pub(super) fn lines(&self, language: &str) -> Option<&Lines> {
        let base = language.split(['-', '_']).next().unwrap_or(language).to_ascii_lowercase();
        self.script.get(&base).or_else(|| self.script.get("en"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_checked_and_the_rest_stays() {
        let changed = Settings::default().with(&json!({ "burst": 9, "agentJoins": false })).unwrap();
        assert_eq!(changed, Settings { burst: 9.0, agent_joins: false, ..Settings::default() });
        for bad in [
            json!({ "ratePerSecond": 0 }),
            json!({ "joinSeconds": -1 }),
            json!({ "script": {} }),
            json!({ "queues": [] }),
            json!({ "agentName": "" }),
            json!({ "event": "exploded" }),
            json!({ "quota": 1 }),
            json!([]),
        ] {
            assert!(changed.with(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn languages_are_found_by_their_base_and_english_serves_for_the_rest() {
        let settings = Settings::default();
        let greeting = |language| settings.lines(language).unwrap().greeting.as_str();
        assert!(greeting("de-AT").starts_with("Hallo") && greeting("es").starts_with("Hola"));
        assert!(greeting("fr").starts_with("Hello"));
    }
}
