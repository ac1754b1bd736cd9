//! A table of DynamoDB whose conditions are always met.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The items by their keys.
#[derive(Clone, Debug, Default)]
pub struct Table {
    items: BTreeMap<String, Value>,
}

impl Table {
    /// The answer to an operation; `None`: it is none that the functions call.
    pub fn answer(&mut self, operation: &str, asked: &Value) -> Option<Value> {
        let key = |path| asked.pointer(path).and_then(Value::as_str).unwrap_or_default();
        Some(match operation {
            "GetItem" => match self.items.get(key("/Key/pk/S")) {
                Some(item) => json!({ "Item": item }),
                None => json!({}),
            },
            "PutItem" => {
                if let Some(item) = asked.get("Item") {
                    self.items.insert(key("/Item/pk/S").to_owned(), item.clone());
                }
                json!({})
            }
            "UpdateItem" => json!({ "Attributes": self.updated(key("/Key/pk/S"), asked) }),
            // What is asked for in many items is not there yet: scores, decisions, entries and outcomes.
            "BatchGetItem" => json!({ "Responses": {}, "UnprocessedKeys": {} }),
            "BatchWriteItem" => json!({ "UnprocessedItems": {} }),
            "Query" => json!({ "Items": [], "Count": 0, "ScannedCount": 0 }),
            "TransactWriteItems" => json!({}),
            _ => return None,
        })
    }

    /// An entry of the ledger is settled as asked for. Of other items nobody reads what comes back.
    fn updated(&mut self, pk: &str, asked: &Value) -> Value {
        let mut item = self.items.get(pk).cloned().unwrap_or_else(|| json!({ "pk": { "S": pk } }));
        let wanted = asked.pointer("/ExpressionAttributeValues/:wanted");
        if let (Some(members), Some(wanted)) = (item.as_object_mut(), wanted) {
            members.insert("state".to_owned(), wanted.clone());
        }
        item
    }

    /// The record of a campaign.
    #[must_use]
    pub fn campaign(&self, id: &str) -> Option<Value> {
        let item = self.items.get(&format!("campaign#{id}"))?;
        serde_json::from_str(item.pointer("/campaign/S")?.as_str()?).ok()
    }

    /// Changes members of a campaign's record.
    pub fn change(&mut self, id: &str, changes: &Value) {
        let Some(mut record) = self.campaign(id) else { return };
        if let (Some(members), Some(changes)) = (record.as_object_mut(), changes.as_object()) {
            members.extend(changes.clone());
        }
        let item = self.items.get_mut(&format!("campaign#{id}"));
        if let Some(members) = item.and_then(Value::as_object_mut) {
            members.insert("campaign".to_owned(), json!({ "S": record.to_string() }));
        }
    }

    /// How many decisions of people there are.
    #[must_use]
    pub fn decisions(&self) -> usize {
        self.items.keys().filter(|pk| pk.starts_with("decision#")).count()
    }

    /// The keys of the shards that were created.
    #[must_use]
    pub fn shards(&self) -> Vec<String> {
        self.items.keys().filter_map(|pk| pk.strip_prefix("shard#").map(str::to_owned)).collect()
    }
}
