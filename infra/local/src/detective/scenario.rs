//! Scenarios: what an investigation of an entity comes to. The format is described in
//! `infra/local/scenarios/README.md`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::indicator::Indicator;

/// The shipped files in the order in which they are tried; the last one fits every entity.
const SHIPPED: &[(&str, &str)] = &[
    ("compromised", include_str!("../../scenarios/compromised.json")),
    ("medium", include_str!("../../scenarios/medium.json")),
    ("failed", include_str!("../../scenarios/failed.json")),
    ("never-ends", include_str!("../../scenarios/never-ends.json")),
    ("quiet", include_str!("../../scenarios/quiet.json")),
];

/// What the investigation of some entities comes to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Scenario {
    pub(super) name: String,
    description: Option<String>,
    /// Globs for the entity's ARN: `*` is any run of characters, `?` any one.
    entities: Vec<String>,
    /// How long it runs; the setting `defaultSeconds` where absent.
    pub(super) seconds: Option<u32>,
    pub(super) outcome: Outcome,
    pub(super) severity: Option<Severity>,
    #[serde(default)]
    pub(super) indicators: Vec<Indicator>,
}

/// How an investigation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Outcome {
    Successful,
    Failed,
}

/// A severity, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Severity {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// The wire names of all severities, for validation.
    pub(super) const ALL: &[&str] = &["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "INFORMATIONAL",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

impl Scenario {
    /// Whether the parts fit each other: success has a severity, failure neither severity nor indicators.
    pub(super) fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if self.name.is_empty() || self.entities.is_empty() {
            return Err(format!("scenario `{name}` needs a name and at least one entity glob"));
        }
        if (self.outcome == Outcome::Successful) != self.severity.is_some() {
            return Err(format!(
                "scenario `{name}`: a severity belongs to the outcome SUCCESSFUL, and to no other"
            ));
        }
        if self.outcome == Outcome::Failed && !self.indicators.is_empty() {
            return Err(format!("scenario `{name}`: a failed investigation has no indicators"));
        }
        self.indicators.iter().try_for_each(|indicator| {
            indicator.check().map_err(|problem| format!("scenario `{name}`: {problem}"))
        })
    }

    pub(super) fn fits(&self, entity_arn: &str) -> bool {
        self.entities.iter().any(|glob| fits(glob.as_bytes(), entity_arn.as_bytes()))
    }
}

/// The scenarios that come with the local cloud.
pub(super) fn shipped() -> Result<Vec<Arc<Scenario>>, String> {
    SHIPPED
        .iter()
        .map(|(name, text)| {
            let scenario: Scenario = serde_json::from_str(text)
                .map_err(|error| format!("scenario file `{name}.json`: {error}"))?;
            scenario.check()?;
            Ok(Arc::new(scenario))
        })
        .collect()
}

fn fits(glob: &[u8], text: &[u8]) -> bool {
    match (glob.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => fits(rest, text),
        (Some((b'*', rest)), Some((_, tail))) => fits(rest, text) || fits(glob, tail),
        (Some((b'?', rest)), Some((_, tail))) => fits(rest, tail),
        (Some((wanted, rest)), Some((found, tail))) => wanted == found && fits(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn globs_cross_slashes_and_colons() {
        for (glob, text, expected) in [
            ("*", "", true),
            ("*", "arn:aws:iam::111122223333:role/a/b", true),
            ("arn:*:iam::*:role/*Payments", "arn:aws-cn:iam::111122223333:role/a/b/Payments", true),
            ("arn:*:iam::*:role/*Payments", "arn:aws-cn:iam::111122223333:user/Payments", false),
            ("arn:*:role/?", "arn:aws:iam::1:role/a", true),
            ("arn:*:role/?", "arn:aws:iam::1:role/ab", false),
            ("a*b", "a", false),
            ("", "a", false),
        ] {
            assert_eq!(fits(glob.as_bytes(), text.as_bytes()), expected, "{glob} on {text}");
        }
    }

    #[test]
    fn shipped_scenarios_are_sound_and_fit_every_entity() {
        let shipped = shipped().unwrap();
        let names: BTreeSet<_> = shipped.iter().map(|scenario| scenario.name.as_str()).collect();
        assert_eq!(names, BTreeSet::from(["compromised", "failed", "medium", "never-ends", "quiet"]));
        assert!(shipped.last().unwrap().fits("arn:aws:iam::999999999999:user/anyone"));
        let compromised = shipped.iter().find(|scenario| scenario.name == "compromised").unwrap();
        let kinds: BTreeSet<_> = compromised
            .indicators
            .iter()
            .map(|indicator| {
                serde_json::to_value(indicator.indicator_type).unwrap().as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(kinds, super::super::indicator::KINDS.iter().map(|&kind| kind.to_owned()).collect());
    }

    #[test]
    fn parts_that_do_not_fit_each_other_are_refused() {
        let travel =
            r#"{"IndicatorType":"NEW_ASO","IndicatorDetail":{"RelatedFindingGroupDetail":{"Id":"x"}}}"#;
        for (rest, expected) in [
            (r#""outcome":"SUCCESSFUL","severity":"LOW""#.to_owned(), true),
            (r#""outcome":"FAILED""#.to_owned(), true),
            (r#""outcome":"SUCCESSFUL""#.to_owned(), false),
            (r#""outcome":"FAILED","severity":"LOW""#.to_owned(), false),
            (format!(r#""outcome":"SUCCESSFUL","severity":"LOW","indicators":[{travel}]"#), false),
        ] {
            let text = format!(r#"{{"name":"x","entities":["*"],{rest}}}"#);
            let scenario: Scenario = serde_json::from_str(&text).unwrap();
            assert_eq!(scenario.check().is_ok(), expected, "{text}");
        }
        let misspelt = r#"{"name":"x","entities":["*"],"outcome":"FAILED","secs":1}"#;
        assert!(serde_json::from_str::<Scenario>(misspelt).is_err());
    }
}
