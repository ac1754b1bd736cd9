//! Deploys a template as it is written, into MiniStack, but for the resource types that MiniStack does not
//! know and a stand-in does: those are taken out, applied to the stand-ins by their own API, and referred to
//! by value. What is CloudFront's or an HTTP API's goes to the edge. A template that nests others is deployed as one
//! stack per nested template.

mod alarms;
mod edge;
mod kinds;
mod logging;
mod nested;
mod numbers;
mod package;
mod stack;
mod stand_ins;
mod widget;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventide_testing::Aws;
use eventide_testing::template::{self, Resolver, Scope};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::edge::Edge;
use crate::gateway::Settings;
use edge::Taken;
use stand_ins::Applied;

/// What is to be deployed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The template's file.
    pub template: PathBuf,
    /// The stack's name.
    pub stack: String,
    /// Values for the template's parameters. `Architecture` is this machine's unless it is given.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The folder with the functions' binaries.
    pub code: PathBuf,
}

/// What was deployed.
#[derive(Clone, Debug, Serialize)]
pub struct Deployed {
    /// The stack's name.
    pub stack: String,
    /// The stack's outputs.
    pub outputs: BTreeMap<String, String>,
    /// What was taken out of the template, such as `Rule (AWS::SecurityHub::AutomationRule): arn:…`.
    pub taken_out: Vec<String>,
    #[serde(skip)]
    nested: Vec<String>,
    #[serde(skip)]
    applied: Vec<Applied>,
    #[serde(skip)]
    in_ministack: bool,
}

impl Deployed {
    fn replace(&mut self, old: &Applied, new: Applied) {
        for text in self.outputs.values_mut().chain(&mut self.taken_out) {
            *text = text.replace(old.reference(), new.reference());
        }
        if let Some(place) = self.applied.iter_mut().find(|applied| applied.is_the_same_as(old)) {
            *place = new;
        }
    }
}

/// Deploys stacks and knows those that it deployed.
#[derive(Debug)]
pub struct Deployer {
    aws: Aws,
    settings: Settings,
    edge: Arc<Edge>,
    stacks: Mutex<BTreeMap<String, Deployed>>,
}

impl Deployer {
    /// A deployer for the local cloud at that endpoint, with that edge.
    #[must_use]
    pub fn new(endpoint: &str, settings: Settings, edge: Arc<Edge>) -> Self {
        let aws = Aws::new(endpoint)
            .in_region(&settings.region)
            .with_access_key(&settings.account)
            .with_app_id("eventide-deployer");
        Self { aws, settings, edge, stacks: Mutex::default() }
    }

    /// Creates the stack, or updates it, and waits until it is complete.
    ///
    /// # Errors
    /// What is wrong with the template, or the reasons that the stack's events give.
    pub fn deploy(&self, request: Request) -> BoxFuture<'_, Result<Deployed, String>> {
        async move {
            let stack = request.stack.clone();
            let deployed =
                self.deploy_one(request).await.map_err(|error| format!("stack `{stack}`: {error}"))?;
            self.lock().insert(stack, deployed.clone());
            Ok(deployed)
        }
        .boxed()
    }

    async fn deploy_one(&self, mut request: Request) -> Result<Deployed, String> {
        let mut template = template::read(&request.template)?;
        if template.pointer("/Parameters/Architecture").is_some() {
            let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
            request.parameters.entry("Architecture".into()).or_insert_with(|| machine.into());
        }
        let scope = Scope {
            account: self.settings.account.clone(),
            region: self.settings.region.clone(),
            stack: request.stack.clone(),
        };
        let mut resolver = Resolver::new(&template, &request.parameters, scope)?;
        let alarms = alarms::take_out(&mut template);
        let mut at_edge = Taken::out_of(&mut template, &mut resolver, &request.stack, &self.settings.region)?;
        let nested = self.deploy_nested(&request, &mut template, &mut resolver).await?;
        let previous = self.applied(&request.stack);
        self.undo(&previous).await?;
        let mut applied = Vec::new();
        let result =
            self.deploy_own(&request, &mut template, &mut resolver, &mut at_edge, &mut applied).await;
        let (outputs, in_ministack, widget) = match result {
            Ok(deployed) => deployed,
            Err(error) => {
                // As MiniStack does with what it holds of the stack: back to what was before.
                self.undo(&applied).await?;
                self.apply_again(&request.stack, previous).await?;
                return Err(error);
            }
        };
        let taken_out = nested
            .iter()
            .map(|stack| format!("nested template: deployed as stack `{stack}`"))
            .chain(applied.iter().map(ToString::to_string))
            .chain(at_edge.lines())
            .chain(widget)
            .chain(
                alarms.iter().map(|name| format!("{name} (AWS::CloudWatch::Alarm): metric math, left out")),
            )
            .collect();
        Ok(Deployed { stack: request.stack, outputs, taken_out, nested, applied, in_ministack })
    }

    /// Deploys what is left of a template without those nested in it: its outputs, whether anything of it is in
    /// MiniStack, and what became of its page. `applied` tells what stand-ins got, in case of an error too.
    async fn deploy_own(
        &self,
        request: &Request,
        template: &mut Value,
        resolver: &mut Resolver,
        at_edge: &mut Taken,
        applied: &mut Vec<Applied>,
    ) -> Result<(BTreeMap<String, String>, bool, Option<String>), String> {
        self.apply(template, resolver, applied).await?;
        at_edge.add_probes(template);
        numbers::give_numbers(template, resolver.parameters());
        logging::tell_functions(template);
        self.package(template, request).await?;
        let in_ministack = !template.get("Resources").and_then(Value::as_object).is_none_or(Map::is_empty);
        let mut outputs = if in_ministack {
            let outputs = self.create_or_update(request, template).await?;
            check_outputs(template, resolver, &outputs)?;
            outputs
        } else {
            own_outputs(template, resolver)?
        };
        at_edge.read_probes(&mut outputs, resolver);
        let widget = self.upload_widget(request, &outputs).await?;
        self.edge.install(&request.stack, &at_edge.resolve(resolver)?)?;
        Ok((outputs, in_ministack, widget))
    }

    /// Deletes a stack with those nested in it, and undoes what was applied to stand-ins for them.
    ///
    /// # Errors
    /// No such stack, or what keeps it from going.
    pub fn delete(&self, stack: String) -> BoxFuture<'_, Result<(), String>> {
        async move {
            let deployed = self.lock().remove(&stack).ok_or_else(|| format!("no stack `{stack}`"))?;
            self.undo(&deployed.applied).await?;
            self.edge.remove(&stack);
            if deployed.in_ministack {
                self.delete_stack(&stack).await?;
            }
            for stack in deployed.nested {
                self.delete(stack).await?;
            }
            Ok(())
        }
        .boxed()
    }

    /// The stacks that were deployed.
    #[must_use]
    pub fn stacks(&self) -> Vec<Deployed> {
        self.lock().values().cloned().collect()
    }

    /// Applies to the stand-ins again what stacks hold there, after they were reset.
    ///
    /// # Errors
    /// What a stand-in refuses.
    pub async fn reapply(&self) -> Result<(), String> {
        for deployed in self.stacks() {
            self.apply_again(&deployed.stack, deployed.applied).await?;
        }
        Ok(())
    }

    /// Creates in the stand-ins again what a stack holds there, and corrects what is known of the stack:
    /// some ARNs are new each time.
    async fn apply_again(&self, stack: &str, applied: Vec<Applied>) -> Result<(), String> {
        for old in applied {
            let new = self.recreate(&old).await?;
            if let Some(deployed) = self.lock().get_mut(stack) {
                deployed.replace(&old, new);
            }
        }
        Ok(())
    }

    fn applied(&self, stack: &str) -> Vec<Applied> {
        self.lock().get(stack).map(|deployed| deployed.applied.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Deployed>> {
        self.stacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outputs whose condition holds.
fn live_outputs<'a>(
    template: &'a Value,
    resolver: &Resolver,
) -> Result<BTreeMap<&'a String, &'a Value>, String> {
    let mut live = BTreeMap::new();
    for (name, output) in template.get("Outputs").and_then(Value::as_object).into_iter().flatten() {
        let condition = output.get("Condition").and_then(Value::as_str);
        if condition.map_or(Ok(true), |condition| resolver.condition(condition))? {
            live.insert(name, output.get("Value").unwrap_or(&Value::Null));
        }
    }
    Ok(live)
}

/// MiniStack answers references that it cannot resolve with themselves or with nothing.
fn check_outputs(
    template: &Value,
    resolver: &Resolver,
    outputs: &BTreeMap<String, String>,
) -> Result<(), String> {
    let unresolved: BTreeSet<_> = live_outputs(template, resolver)?
        .into_keys()
        .filter(|name| outputs.get(*name).is_none_or(|value| value.is_empty() || value.contains("${")))
        .cloned()
        .collect();
    if unresolved.is_empty() {
        return Ok(());
    }
    Err(format!("outputs that do not resolve: {}", unresolved.into_iter().collect::<Vec<_>>().join(", ")))
}

/// The outputs of a template of which nothing is left for MiniStack.
fn own_outputs(template: &Value, resolver: &Resolver) -> Result<BTreeMap<String, String>, String> {
    let mut outputs = BTreeMap::new();
    for (name, value) in live_outputs(template, resolver)? {
        let value = resolver.resolve(value).map_err(|error| format!("output `{name}`: {error}"))?;
        outputs.insert(name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    Ok(outputs)
}
