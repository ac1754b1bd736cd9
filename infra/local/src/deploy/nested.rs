use std::collections::BTreeMap;
use std::path::Path;

use eventide_testing::template::Resolver;
use serde_json::{Map, Value};

use super::stand_ins::{condition_holds, replace_references};
use super::{Deployer, Request};

impl Deployer {
    /// Deploys the templates that a template nests, each as the stack `PARENT-LOGICALID`, in an order in
    /// which every reference to an output is known; takes them out and gives their outputs by value. The
    /// stacks' names.
    pub(super) async fn deploy_nested(
        &self,
        request: &Request,
        template: &mut Value,
        resolver: &mut Resolver,
    ) -> Result<Vec<String>, String> {
        let mut waiting = take_nested(template);
        let mut stacks = Vec::new();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut last_error = String::new();
            for (name, resource) in std::mem::take(&mut waiting) {
                if !condition_holds(&resource, resolver)? {
                    replace_references(template, &name, None);
                    continue;
                }
                match resolver.resolve(resource.get("Properties").unwrap_or(&Value::Null)) {
                    Ok(properties) => {
                        let child = child_request(request, &name, &properties)?;
                        let stack = child.stack.clone();
                        let outputs = self.deploy(child).await?.outputs;
                        let outputs: BTreeMap<_, _> = outputs
                            .into_iter()
                            .map(|(name, value)| (format!("Outputs.{name}"), value))
                            .collect();
                        replace_references(template, &name, Some((&stack, &outputs)));
                        resolver.know(&name, &stack, outputs);
                        stacks.push(stack);
                    }
                    Err(error) => {
                        last_error = format!("nested `{name}`: {error}");
                        waiting.push((name, resource));
                    }
                }
            }
            if waiting.len() == before {
                return Err(last_error);
            }
        }
        Ok(stacks)
    }
}

fn take_nested(template: &mut Value) -> Vec<(String, Value)> {
    let Some(resources) = template.get_mut("Resources").and_then(Value::as_object_mut) else {
        return Vec::new();
    };
    let all = std::mem::take(resources);
    let (nested, own): (Map<_, _>, Map<_, _>) = all.into_iter().partition(|(_, resource)| {
        let kind = resource.get("Type").and_then(Value::as_str);
        matches!(kind, Some("AWS::CloudFormation::Stack" | "AWS::Serverless::Application"))
    });
    *resources = own;
    nested.into_iter().collect()
}

fn child_request(parent: &Request, name: &str, properties: &Value) -> Result<Request, String> {
    let location = properties.get("TemplateURL").or_else(|| properties.get("Location"));
    let location =
        location.and_then(Value::as_str).ok_or_else(|| format!("nested `{name}` names no template file"))?;
    let folder = parent.template.parent().unwrap_or(Path::new("."));
    let parameters = properties.get("Parameters").and_then(Value::as_object).cloned().unwrap_or_default();
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(Request {
        template: folder.join(location),
        stack: format!("{}-{name}", parent.stack),
        parameters: parameters.into_iter().map(|(name, value)| (name, text(value))).collect(),
        code: parent.code.clone(),
    })
}
