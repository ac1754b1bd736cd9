//! Fault injection by rule.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::gateway::Facts;

/// Which calls a rule concerns; what is absent matches all.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The signing name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The caller, as the journal names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// A piece of the request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
}

impl Match {
    fn holds(&self, facts: &Facts, body: &[u8]) -> bool {
        let same =
            |wanted: &Option<String>, actual: &str| wanted.as_deref().is_none_or(|wanted| wanted == actual);
        same(&self.service, &facts.service)
            && same(&self.operation, &facts.operation)
            && same(&self.caller, facts.caller.name())
            && self.body_contains.as_deref().is_none_or(|wanted| {
                wanted.is_empty() || body.windows(wanted.len()).any(|window| window == wanted.as_bytes())
            })
    }
}

/// What a rule does to a call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// The service's own throttling error; the call is not forwarded.
    Throttle,
    /// This error, in the shape of the service's protocol; the call is not forwarded.
    Error {
        /// The HTTP status.
        status: u16,
        /// AWS's error code.
        code: String,
        /// The message.
        #[serde(default)]
        message: String,
    },
    /// Forwarded this much later.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection is closed without an answer; the call is not forwarded.
    Reset,
    /// The call is forwarded, then the connection is closed without an answer.
    LostResponse,
    /// The call is forwarded twice; the caller gets the second answer.
    Duplicate,
    /// The call is kept back, so that later ones overtake it.
    Hold {
        /// How long.
        until: Until,
    },
    /// The call is forwarded, then the calling function's process is killed (SIGKILL).
    Kill,
}

impl Effect {
    /// The name that the journal uses.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Error { .. } => "error",
            Self::Latency { .. } => "latency",
            Self::Reset => "reset",
            Self::LostResponse => "lost_response",
            Self::Duplicate => "duplicate",
            Self::Hold { .. } => "hold",
            Self::Kill => "kill",
        }
    }
}

/// When a held call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// When the next call that the rule matches has been answered; after 30 s at the latest.
    Next,
    /// After this many milliseconds.
    #[serde(untagged)]
    Milliseconds(u64),
}

/// A rule: for the calls that match, after the first `skip` of them, for the next `times`, the effect.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which calls.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// So many matching calls pass first.
    #[serde(default)]
    pub skip: u64,
    /// So many calls are affected; `None`: all.
    #[serde(default)]
    pub times: Option<u64>,
    /// What happens to them.
    pub effect: Effect,
}

/// A rule with its counts.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Counts up from 1.
    pub id: u64,
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// Calls that matched, affected or not.
    pub hits: u64,
    /// Calls that were affected.
    pub applied: u64,
}

/// What is to happen to one call.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    /// The effect, if any, and where a held call waits.
    pub(crate) effect: Option<(Effect, Arc<Notify>)>,
    /// Held calls that go on once this one has been answered.
    pub(crate) releases: Vec<Arc<Notify>>,
}

#[derive(Debug)]
struct State {
    listed: Listed,
    gate: Arc<Notify>,
    holding: bool,
}

/// The rules, in the order in which they were added. The first that applies to a call is the only one.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<(u64, Vec<State>)>,
}

impl Faults {
    /// Adds a rule and gives its id.
    pub fn add(&self, rule: Rule) -> u64 {
        let (last, rules) = &mut *self.lock();
        *last += 1;
        let listed = Listed { id: *last, rule, hits: 0, applied: 0 };
        rules.push(State { listed, gate: Arc::new(Notify::new()), holding: false });
        *last
    }

    /// All rules with their counts.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        self.lock().1.iter().map(|state| state.listed.clone()).collect()
    }

    /// Removes all rules. Held calls go on.
    pub fn clear(&self) {
        for state in self.lock().1.drain(..) {
            state.gate.notify_one();
        }
    }

    pub(crate) fn decide(&self, facts: &Facts, body: &[u8]) -> Decision {
        let mut decision = Decision::default();
        for state in &mut self.lock().1 {
            let Listed { rule, hits, applied, .. } = &mut state.listed;
            if !rule.matching.holds(facts, body) {
                continue;
            }
            *hits += 1;
            if state.holding {
                state.holding = false;
                decision.releases.push(Arc::clone(&state.gate));
                continue;
            }
            let spent = rule.times.is_some_and(|times| *applied >= times);
            if *hits <= rule.skip || spent || decision.effect.is_some() {
                continue;
            }
            *applied += 1;
            state.holding = matches!(rule.effect, Effect::Hold { until: Until::Next });
            decision.effect = Some((rule.effect.clone(), Arc::clone(&state.gate)));
        }
        decision
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Vec<State>)> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(service: &str, operation: &str) -> Facts {
        Facts { service: service.into(), operation: operation.into(), ..Facts::default() }
    }

    fn add(faults: &Faults, rule: serde_json::Value) {
        faults.add(serde_json::from_value(rule).unwrap());
    }

    fn effects(faults: &Faults, calls: usize) -> Vec<Option<&'static str>> {
        let decide = || faults.decide(&facts("sqs", "SendMessage"), b"a body");
        (0..calls).map(|_| decide().effect.map(|(effect, _)| effect.name())).collect()
    }

    #[test]
    fn skip_and_times_count_matching_calls() {
        let faults = Faults::default();
        add(
            &faults,
            json!({ "match": { "service": "sqs" }, "skip": 1, "times": 2, "effect": { "type": "reset" } }),
        );
        assert!(faults.decide(&facts("s3", "PutObject"), b"").effect.is_none());
        assert_eq!(effects(&faults, 4), [None, Some("reset"), Some("reset"), None]);
        let listed = faults.list();
        assert_eq!((listed[0].hits, listed[0].applied), (4, 2));
    }

    #[test]
    fn every_part_of_a_match_has_to_hold() {
        let cases = [
            (json!({}), true),
            (json!({ "service": "sqs", "operation": "SendMessage" }), true),
            (json!({ "operation": "ReceiveMessage" }), false),
            (json!({ "body_contains": "bod" }), true),
            (json!({ "body_contains": "nobody" }), false),
            (json!({ "body_contains": "" }), true),
            (json!({ "caller": "anonymous" }), true),
            (json!({ "caller": "finding-enrich" }), false),
        ];
        for (matching, expected) in cases {
            let faults = Faults::default();
            add(&faults, json!({ "match": matching, "effect": { "type": "throttle" } }));
            assert_eq!(effects(&faults, 1) == [Some("throttle")], expected, "{matching}");
        }
    }

    #[test]
    fn the_first_rule_that_applies_is_the_only_one() {
        let faults = Faults::default();
        add(&faults, json!({ "times": 1, "effect": { "type": "kill" } }));
        add(&faults, json!({ "effect": { "type": "latency", "ms": 5 } }));
        assert_eq!(effects(&faults, 2), [Some("kill"), Some("latency")]);
    }

    #[test]
    fn a_held_call_is_released_by_the_next() {
        let faults = Faults::default();
        add(&faults, json!({ "times": 1, "effect": { "type": "hold", "until": "next" } }));
        let call = facts("lambda", "Invoke");
        assert!(matches!(faults.decide(&call, b"").effect, Some((Effect::Hold { until: Until::Next }, _))));
        let next = faults.decide(&call, b"");
        assert!(next.effect.is_none());
        assert_eq!(next.releases.len(), 1);
        assert!(faults.decide(&call, b"").releases.is_empty());
    }

    #[test]
    fn rules_that_are_not_understood_are_refused() {
        for rule in [
            json!({ "effect": { "type": "explode" } }),
            json!({ "match": { "servce": "sqs" }, "effect": { "type": "reset" } }),
            json!({ "effect": { "type": "hold", "until": "whenever" } }),
            json!({}),
        ] {
            assert!(serde_json::from_value::<Rule>(rule.clone()).is_err(), "{rule}");
        }
        let held: Rule =
            serde_json::from_value(json!({ "effect": { "type": "hold", "until": 250 } })).unwrap();
        assert_eq!(held.effect, Effect::Hold { until: Until::Milliseconds(250) });
    }
}
