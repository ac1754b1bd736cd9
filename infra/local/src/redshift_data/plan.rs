//! Plans: how chosen statements go, which AWS does not let one choose.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How the first statements that match go.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Plan {
    /// A piece of the SQL text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sql_contains: Option<String>,
    /// A piece of `StatementName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name_contains: Option<String>,
    /// So many matching statements go as usual first.
    #[serde(default)]
    skip: u64,
    /// So many go by the plan; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    /// How long it is `STARTED`, by the stand-ins' clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run_seconds: Option<f64>,
    /// It fails so, and its SQL does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What becomes of its event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<EventPlan>,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum EventPlan {
    /// It is never delivered.
    Lost,
    /// It is delivered twice, with the same id.
    Duplicated,
    /// It is delivered so many seconds later, by the stand-ins' clock.
    DelayedSeconds(f64),
}

/// How one statement goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fate {
    pub(super) run_seconds: Option<f64>,
    pub(super) error: Option<String>,
    pub(super) event: Option<EventPlan>,
}

/// All plans, with their counts.
#[derive(Debug, Default)]
pub(super) struct Plans(Vec<Counted>);

#[derive(Debug)]
struct Counted {
    plan: Plan,
    hits: u64,
    applied: u64,
}

impl Plans {
    pub(super) fn add(&mut self, plan: Plan) -> Result<(), String> {
        let seconds = [plan.run_seconds, plan.event.and_then(EventPlan::delay)];
        if seconds.into_iter().flatten().any(|seconds| !(0.0..=1e9).contains(&seconds)) {
            return Err("expected seconds from 0 to 1,000,000,000".into());
        }
        self.0.push(Counted { plan, hits: 0, applied: 0 });
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn list(&self) -> Value {
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
    pub(super) fn fate(&mut self, name: Option<&str>, texts: &[&str]) -> Fate {
        let contains = |wanted: &Option<String>, texts: &[&str]| {
            wanted.as_deref().is_none_or(|wanted| texts.iter().any(|text| text.contains(wanted)))
        };
        let mut fate: Option<Fate> = None;
        for Counted { plan, hits, applied } in &mut self.0 {
            let matches =
                contains(&plan.sql_contains, texts) && contains(&plan.name_contains, name.as_slice());
            if !matches {
                continue;
            }
            *hits += 1;
            let spent = plan.times.is_some_and(|times| *applied >= times);
            if *hits <= plan.skip || spent || fate.is_some() {
                continue;
            }
            *applied += 1;
            fate = Some(Fate { run_seconds: plan.run_seconds, error: plan.error.clone(), event: plan.event });
        }
        fate.unwrap_or_default()
    }
}

impl EventPlan {
    pub(super) fn delay(self) -> Option<f64> {
        match self {
            Self::DelayedSeconds(seconds) => Some(seconds),
            Self::Lost | Self::Duplicated => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(all: Value) -> Plans {
        let mut plans = Plans::default();
        for plan in all.as_array().into_iter().flatten() {
            plans.add(serde_json::from_value(plan.clone()).unwrap()).unwrap();
        }
        plans
    }

    #[test]
    fn the_first_plan_that_applies_decides() {
        let mut plans = plans(json!([
            { "nameContains": "mart", "skip": 1, "times": 1, "error": "one" },
            { "sqlContains": "select", "event": "lost" },
            { "event": { "delayedSeconds": 5 } },
        ]));
        let fate = |event| Fate { event, ..Fate::default() };
        assert_eq!(plans.fate(Some("a mart"), &["select 1"]), fate(Some(EventPlan::Lost)));
        let failed = Fate { error: Some("one".into()), ..Fate::default() };
        assert_eq!(plans.fate(Some("a mart"), &["drop x"]), failed);
        assert_eq!(plans.fate(Some("a mart"), &["drop x"]), fate(Some(EventPlan::DelayedSeconds(5.0))));
        assert_eq!(plans.fate(None, &["drop x", "select 2"]), fate(Some(EventPlan::Lost)));
        assert_eq!(plans.list()["plans"][0]["hits"], 3);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for plan in [json!({ "event": "explode" }), json!({ "sql": "x" }), json!({ "times": -1 })] {
            assert!(serde_json::from_value::<Plan>(plan.clone()).is_err(), "{plan}");
        }
        let endless: Plan = serde_json::from_value(json!({ "runSeconds": -1 })).unwrap();
        assert!(Plans::default().add(endless).is_err());
    }
}
