//! What of a template is at the edge: CloudFront's resources, and HTTP APIs with the functions' events that are their
//! routes. MiniStack knows no key groups, checks no signatures and answers for no distribution, so all of it is taken
//! out. Other resources refer to it by value. It refers to others too, which only exist once the stack is deployed:
//! MiniStack is asked for these values by outputs of its own.

use std::collections::{BTreeMap, BTreeSet};

use eventide_testing::template::Resolver;
use serde_json::{Map, Value, json};

use super::stand_ins::{condition_holds, replace_references};
use crate::edge::{Event, Kind, Resource};

/// The outputs that are the deployer's own.
const PROBE: &str = "LocalEdgeValue";

/// What was taken out, its properties as the template has them.
#[derive(Debug, Default)]
pub(super) struct Taken {
    resources: Vec<Resource>,
    routes: Vec<Route>,
    probes: Vec<Probe>,
}

#[derive(Debug)]
struct Route {
    /// The HTTP API's and the function's names in the template.
    api: String,
    function: String,
    properties: Value,
}

/// A value of a resource in MiniStack: what `Ref` gives, or that attribute.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Probe {
    resource: String,
    attribute: Option<String>,
}

impl Taken {
    /// Takes out what belongs to the edge, and replaces references to it.
    pub(super) fn out_of(
        template: &mut Value,
        resolver: &mut Resolver,
        stack: &str,
        region: &str,
    ) -> Result<Self, String> {
        let mut taken = Self { routes: take_routes(template, resolver)?, ..Self::default() };
        let Some(resources) = template.get_mut("Resources").and_then(Value::as_object_mut) else {
            return Ok(taken);
        };
        let all = std::mem::take(resources);
        let (own, others): (Map<_, _>, Map<_, _>) =
            all.into_iter().partition(|(_, resource)| Kind::of(resource).is_some());
        *resources = others;
        for (name, resource) in own {
            let Some(kind) = Kind::of(&resource) else { continue };
            if !condition_holds(&resource, resolver)? {
                replace_references(template, &name, None);
                continue;
            }
            let (reference, attributes) = kind.identity(&format!("{stack}/{name}"), region);
            replace_references(template, &name, Some((&reference, &attributes)));
            resolver.know(&name, &reference, attributes.clone());
            let properties = resource.get("Properties").cloned().unwrap_or_else(|| json!({}));
            taken.resources.push(Resource {
                name,
                kind,
                reference,
                attributes,
                properties,
                events: Vec::new(),
            });
        }
        if let Some(route) = taken.routes.iter().find(|route| !taken.has_api(&route.api)) {
            return Err(format!("function `{}`: no HTTP API `{}`", route.function, route.api));
        }
        Ok(taken)
    }

    fn has_api(&self, name: &str) -> bool {
        self.resources.iter().any(|resource| resource.kind == Kind::HttpApi && resource.name == name)
    }

    /// Adds outputs to the template for what it refers to of what is left there.
    pub(super) fn add_probes(&mut self, template: &mut Value) {
        let resources = template.get("Resources").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut probes = BTreeSet::new();
        let values = self.resources.iter().map(|resource| &resource.properties);
        for value in values.chain(self.routes.iter().map(|route| &route.properties)) {
            find_references(value, &mut probes);
        }
        for route in &self.routes {
            probes.insert(Probe { resource: route.function.clone(), attribute: None });
        }
        self.probes = probes.into_iter().filter(|probe| resources.contains_key(&probe.resource)).collect();
        if self.probes.is_empty() {
            return;
        }
        let Some(template) = template.as_object_mut() else { return };
        let outputs = template.entry("Outputs").or_insert_with(|| json!({}));
        let Some(outputs) = outputs.as_object_mut() else { return };
        for (index, Probe { resource, attribute }) in self.probes.iter().enumerate() {
            let value = match attribute {
                None => json!({ "Ref": resource }),
                Some(attribute) => json!({ "Fn::GetAtt": [resource, attribute] }),
            };
            let mut output = Map::from_iter([("Value".to_owned(), value)]);
            if let Some(condition) = resources.get(resource).and_then(|resource| resource.get("Condition")) {
                output.insert("Condition".into(), condition.clone());
            }
            outputs.insert(format!("{PROBE}{index}"), output.into());
        }
    }

    /// Takes the answers to them out of the outputs and makes them known.
    pub(super) fn read_probes(&self, outputs: &mut BTreeMap<String, String>, resolver: &mut Resolver) {
        let mut found: BTreeMap<&str, (String, BTreeMap<String, String>)> = BTreeMap::new();
        for (index, Probe { resource, attribute }) in self.probes.iter().enumerate() {
            let Some(value) = outputs.remove(&format!("{PROBE}{index}")) else { continue };
            let known = found.entry(resource).or_default();
            match attribute {
                None => known.0 = value,
                Some(attribute) => {
                    known.1.insert(attribute.clone(), value);
                }
            }
        }
        for (resource, (reference, attributes)) in found {
            resolver.know(resource, &reference, attributes);
        }
    }

    /// The resources with everything that they refer to.
    pub(super) fn resolve(&self, resolver: &Resolver) -> Result<Vec<Resource>, String> {
        let mut resolved = Vec::new();
        for mut resource in self.resources.iter().cloned() {
            let refused = |error: String| format!("`{}`: {error}", resource.name);
            resource.properties = resolver.resolve(&resource.properties).map_err(refused)?;
            for route in self.routes.iter().filter(|route| route.api == resource.name) {
                let refused = |error: String| format!("route of `{}`: {error}", route.function);
                let function = resolver.resolve(&json!({ "Ref": route.function })).map_err(refused)?;
                let properties = resolver.resolve(&route.properties).map_err(refused)?;
                let function = function.as_str().unwrap_or_default().to_owned();
                resource.events.push(Event { properties, function });
            }
            resolved.push(resource);
        }
        Ok(resolved)
    }

    /// What was taken out, for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.resources.iter().map(|resource| {
            format!("{} ({}): {}, at the edge", resource.name, resource.kind.type_name(), resource.reference)
        });
        lines.collect()
    }
}

/// Takes the events out of the functions that are routes of HTTP APIs.
fn take_routes(template: &mut Value, resolver: &Resolver) -> Result<Vec<Route>, String> {
    let mut routes = Vec::new();
    let resources = template.get_mut("Resources").and_then(Value::as_object_mut);
    for (name, resource) in resources.into_iter().flatten() {
        let exists = condition_holds(resource, resolver)?;
        let events = resource.pointer_mut("/Properties/Events").and_then(Value::as_object_mut);
        let Some(events) = events else { continue };
        let (own, others): (Map<_, _>, Map<_, _>) = std::mem::take(events)
            .into_iter()
            .partition(|(_, event)| event.get("Type").and_then(Value::as_str) == Some("HttpApi"));
        *events = others;
        for event in own.into_values() {
            let mut properties = event.get("Properties").cloned().unwrap_or_default();
            let api = properties.as_object_mut().and_then(|members| members.remove("ApiId"));
            let api = api.as_ref().and_then(|api| api.get("Ref")).and_then(Value::as_str);
            let api = api.ok_or_else(|| {
                format!("function `{name}`: an HttpApi event, expected an `ApiId` that is a `!Ref`")
            })?;
            if exists {
                routes.push(Route { api: api.to_owned(), function: name.clone(), properties });
            }
        }
    }
    Ok(routes)
}

/// Everything that `Ref`, `Fn::GetAtt` and `Fn::Sub` in a value refer to.
fn find_references(value: &Value, found: &mut BTreeSet<Probe>) {
    match value {
        Value::Object(object) => {
            if let Some(resource) = object.get("Ref").and_then(Value::as_str) {
                found.insert(Probe { resource: resource.to_owned(), attribute: None });
            }
            if let Some([Value::String(resource), Value::String(attribute)]) =
                object.get("Fn::GetAtt").and_then(Value::as_array).map(Vec::as_slice)
            {
                found.insert(Probe { resource: resource.clone(), attribute: Some(attribute.clone()) });
            }
            let format = object.get("Fn::Sub");
            let format = format.and_then(|format| format.as_str().or_else(|| format.get(0)?.as_str()));
            for piece in format.into_iter().flat_map(|format| format.split("${").skip(1)) {
                let name = piece.split('}').next().unwrap_or_default();
                let (resource, attribute) = match name.split_once('.') {
                    Some((resource, attribute)) => (resource, Some(attribute.to_owned())),
                    None => (name, None),
                };
                found.insert(Probe { resource: resource.to_owned(), attribute });
            }
            object.values().for_each(|member| find_references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| find_references(item, found)),
        _ => {}
    }
}

#[cfg(test)]
#[path = "edge_tests.rs"]
mod tests;
