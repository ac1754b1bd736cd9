//! Plans: how chosen jobs go, which AWS does not let one choose.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How the first jobs that match go.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Plan {
    /// A piece of `JobName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name_contains: Option<String>,
    /// A piece of the input's `S3Uri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input_contains: Option<String>,
    /// So many matching jobs go as usual first.
    #[serde(default)]
    skip: u64,
    /// So many go by the plan; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    /// What becomes of them.
    #[serde(flatten)]
    fate: Fate,
}

/// How one job goes.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fate {
    /// How long it is `IN_PROGRESS`, by the stand-ins' clock; 1,000,000,000 for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<f64>,
    /// It fails with this message, without output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// It is stopped instead of completed, without output.
    #[serde(default)]
    pub(super) stop: bool,
    /// How many times the output is written; 1 if absent, and 0 for a job that completes without one.
    #[serde(default = "once")]
    pub(super) outputs: u32,
    /// How long after its output it is still `IN_PROGRESS`.
    #[serde(default)]
    pub(super) completed_seconds_later: f64,
    /// Documents that have no line in the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) drop_lines: Option<Which>,
    /// Documents whose line says that they could not be classified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fail_lines: Option<Failing>,
    /// The output's lines are in reverse order.
    #[serde(default)]
    pub(super) reverse: bool,
}

fn once() -> u32 {
    1
}

impl Default for Fate {
    fn default() -> Self {
        Self {
            seconds: None,
            error: None,
            stop: false,
            outputs: once(),
            completed_seconds_later: 0.0,
            drop_lines: None,
            fail_lines: None,
            reverse: false,
        }
    }
}

/// Some of a job's documents: those for which any of these holds.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Every so-manyth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<u64>,
    /// Those that contain this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contains: Option<String>,
    /// Those of these numbers, from 0, over all files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    numbers: Vec<u64>,
}

impl Which {
    /// Whether they include the document of that number.
    pub(super) fn holds(&self, number: u64, text: &str) -> bool {
        self.every.is_some_and(|every| (number + 1).is_multiple_of(every))
            || self.contains.as_deref().is_some_and(|piece| text.contains(piece))
            || self.numbers.contains(&number)
    }
}

/// Documents that cannot be classified.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Failing {
    /// Which.
    pub(super) lines: Which,
    /// Their `ErrorCode`.
    #[serde(default = "internal")]
    pub(super) code: String,
    /// Their `ErrorMessage`.
    #[serde(default = "sorry")]
    pub(super) message: String,
}

fn internal() -> String {
    "INTERNAL_SERVER_ERROR".into()
}

fn sorry() -> String {
    "The document could not be analyzed.".into()
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
        let fate = &plan.fate;
        let seconds = [fate.seconds.unwrap_or_default(), fate.completed_seconds_later];
        if seconds.into_iter().any(|seconds| !(0.0..=1e9).contains(&seconds)) {
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
    pub(super) fn fate(&mut self, name: Option<&str>, input: &str) -> Fate {
        let contains = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|wanted| text.contains(wanted))
        };
        let mut fate: Option<Fate> = None;
        for Counted { plan, hits, applied } in &mut self.0 {
            let named = contains(&plan.name_contains, name.unwrap_or_default());
            if !named || !contains(&plan.input_contains, input) {
                continue;
            }
            *hits += 1;
            let spent = plan.times.is_some_and(|times| *applied >= times);
            if *hits <= plan.skip || spent || fate.is_some() {
                continue;
            }
            *applied += 1;
            fate = Some(plan.fate.clone());
        }
        fate.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_plan_that_applies_decides() {
        let mut plans = Plans::default();
        for plan in [
            json!({ "nameContains": "screen", "skip": 1, "times": 1, "error": "one" }),
            json!({ "inputContains": "in/", "outputs": 2 }),
        ] {
            plans.add(serde_json::from_value(plan).unwrap()).unwrap();
        }
        let twice = Fate { outputs: 2, ..Fate::default() };
        let failed = Fate { error: Some("one".into()), ..Fate::default() };
        assert_eq!(plans.fate(Some("a screening"), "s3://b/in/x"), twice);
        assert_eq!(plans.fate(Some("a screening"), "s3://b/x"), failed);
        assert_eq!(plans.fate(Some("a screening"), "s3://b/x"), Fate::default());
        assert_eq!(plans.fate(None, "s3://b/in/x"), twice);
        assert_eq!(plans.list()["plans"][0]["hits"], 3);
    }

    #[test]
    fn documents_are_chosen_by_place_or_content() {
        let which: Which =
            serde_json::from_value(json!({ "every": 3, "contains": "x", "numbers": [0] })).unwrap();
        let chosen: Vec<u64> = (0..6).filter(|number| which.holds(*number, "text")).collect();
        assert_eq!(chosen, [0, 1, 2, 3, 4, 5], "`text` contains an x");
        let chosen: Vec<u64> = (0..6).filter(|number| which.holds(*number, "other")).collect();
        assert_eq!(chosen, [0, 2, 5]);
        assert!(!Which { every: Some(0), ..Which::default() }.holds(0, ""));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for plan in [json!({ "outputs": -1 }), json!({ "dropLines": { "some": 1 } }), json!({ "fails": 1 })] {
            assert!(serde_json::from_value::<Plan>(plan.clone()).is_err(), "{plan}");
        }
        let backwards: Plan = serde_json::from_value(json!({ "seconds": -1 })).unwrap();
        assert!(Plans::default().add(backwards).is_err());
    }
}
