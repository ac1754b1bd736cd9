//! Scenario control below `/_local/securityhub/`, which AWS does not have.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::SecurityHub;
use super::outbox::{Subject, custom_action};
use super::store::FindingKey;
use super::{ocsf, targets};
use crate::service::Reply;

/// The most findings that the console lets a person select for a custom action.
const MOST_SELECTED: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CustomAction {
    action_arn: Option<String>,
    action_id: Option<String>,
    #[serde(default = "default_region")]
    region: String,
    findings: Vec<Identifier>,
    /// Current documentation: one event a finding; older: one event with all.
    #[serde(default = "yes")]
    one_event_per_finding: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Identifier {
    id: String,
    product_arn: String,
}

#[derive(Debug, Deserialize)]
struct Redeliver {
    index: u64,
}

fn default_region() -> String {
    "us-east-1".into()
}

fn yes() -> bool {
    true
}

impl SecurityHub {
    pub(super) async fn control_request(&self, method: Method, path: &str, body: Value) -> Reply {
        let outcome = match (method.as_str(), path) {
            ("GET", "findings") => Ok(self.all_findings()),
            ("DELETE", "findings") => {
                self.forget_findings();
                Ok(json!({}))
            }
            ("GET", "settings") => Ok(json!(self.state().settings)),
            ("POST", "settings") => self.change_settings(&body),
            ("GET", "unprocessed") => Ok(self.state().injections.list()),
            ("POST", "unprocessed") => {
                let mut state = self.state();
                state.injections.add(body).map(|()| state.injections.list())
            }
            ("DELETE", "unprocessed") => {
                self.state().injections = Default::default();
                Ok(json!({}))
            }
            ("GET", "events") => Ok(self.outbox.list()),
            ("POST", "redeliver") => self.redeliver(body).await,
            ("POST", "custom-action") => self.run_custom_action(body).await,
            (method, path) => return Reply::not_covered(&format!("{method} /_local/securityhub/{path}")),
        };
        match outcome {
            Ok(body) => Reply::json(200, &body),
            Err(message) => Reply::error(400, "InvalidControlRequest", &message),
        }
    }

    /// Every finding of every Region, as ASFF and as OCSF.
    fn all_findings(&self) -> Value {
        let state = self.state();
        let all = || {
            state
                .regions
                .iter()
                .flat_map(|(name, region)| region.findings.values().map(move |finding| (name, finding)))
        };
        json!({
            "findings": all().map(|(_, finding)| &finding.asff).collect::<Vec<_>>(),
            "findingsV2": all().map(|(region, finding)| ocsf::finding(&finding.ocsf, region)).collect::<Vec<_>>(),
        })
    }

    /// Forgets findings and events, and keeps hubs, rules, custom actions and settings, which a deployment
    /// may have made.
    fn forget_findings(&self) {
        for region in self.state().regions.values_mut() {
            region.findings.clear();
        }
        self.outbox.clear();
    }

    fn change_settings(&self, changes: &Value) -> Result<Value, String> {
        let now = self.clock.now();
        let mut state = self.state();
        state.settings = state.settings.with(changes)?;
        if changes.get("v2").is_some() {
            let v2 = state.settings.v2;
            for region in state.regions.values_mut() {
                region.hub_v2 = if v2 { region.hub_v2.or(Some(now)) } else { None };
            }
        }
        Ok(json!(state.settings))
    }

    async fn redeliver(&self, body: Value) -> Result<Value, String> {
        let Redeliver { index } = serde_json::from_value(body).map_err(|error| error.to_string())?;
        self.outbox.redeliver(index).await.ok_or_else(|| format!("no event has the index {index}"))
    }

    async fn run_custom_action(&self, body: Value) -> Result<Value, String> {
        let request: CustomAction = serde_json::from_value(body).map_err(|error| error.to_string())?;
        let (region, subjects) = self.custom_action_events(&request)?;
        let mut sent = Vec::new();
        for subject in subjects {
            sent.push(self.outbox.send(&region, subject).await);
        }
        Ok(json!({ "events": sent }))
    }

    fn custom_action_events(&self, request: &CustomAction) -> Result<(String, Vec<Subject>), String> {
        if !(1..=MOST_SELECTED).contains(&request.findings.len()) {
            return Err(format!("{} findings, expected 1 to {MOST_SELECTED}", request.findings.len()));
        }
        let arn = match (&request.action_arn, &request.action_id) {
            (Some(arn), None) => arn.clone(),
            (None, Some(id)) => targets::action_arn(&request.region, &self.account, id),
            _ => return Err("expected either `actionArn` or `actionId`".into()),
        };
        let name = arn.split(':').nth(3).unwrap_or_default().to_owned();
        let state = self.state();
        let region = state.regions.get(&name);
        let action = region
            .and_then(|region| region.actions.get(&arn))
            .ok_or_else(|| format!("the custom action `{arn}` does not exist"))?;
        let mut findings = Vec::new();
        for Identifier { id, product_arn } in &request.findings {
            let key = FindingKey { product_arn: product_arn.clone(), id: id.clone() };
            let finding = region
                .and_then(|region| region.findings.get(&key))
                .ok_or_else(|| format!("the finding `{id}` does not exist in {name}"))?;
            findings.push(Value::Object(finding.asff.clone()));
        }
        let chunk = if request.one_event_per_finding { 1 } else { MOST_SELECTED };
        let subjects = findings
            .chunks(chunk)
            .map(|findings| custom_action(&arn, &action.name, &action.description, findings))
            .collect();
        Ok((name, subjects))
    }
}
