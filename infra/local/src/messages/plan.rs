//! Plans: how chosen sends go, which AWS does not let one choose.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How the first sends that match go. `O` is what can become of a message of the service.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Plan<O> {
    /// A piece of a recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_contains: Option<String>,
    /// A piece of the subject or of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_contains: Option<String>,
    /// So many matching sends go as usual first.
    #[serde(default)]
    skip: u64,
    /// So many go by the plan; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    /// What becomes of the accepted message.
    #[serde(default = "nothing", skip_serializing_if = "Option::is_none")]
    outcome: Option<O>,
    /// The call gets this error, and the message is not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<PlannedError>,
    /// What becomes of the message's events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<EventPlan>,
}

fn nothing<O>() -> Option<O> {
    None
}

/// An error that a plan makes a call get.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PlannedError {
    /// The error's code, such as `TooManyRequestsException`.
    pub(crate) code: String,
    /// The HTTP status; 400 if absent.
    #[serde(default = "bad_request")]
    pub(crate) status: u16,
    /// The message.
    #[serde(default)]
    pub(crate) message: String,
    /// `Reason`, which End User Messaging's errors have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

fn bad_request() -> u16 {
    400
}

/// What becomes of events.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum EventPlan {
    /// They are never delivered.
    Lost,
    /// Each is delivered twice, with the same id.
    Duplicated,
    /// They are delivered so many seconds later, by the stand-ins' clock.
    DelayedSeconds(f64),
}

/// How one send goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fate<O> {
    pub(crate) outcome: Option<O>,
    pub(crate) error: Option<PlannedError>,
    pub(crate) event: Option<EventPlan>,
}

impl<O> Default for Fate<O> {
    fn default() -> Self {
        Self { outcome: None, error: None, event: None }
    }
}

/// All plans, with their counts.
#[derive(Debug)]
pub(crate) struct Plans<O>(Vec<Counted<O>>);

impl<O> Default for Plans<O> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[derive(Debug)]
struct Counted<O> {
    plan: Plan<O>,
    hits: u64,
    applied: u64,
}

impl<O: Clone + DeserializeOwned + Serialize> Plans<O> {
    pub(crate) fn add(&mut self, given: Value) -> Result<(), String> {
        let plan: Plan<O> = serde_json::from_value(given).map_err(|error| error.to_string())?;
        if let Some(EventPlan::DelayedSeconds(seconds)) = plan.event
            && !(0.0..=1e9).contains(&seconds)
        {
            return Err("expected seconds from 0 to 1,000,000,000".into());
        }
        if plan.error.as_ref().is_some_and(|error| !(400..600).contains(&error.status)) {
            return Err("expected a status from 400 to 599".into());
        }
        self.0.push(Counted { plan, hits: 0, applied: 0 });
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn list(&self) -> Value {
        let listed = self.0.iter().map(|counted| {
            let mut shown = json!(counted.plan);
            if let Some(members) = shown.as_object_mut() {
                members.insert("hits".into(), json!(counted.hits));
                members.insert("applied".into(), json!(counted.applied));
            }
            shown
        });
        json!({ "plans": listed.collect::<Vec<_>>() })
    }

    /// The first plan that applies is the only one.
    pub(crate) fn fate(&mut self, recipients: &[&str], contents: &[&str]) -> Fate<O> {
        let contains = |wanted: &Option<String>, texts: &[&str]| {
            wanted.as_deref().is_none_or(|wanted| texts.iter().any(|text| text.contains(wanted)))
        };
        let mut fate: Option<Fate<O>> = None;
        for Counted { plan, hits, applied } in &mut self.0 {
            if !(contains(&plan.to_contains, recipients) && contains(&plan.content_contains, contents)) {
                continue;
            }
            *hits += 1;
            let spent = plan.times.is_some_and(|times| *applied >= times);
            if *hits <= plan.skip || spent || fate.is_some() {
                continue;
            }
            *applied += 1;
            fate = Some(Fate { outcome: plan.outcome.clone(), error: plan.error.clone(), event: plan.event });
        }
        fate.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_plan_that_applies_decides() {
        let mut plans: Plans<String> = Plans::default();
        plans.add(json!({ "toContains": "ann", "skip": 1, "times": 1, "outcome": "bounce" })).unwrap();
        plans.add(json!({ "contentContains": "sale", "event": "lost" })).unwrap();
        plans.add(json!({ "error": { "code": "Nope" } })).unwrap();
        let lost = Fate { event: Some(EventPlan::Lost), ..Fate::default() };
        assert_eq!(plans.fate(&["ann@a.b"], &["a sale"]), lost);
        assert_eq!(plans.fate(&["ann@a.b"], &["x"]).outcome.as_deref(), Some("bounce"));
        let refused = plans.fate(&["ann@a.b"], &["x"]).error.unwrap();
        assert_eq!((refused.code.as_str(), refused.status), ("Nope", 400));
        assert_eq!(plans.fate(&["bob@a.b"], &["x", "sale"]), lost);
        assert_eq!(
            (&plans.list()["plans"][0]["hits"], &plans.list()["plans"][0]["applied"]),
            (&json!(3), &json!(1))
        );
        plans.clear();
        assert_eq!(plans.fate(&["ann@a.b"], &["sale"]), Fate::default());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for plan in [
            json!({ "event": "explode" }),
            json!({ "to": "x" }),
            json!({ "times": -1 }),
            json!({ "event": { "delayedSeconds": -1 } }),
            json!({ "error": { "code": "x", "status": 200 } }),
        ] {
            assert!(Plans::<String>::default().add(plan.clone()).is_err(), "{plan}");
        }
    }
}
