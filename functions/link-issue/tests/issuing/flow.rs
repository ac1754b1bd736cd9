//! The sample flow in `infra/contact-flows` fits the function, and can be imported.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use link_issue::Status;
use serde_json::Value;

const STATUSES: [Status; 5] =
    [Status::Sent, Status::PartlySent, Status::NoDestination, Status::Limited, Status::Failed];

struct Flow {
    start: String,
    actions: BTreeMap<String, Value>,
}

impl Flow {
    fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/contact-flows/voice-to-chat.json");
        let flow: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let actions = flow["Actions"].as_array().unwrap();
        let by_id = |action: &Value| (action["Identifier"].as_str().unwrap().to_owned(), action.clone());
        Self {
            start: flow["StartAction"].as_str().unwrap().to_owned(),
            actions: actions.iter().map(by_id).collect(),
        }
    }

    fn of_type(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.actions.values().filter(move |action| action["Type"] == name)
    }

    fn invocation(&self) -> &Value {
        self.of_type("InvokeLambdaFunction").next().unwrap()
    }

    /// The action that a caller comes to whose choices in comparisons are these.
    fn after<'a>(&'a self, action: &'a Value, compared: &BTreeMap<String, String>) -> &'a Value {
        let transitions = &action["Transitions"];
        let key = action["Parameters"]["ComparisonValue"].as_str().unwrap_or_default();
        let value = compared.get(key).cloned().unwrap_or_default();
        let holds = |condition: &&Value| condition["Condition"]["Operands"][0] == value.as_str();
        let chosen = transitions["Conditions"].as_array().unwrap().iter().find(holds);
        let next = chosen.map_or(&transitions["NextAction"], |condition| &condition["NextAction"]);
        &self.actions[next.as_str().unwrap()]
    }
}

fn targets(action: &Value) -> Vec<String> {
    let transitions = &action["Transitions"];
    let listed = |name: &str| transitions[name].as_array().cloned().unwrap_or_default();
    let branches = listed("Errors").into_iter().chain(listed("Conditions"));
    let next = branches.map(|branch| branch["NextAction"].clone());
    let next = next.chain(transitions.get("NextAction").cloned());
    next.map(|next| next.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_action_leads_on_and_is_reached() {
    let flow = Flow::read();
    let mut reached = BTreeSet::new();
    let mut next = vec![flow.start.clone()];
    while let Some(id) = next.pop() {
        let action = flow.actions.get(&id).unwrap_or_else(|| panic!("no action `{id}`"));
        let kind = action["Type"].as_str().unwrap();
        // Connect imports no other action without it.
        let is_last = matches!(kind, "EndFlowExecution" | "DisconnectParticipant");
        assert_eq!(action["Transitions"].get("NextAction").is_none(), is_last, "{kind}");
        if reached.insert(id) {
            next.extend(targets(action));
        }
    }
    assert!(reached.iter().eq(flow.actions.keys()));
}

#[test]
fn every_answer_has_its_branch() {
    let flow = Flow::read();
    let compare = flow.actions[flow.invocation()["Transitions"]["NextAction"].as_str().unwrap()].clone();
    assert_eq!(compare["Parameters"]["ComparisonValue"], "$.External.status");
    let conditions = compare["Transitions"]["Conditions"].as_array().unwrap();
    let compared = conditions.iter().map(|condition| condition["Condition"]["Operands"][0].as_str().unwrap());
    assert_eq!(compared.collect::<BTreeSet<_>>(), STATUSES.map(Status::as_str).into());
    assert_eq!(flow.invocation()["Parameters"]["ResponseValidation"]["ResponseType"], "STRING_MAP");
}

/// Whoever asks again is sent the link again, as far as the limits go: the fourth time says that there were enough.
#[test]
fn each_time_that_the_caller_asks_is_another_request() {
    let flow = Flow::read();
    let passed = &flow.invocation()["Parameters"]["LambdaInvocationAttributes"];
    let names: Vec<&str> = passed.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["consent", "language", "request"]);
    let key = passed["request"].as_str().unwrap();
    let attribute = key.strip_prefix("$.Attributes.").unwrap();
    let is_it = |action: &&Value| action["Parameters"]["ComparisonValue"] == key;
    let which = flow.of_type("Compare").find(is_it).unwrap();
    let mut attributes = BTreeMap::new();
    let mut requests = Vec::new();
    for _ in 0..5 {
        let mut action = flow.after(which, &attributes);
        while action["Type"] != "InvokeLambdaFunction" {
            assert_eq!(action["Parameters"]["TargetContact"], "Current");
            let value = action["Parameters"]["Attributes"][attribute].as_str().unwrap();
            attributes.insert(key.to_owned(), value.to_owned());
            action = flow.after(action, &attributes);
        }
        requests.push(attributes[key].clone());
    }
    assert_eq!(requests, ["1", "2", "3", "4", "4"]);
}
