//! Accounts of what was sent: what the ledger and the report say is held against what the providers took.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Campaigns;

/// What became of a campaign's approved messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reckoning {
    /// Approved, by the classifier or by a person.
    pub approved: u64,
    /// Of them, those that the provider took.
    pub accepted: u64,
    /// Of them, those that it refused.
    pub refused: u64,
    /// Of them, those of which nobody knows.
    pub uncertain: u64,
    /// Of them, those that are going to be sent.
    pub pending: u64,
    /// Of them, those that are not.
    pub not_sent: u64,
    /// Of them, those whose id an earlier row has.
    pub duplicates: u64,
}

impl Campaigns {
    /// Has a campaign's report written now.
    ///
    /// # Errors
    ///
    /// If it cannot be.
    pub async fn write_report(&self, campaign: &str) -> Result<(), String> {
        let body = json!({ "campaign": campaign }).to_string();
        let attributes = json!({ "ApproximateReceiveCount": "1" });
        let record = json!({
            "messageId": "reckoning", "receiptHandle": "reckoning", "body": body, "attributes": attributes,
            "messageAttributes": {}, "eventSource": "aws:sqs",
        });
        let answer = self.stack().invoke("ReportFunction", &json!({ "Records": [record] })).await?;
        match answer {
            Ok(answer) if answer.get("batchItemFailures") == Some(&json!([])) => Ok(()),
            answer => Err(format!("the report was not written: {answer:?}")),
        }
    }

    /// Holds a campaign's books against what the providers took, tests left out: nothing was taken twice,
    /// nothing that was not approved, everything that was taken is accepted or uncertain in the books, and
    /// what they say was accepted was.
    ///
    /// # Errors
    ///
    /// What does not add up.
    pub async fn reckon(&self, campaign: &str) -> Result<Reckoning, String> {
        self.write_report(campaign).await?;
        let verdicts = self.report_lines(campaign, "verdicts.jsonl").await?;
        let lines = self.report_lines(campaign, "deliveries.jsonl").await?;
        let taken = self.taken(campaign).await?;
        let mut reckoning = Reckoning {
            approved: verdicts.iter().filter(|line| text(line, "verdict") == "approved").count() as u64,
            ..Reckoning::default()
        };
        let mut explained = BTreeSet::new();
        for line in &lines {
            let (entry, status) = (text(line, "entry"), text(line, "status"));
            let times = taken.get(entry).copied().unwrap_or_default();
            let (count, most) = match status {
                "accepted" => (&mut reckoning.accepted, 1),
                "uncertain" => (&mut reckoning.uncertain, 1),
                "refused" => (&mut reckoning.refused, 0),
                "pending" => (&mut reckoning.pending, 0),
                "not_sent" => (&mut reckoning.not_sent, 0),
                "duplicate" => (&mut reckoning.duplicates, 1),
                other => return Err(format!("a message is `{other}`")),
            };
            *count += 1;
            if times > most || (status == "accepted" && times == 0) {
                return Err(format!("{status}, and taken {times} times: {line}"));
            }
            explained.insert(entry);
        }
        for (entry, times) in taken.iter().filter(|(entry, _)| !explained.contains(entry.as_str())) {
            if *times > 1 || !self.is_of_another_upload(campaign, entry).await? {
                return Err(format!("entry `{entry}` was taken {times} times, and is in no shard"));
            }
        }
        if lines.len() as u64 == reckoning.approved {
            Ok(reckoning)
        } else {
            Err(format!("{} deliveries of {} approved messages", lines.len(), reckoning.approved))
        }
    }

    /// As [`reckon`](Self::reckon), of a campaign of which nothing is left to be sent.
    ///
    /// # Errors
    ///
    /// What does not add up, or what is left.
    pub async fn reckon_sent(&self, campaign: &str) -> Result<Reckoning, String> {
        let reckoning = self.reckon(campaign).await?;
        if reckoning.pending + reckoning.not_sent == 0 {
            Ok(reckoning)
        } else {
            Err(format!("not all of `{campaign}` was sent: {reckoning:?}"))
        }
    }

    async fn is_of_another_upload(&self, campaign: &str, entry: &str) -> Result<bool, String> {
        let upload = self.figures(campaign).await?.get("upload").cloned().unwrap_or_default();
        let items = self.items("attribute_exists(claim_deadline)").await?;
        let key = format!("effect#{entry}");
        let item = items.iter().find(|item| item.pointer("/pk/S").and_then(Value::as_str) == Some(&key));
        let of = item.and_then(|item| item.pointer("/detail/M/upload/S"));
        Ok(of.is_some_and(|of| *of != upload))
    }

    /// How often the providers took each entry of a campaign.
    async fn taken(&self, campaign: &str) -> Result<BTreeMap<String, u64>, String> {
        let mut taken: BTreeMap<String, u64> = BTreeMap::new();
        for message in self.sent().await? {
            let tags = message.get("tags").filter(|tags| tags.is_object()).or_else(|| message.get("context"));
            let tags = tags.cloned().unwrap_or_default();
            if text(&tags, "eventide-campaign") == campaign && !is_test(&message) {
                *taken.entry(text(&tags, "eventide-entry").to_owned()).or_default() += 1;
            }
        }
        Ok(taken)
    }
}

/// Whether a message that a provider took is marked as a test.
pub fn is_test(message: &Value) -> bool {
    ["subject", "text"].iter().any(|member| text(message, member).starts_with("[TEST] "))
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}
