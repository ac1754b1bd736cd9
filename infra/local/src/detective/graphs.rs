//! Behaviour graphs: at most one per account and Region.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::page::Cut;
use super::validate::{self, invalid, not_found, written};
use super::{Answer, Detective, State, arn};
use crate::service::{Call, Reply};

/// A behaviour graph.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) arn: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) created: OffsetDateTime,
}

impl Graph {
    pub(super) fn shown(&self) -> Value {
        json!({ "Arn": self.arn, "CreatedTime": written(self.created) })
    }
}

impl State {
    pub(super) fn graph_of(&self, account: &str, region: &str) -> Option<&Graph> {
        self.graphs.iter().find(|graph| graph.account == account && graph.region == region)
    }

    /// The account's graph in the Region, made if there is none.
    pub(super) fn create_graph(&mut self, account: &str, region: &str, now: OffsetDateTime) -> String {
        if let Some(graph) = self.graph_of(account, region) {
            return graph.arn.clone();
        }
        // The same from run to run, yet a graph made after a removal is another one.
        let digest = Sha256::digest(format!("{account}/{region}/{}", self.graphs_removed));
        let id: String = hex::encode(digest).chars().take(32).collect();
        let graph = Graph {
            arn: format!("arn:{}:detective:{region}:{account}:graph:{id}", arn::partition(region)),
            account: account.to_owned(),
            region: region.to_owned(),
            created: now,
        };
        let arn = graph.arn.clone();
        self.graphs.push(graph);
        arn
    }

    /// Removes a graph with its investigations; false if there is none.
    pub(super) fn remove_graph(&mut self, arn: &str) -> bool {
        let before = self.graphs.len();
        self.graphs.retain(|graph| graph.arn != arn);
        self.investigations.retain(|investigation| investigation.graph_arn != arn);
        let removed = self.graphs.len() < before;
        self.graphs_removed += u32::from(removed);
        removed
    }

    /// The `GraphArn` of a request, if the caller has that graph in that Region.
    pub(super) fn known_graph<'a>(&self, call: &Call, body: &'a Value) -> Result<&'a str, Reply> {
        let asked = validate::graph_arn(body)?;
        match self.graph_of(&call.account, &call.region) {
            Some(graph) if graph.arn == asked => Ok(asked),
            _ => Err(not_found(&format!("no behavior graph `{asked}` in {}", call.region))),
        }
    }
}

impl Detective {
    pub(super) fn create_graph(&self, call: &Call, body: &Value) -> Answer {
        let tags = validate::object(body, "Tags")?.and_then(Value::as_object);
        for (key, value) in tags.into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            if key.is_empty()
                || key.chars().count() > 128
                || key.starts_with("aws:")
                || value.chars().count() > 256
            {
                return Err(invalid(&format!(
                    "tag `{key}` must have a key of 1 to 128 characters that does not start with `aws:`, and a value of at most 256"
                )));
            }
        }
        if tags.is_some_and(|tags| tags.is_empty() || tags.len() > 50) {
            return Err(invalid("expected 1 to 50 tags"));
        }
        let arn = self.state().create_graph(&call.account, &call.region, self.clock.now());
        Ok(json!({ "GraphArn": arn }))
    }

    pub(super) fn list_graphs(&self, call: &Call, body: &Value) -> Answer {
        let state = self.state();
        let graphs: Vec<Value> =
            state.graph_of(&call.account, &call.region).into_iter().map(Graph::shown).collect();
        let cut = Cut {
            question: "ListGraphs",
            token: validate::sized(body, "NextToken", 1024)?,
            max_results: validate::max_results(body, 200)?,
            page_size: state.settings.page_size,
            now: self.clock.now(),
        };
        let (graphs, next) = cut.page(graphs)?;
        let mut answer = json!({ "GraphList": graphs });
        super::put(&mut answer, "NextToken", next);
        Ok(answer)
    }

    pub(super) fn delete_graph(&self, call: &Call, body: &Value) -> Answer {
        let mut state = self.state();
        let arn = state.known_graph(call, body)?;
        state.remove_graph(arn);
        Ok(json!({}))
    }
}
