//! Control, which AWS does not have: `/_local/detective/…`.
//!
//! | request | does |
//! |---|---|
//! | `GET investigations` | every investigation of every graph, with the name of its scenario |
//! | `GET scenarios` | the scenarios in the order in which they are tried |
//! | `POST scenarios` | adds a scenario, or an array of them, before all others; one of the same name is replaced |
//! | `DELETE scenarios` | forgets the added ones |
//! | `GET settings`, `POST settings` | see [`Settings`]; what a request leaves out stays |
//! | `GET entities` | the only entities Detective knows, or `null` for all |
//! | `POST entities` `{"arns": […]}` | `StartInvestigation` refuses every other entity |
//! | `DELETE entities` | all entities are known again |
//! | `GET graphs` | every graph |
//! | `POST graphs` `{"region", "account"?}` | as `CreateGraph` |
//! | `DELETE graphs/REGION` | removes the default account's graph there |

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::scenario::Scenario;
use super::validate::{invalid, not_found};
use super::{Answer, Detective, put};
use crate::service::Reply;

/// How the stand-in behaves.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    /// The most items on a page, whatever `MaxResults` says: 1 to 100, at first 2.
    pub(super) page_size: usize,
    /// How long an investigation runs whose scenario does not say, in seconds; at first 2.
    pub(super) default_seconds: u32,
    /// How long `StartInvestigation` takes to answer, in milliseconds; at first 0.
    pub(super) start_latency_ms: u64,
    /// How many investigations may run at once before `StartInvestigation` answers
    /// `TooManyRequestsException`; at first no limit.
    pub(super) max_running: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { page_size: 2, default_seconds: 2, start_latency_ms: 0, max_running: None }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    page_size: Option<usize>,
    default_seconds: Option<u32>,
    start_latency_ms: Option<u64>,
    /// Absent leaves it, `null` lifts the limit.
    #[serde(default, deserialize_with = "present")]
    max_running: Option<Option<usize>>,
}

fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Option<usize>>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entities {
    arns: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewGraph {
    region: String,
    account: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Value>),
    One(Value),
}

fn read<T: DeserializeOwned>(body: Value) -> Result<T, Reply> {
    serde_json::from_value(body).map_err(|error| invalid(&error.to_string()))
}

impl Detective {
    pub(super) fn control_answer(&self, method: &Method, path: &str, body: Value) -> Answer {
        match (method.as_str(), path) {
            ("GET", "investigations") => Ok(self.all_investigations()),
            ("GET", "scenarios") => {
                let state = self.state();
                let all: Vec<&Scenario> =
                    state.scenarios.iter().chain(&self.shipped).map(AsRef::as_ref).collect();
                Ok(json!({ "scenarios": all }))
            }
            ("POST", "scenarios") => self.add_scenarios(body),
            ("DELETE", "scenarios") => {
                self.state().scenarios.clear();
                Ok(json!({}))
            }
            ("GET", "settings") => Ok(json!(self.state().settings)),
            ("POST", "settings") => self.change_settings(body),
            ("GET", "entities") => Ok(json!({ "arns": self.state().entities })),
            ("POST", "entities") => {
                let entities: Entities = read(body)?;
                self.state().entities = Some(entities.arns);
                Ok(json!({}))
            }
            ("DELETE", "entities") => {
                self.state().entities = None;
                Ok(json!({}))
            }
            ("GET", "graphs") => {
                let graphs: Vec<Value> = self.state().graphs.iter().map(super::Graph::shown).collect();
                Ok(json!({ "graphs": graphs }))
            }
            ("POST", "graphs") => {
                let new: NewGraph = read(body)?;
                let account = new.account.as_deref().unwrap_or(&self.account);
                let arn = self.state().create_graph(account, &new.region, self.clock.now());
                Ok(json!({ "graphArn": arn }))
            }
            ("DELETE", path) => self.remove_graph_in(path),
            _ => Err(Reply::not_covered(&format!("{method} /_local/detective/{path}"))),
        }
    }

    fn all_investigations(&self) -> Value {
        let now = self.clock.now();
        let all: Vec<Value> = self
            .state()
            .investigations
            .iter()
            .map(|investigation| {
                let mut shown = investigation.whole(now);
                put(&mut shown, "scenario", Some(investigation.scenario.name.as_str()));
                shown
            })
            .collect();
        json!({ "investigations": all })
    }

    fn add_scenarios(&self, body: Value) -> Answer {
        let added = match read(body)? {
            OneOrMany::Many(many) => many,
            OneOrMany::One(one) => vec![one],
        };
        let added = added.into_iter().map(read::<Scenario>).collect::<Result<Vec<_>, _>>()?;
        added.iter().try_for_each(Scenario::check).map_err(|problem| invalid(&problem))?;
        let names: Vec<String> = added.iter().map(|scenario| scenario.name.clone()).collect();
        let mut state = self.state();
        state.scenarios.retain(|scenario| !names.contains(&scenario.name));
        state.scenarios.splice(0..0, added.into_iter().map(Arc::new));
        Ok(json!({ "added": names }))
    }

    fn change_settings(&self, body: Value) -> Answer {
        let change: Change = read(body)?;
        if change.page_size.is_some_and(|size| !(1..=100).contains(&size)) {
            return Err(invalid("`pageSize` must be between 1 and 100"));
        }
        let settings = &mut self.state().settings;
        settings.page_size = change.page_size.unwrap_or(settings.page_size);
        settings.default_seconds = change.default_seconds.unwrap_or(settings.default_seconds);
        settings.start_latency_ms = change.start_latency_ms.unwrap_or(settings.start_latency_ms);
        settings.max_running = change.max_running.unwrap_or(settings.max_running);
        Ok(json!(settings))
    }

    fn remove_graph_in(&self, path: &str) -> Answer {
        let Some(region) = path.strip_prefix("graphs/") else {
            return Err(Reply::not_covered(&format!("DELETE /_local/detective/{path}")));
        };
        let mut state = self.state();
        let arn = state.graph_of(&self.account, region).map(|graph| graph.arn.clone());
        match arn.filter(|arn| state.remove_graph(arn)) {
            Some(arn) => Ok(json!({ "graphArn": arn })),
            None => Err(not_found(&format!("no graph in `{region}`"))),
        }
    }
}
