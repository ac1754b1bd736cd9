//! The templates agree with the code that they deploy.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use eventide_kit::env::{FromEnv, Vars};
use eventide_testing::template::{Resolver, Scope, read};
use eventide_testing::{LocalCloud, repository};
use serde_json::{Value, json};

mod chats;
mod chats_edge;
mod findings;
mod marts;
mod screening;
mod suite;

type Tested = Result<(), String>;

/// The custom action that the template creates.
const ACTION: &str = "arn:aws:securityhub:us-east-1:111122223333:action/custom/EventideInvestigate";

fn template(name: &str) -> Result<Value, String> {
    read(&repository().join("infra").join(name))
}

fn resolver(template: &Value, given: &[(&str, &str)]) -> Result<Resolver, String> {
    let scope = Scope { account: "111122223333".into(), region: "us-east-1".into(), stack: "s".into() };
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut resolver = Resolver::new(template, &given, scope)?;
    let arn = BTreeMap::from([("ActionTargetArn".to_owned(), ACTION.to_owned())]);
    resolver.know("CustomAction", ACTION, arn);
    Ok(resolver)
}

/// The environment variables of a function: their values where parameters give them, else something that fits.
fn variables(template: &Value, function: &str) -> Result<BTreeMap<String, String>, String> {
    let resolver = resolver(template, &[])?;
    let variables = &template["Resources"][function]["Properties"]["Environment"]["Variables"];
    let variables = variables.as_object().ok_or_else(|| format!("`{function}` has no variables"))?;
    let value = |value: &Value| match resolver.resolve(value) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => "of-a-resource".to_owned(),
    };
    Ok(variables.iter().map(|(name, given)| (name.clone(), value(given))).collect())
}

fn load<C: FromEnv>(variables: &BTreeMap<String, String>) -> Result<C, String> {
    Vars::from_pairs(variables.clone()).load::<C>().map_err(|error| error.to_string())
}

/// The variables in the table of a function's documentation, which comes last there.
fn documented(function: &str) -> Result<BTreeSet<String>, String> {
    let path = repository().join("functions").join(function).join("src/lib.rs");
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let (_, table) = text.split_once("# Environment").ok_or("no section `Environment`")?;
    let rows = table.lines().filter_map(|line| line.strip_prefix("//! | `")?.split('`').next());
    Ok(rows.map(str::to_owned).collect())
}

/// A function reads exactly what its template sets, and has the same limits and defaults.
fn agrees<C: FromEnv + PartialEq>(template: &Value, resource: &str, function: &str) -> Tested {
    let variables = variables(template, resource)?;
    let config = load::<C>(&variables)?;
    let app_id = "AWS_SDK_UA_APP_ID";
    assert_eq!(variables[app_id], function, "by which the journal knows the caller");
    let set: BTreeSet<_> = variables.keys().filter(|name| *name != app_id).cloned().collect();
    assert_eq!(set, documented(function)?, "set in the template and documented in {function}");
    for name in &set {
        let mut other = variables.clone();
        other.insert(name.clone(), "something-else".into());
        assert!(load::<C>(&other).as_ref() != Ok(&config), "`{name}` is not read");
    }

    let given = &template["Resources"][resource]["Properties"]["Environment"]["Variables"];
    for (name, value) in given.as_object().into_iter().flatten() {
        let parameter = value["Ref"].as_str().and_then(|parameter| template["Parameters"].get(parameter));
        let Some(parameter) = parameter.filter(|parameter| parameter["Type"] == "Number") else { continue };
        let (least, most) = (parameter["MinValue"].as_i64(), parameter["MaxValue"].as_i64());
        let (Some(least), Some(most)) = (least, most) else { return Err(format!("`{name}` has no limits")) };
        for (number, accepted) in [(least, true), (most, true), (least - 1, false), (most + 1, false)] {
            let mut variables = variables.clone();
            variables.insert(name.clone(), number.to_string());
            assert_eq!(load::<C>(&variables).is_ok(), accepted, "`{name}` = {number}");
        }
        let mut unset = variables.clone();
        unset.remove(name);
        assert!(load::<C>(&unset)? == config, "`{name}` has another default in the code");
    }
    Ok(())
}

/// A queue comes back to its worker as often as the worker thinks, and no sooner than the worker may take.
fn fits(template: &Value, queue: &str, worker: &str) -> Tested {
    let resources = &template["Resources"];
    let properties = &resources[queue]["Properties"];
    let receives = variables(template, worker)?["MAX_RECEIVES"].clone();
    assert_eq!(properties["RedrivePolicy"]["maxReceiveCount"].to_string(), receives, "{queue}");
    let timeout = &resources[worker]["Properties"]["Timeout"];
    // Where a parameter says it, the longest that it may be.
    let parameter = timeout["Ref"].as_str().and_then(|name| template["Parameters"].get(name));
    let timeout = parameter.map_or(timeout, |parameter| &parameter["MaxValue"]);
    let timeout = timeout.as_i64().ok_or_else(|| format!("`{worker}` has no timeout"))?;
    assert!(
        properties["VisibilityTimeout"].as_i64() >= Some(6 * timeout),
        "{queue}: Lambda asks for six times the timeout"
    );
    Ok(())
}

/// Queues, tables and buckets are encrypted, queues by the given key or one of the stack's own; buckets are nobody
/// else's.
fn everything_is_encrypted(template: &Value) -> Tested {
    let (own_key, given_key) = ("arn:of-its-own", "arn:aws:kms:us-east-1:111122223333:key/given");
    let mut resolver = resolver(template, &[])?;
    resolver.know("QueueKey", "id", BTreeMap::from([("Arn".to_owned(), own_key.to_owned())]));
    let given = self::resolver(template, &[("KmsKeyArn", given_key)])?;
    let mut encrypted = 0;
    for (name, resource) in template["Resources"].as_object().into_iter().flatten() {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().unwrap_or_default() {
            "AWS::SQS::Queue" => {
                assert_eq!(resolver.resolve(&properties["KmsMasterKeyId"])?, own_key, "{name}");
                assert_eq!(given.resolve(&properties["KmsMasterKeyId"])?, given_key, "{name}");
            }
            "AWS::DynamoDB::Table" => {
                assert_eq!(properties["SSESpecification"]["SSEEnabled"], true, "{name}");
            }
            "AWS::S3::Bucket" => {
                assert!(properties["BucketEncryption"].is_object(), "{name}");
                let blocked = properties["PublicAccessBlockConfiguration"].as_object();
                let blocked = blocked.map(|all| all.len() == 4 && all.values().all(|one| *one == true));
                assert_eq!(blocked, Some(true), "{name}");
            }
            _ => continue,
        }
        encrypted += 1;
    }
    assert!(encrypted > 0);
    Ok(())
}

/// Every rule may reach each of its targets, and the failed queue where it does not.
fn rules_reach_their_targets(template: &Value) -> Tested {
    let resources = template["Resources"].as_object().ok_or("no resources")?;
    let of_type = |kind: &'static str| resources.values().filter(move |resource| resource["Type"] == kind);
    let lets = |queue: &Value, rule: &Value| {
        of_type("AWS::SQS::QueuePolicy").any(|policy| {
            let properties = &policy["Properties"];
            let is_of_queue = properties["Queues"].as_array().is_some_and(|queues| {
                queues.iter().any(|of| of["Ref"].is_string() && of["Ref"] == queue["Fn::GetAtt"][0])
            });
            let statements = properties["PolicyDocument"]["Statement"].as_array().into_iter().flatten();
            is_of_queue
                && statements.into_iter().any(|statement| {
                    let sources = &statement["Condition"]["ArnEquals"]["aws:SourceArn"];
                    statement["Resource"] == *queue
                        && (sources == rule || sources.as_array().is_some_and(|all| all.contains(rule)))
                })
        })
    };
    for (name, resource) in resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Events::Rule") {
        let rule = json!({ "Fn::GetAtt": [name, "Arn"] });
        let targets =
            resource["Properties"]["Targets"].as_array().ok_or_else(|| format!("`{name}` has no targets"))?;
        for target in targets {
            let resource = target["Arn"]["Fn::GetAtt"][0].as_str().unwrap_or_default();
            let reached = match resources[resource]["Type"].as_str() {
                Some("AWS::SQS::Queue") => lets(&target["Arn"], &rule),
                Some("AWS::Serverless::Function") => of_type("AWS::Lambda::Permission").any(|permission| {
                    let properties = &permission["Properties"];
                    properties["FunctionName"]["Ref"] == resource && properties["SourceArn"] == rule
                }),
                other => return Err(format!("`{name}` has a target of type {other:?}")),
            };
            assert!(reached, "{name} may not reach {resource}");
            assert!(lets(&target["DeadLetterConfig"]["Arn"], &rule), "{name} may not reach the failed queue");
        }
    }
    Ok(())
}

/// The events that a rule takes, of those that have a name.
async fn taken<'a>(
    cloud: &LocalCloud,
    pattern: &Value,
    events: &'a BTreeMap<String, Value>,
) -> Result<BTreeSet<&'a str>, String> {
    let mut taken = BTreeSet::new();
    for (name, event) in events {
        let body = json!({ "Event": event.to_string(), "EventPattern": pattern.to_string() });
        let answer = cloud.aws_json("events", "AWSEvents.TestEventPattern", &body).await?;
        if answer["Result"] == true {
            taken.insert(name.as_str());
        }
    }
    Ok(taken)
}

/// The names of the files in a folder of `events/`.
fn files(folder: &str) -> Result<BTreeSet<String>, String> {
    let folder = repository().join("events").join(folder);
    let mut files = BTreeSet::new();
    for file in std::fs::read_dir(&folder).map_err(|error| format!("`{}`: {error}", folder.display()))? {
        files.insert(file.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned());
    }
    Ok(files)
}
