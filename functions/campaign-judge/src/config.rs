//! What the template sets.

use std::collections::BTreeMap;
use std::str::FromStr;

use eventide_kit::env::{FromEnv, Vars};
use eventide_types::campaign::verdict::Policy;

/// The function's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The DynamoDB table of campaigns, decisions and shards.
    pub ledger_table: String,
    /// Where campaigns are uploaded.
    pub campaign_bucket: String,
    /// Where contents, scores and shards lie.
    pub work_bucket: String,
    /// Where verdicts go.
    pub report_bucket: String,
    /// Where events go.
    pub event_bus: String,
    /// campaign-send's queue.
    pub send_queue_url: String,
    /// campaign-report's queue.
    pub report_queue_url: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The secret that the names of ledger entries are made with.
    pub secret: String,
    /// What labels and scores mean.
    pub policy: Policy,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let campaign_bucket = vars.required("CAMPAIGN_BUCKET", "the name of a bucket");
        let work_bucket = vars.required("WORK_BUCKET", "the name of a bucket");
        let report_bucket = vars.required("REPORT_BUCKET", "the name of a bucket");
        let event_bus =
            vars.optional("EVENT_BUS_NAME", "the name or ARN of an event bus", "default".to_owned());
        let send_queue_url = vars.required("SEND_QUEUE_URL", "the URL of an SQS queue");
        let report_queue_url = vars.required("REPORT_QUEUE_URL", "the URL of an SQS queue");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let secret = vars.required("ENTRY_SECRET_ARN", "the ARN or name of a secret");
        let policy = policy(vars);
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        Some(Self {
            ledger_table: ledger_table?,
            campaign_bucket: campaign_bucket?,
            work_bucket: work_bucket?,
            report_bucket: report_bucket?,
            event_bus: event_bus?,
            send_queue_url: send_queue_url?,
            report_queue_url: report_queue_url?,
            failed_queue_url: failed_queue_url?,
            settings: Settings { secret: secret?, policy: policy?, max_receives: max_receives? },
        })
    }
}

fn policy(vars: &mut Vars) -> Option<Policy> {
    const LABELS: &str = "labels, joined by commas";
    const OTHERS: &str = "`label=score`, joined by commas, of labels in `RESTRICTED_LABELS`";
    let compliant = vars.required("COMPLIANT_LABELS", LABELS);
    let restricted = vars.required("RESTRICTED_LABELS", LABELS);
    let approve_at = vars.in_range("APPROVE_AT", 0.0..=1.0, 0.8_f32);
    let reject_at = vars.in_range("REJECT_AT", 0.0..=1.0, 0.6_f32);
    let by_label = vars.optional("REJECT_AT_LABELS", OTHERS, Thresholds(BTreeMap::new()));
    let hold_at = vars.in_range("HOLD_AT", 0.0..=1.0, 0.2_f32);
    let (Labels(compliant), Labels(restricted)) = (compliant?, restricted?);
    let (Thresholds(reject_at_label), approve_at, reject_at) = (by_label?, approve_at?, reject_at?);
    if restricted.iter().any(|label| compliant.contains(label)) {
        vars.fault("RESTRICTED_LABELS", "no label that is in `COMPLIANT_LABELS`, too");
        return None;
    }
    if reject_at_label.keys().any(|label| !restricted.contains(label)) {
        vars.fault("REJECT_AT_LABELS", OTHERS);
        return None;
    }
    Some(Policy { compliant, restricted, approve_at, reject_at, reject_at_label, hold_at: hold_at? })
}

struct Labels(Vec<String>);

impl FromStr for Labels {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let labels: Vec<_> = text.split(',').map(|label| label.trim().to_owned()).collect();
        if labels.iter().any(String::is_empty) { Err(()) } else { Ok(Self(labels)) }
    }
}

struct Thresholds(BTreeMap<String, f32>);

impl FromStr for Thresholds {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let threshold = |part: &str| {
            let (label, score) = part.rsplit_once('=')?;
            let score = score.trim().parse().ok().filter(|score| (0.0..=1.0).contains(score))?;
            Some((label.trim().to_owned(), score))
        };
        text.split(',').map(threshold).collect::<Option<_>>().map(Self).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 10] = [
        ("LEDGER_TABLE", "t"),
        ("CAMPAIGN_BUCKET", "c"),
        ("WORK_BUCKET", "w"),
        ("REPORT_BUCKET", "r"),
        ("SEND_QUEUE_URL", "s"),
        ("REPORT_QUEUE_URL", "q"),
        ("FAILED_QUEUE_URL", "f"),
        ("ENTRY_SECRET_ARN", "e"),
        ("COMPLIANT_LABELS", "1"),
        ("RESTRICTED_LABELS", "0, gambling"),
    ];

    fn load(more: &[(&'static str, &'static str)]) -> Result<Config, String> {
        let vars = Vars::from_pairs(REQUIRED.into_iter().chain(more.iter().copied()));
        vars.load().map_err(|error| error.to_string())
    }

    #[test]
    fn labels_have_no_default_and_thresholds_have() {
        let policy = load(&[("REJECT_AT_LABELS", "gambling=0.4")]).unwrap().settings.policy;
        assert_eq!(
            (policy.compliant, policy.restricted),
            (vec!["1".to_owned()], vec!["0".to_owned(), "gambling".to_owned()])
        );
        assert_eq!((policy.approve_at, policy.reject_at, policy.hold_at), (0.8, 0.6, 0.2));
        assert_eq!(policy.reject_at_label["gambling"], 0.4);
        let error = Vars::from_pairs::<&str, &str>([]).load::<Config>().unwrap_err().to_string();
        assert!(REQUIRED.iter().all(|(name, _)| error.contains(name)), "{error}");
    }

    #[test]
    fn labels_that_contradict_each_other_are_refused() {
        for (bad, name) in [
            (("RESTRICTED_LABELS", "0,1"), "RESTRICTED_LABELS"),
            (("RESTRICTED_LABELS", "0,,2"), "RESTRICTED_LABELS"),
            (("REJECT_AT_LABELS", "casino=0.5"), "REJECT_AT_LABELS"),
            (("REJECT_AT_LABELS", "gambling=1.5"), "REJECT_AT_LABELS"),
            (("APPROVE_AT", "1.1"), "APPROVE_AT"),
            (("HOLD_AT", "NaN"), "HOLD_AT"),
        ] {
            let error = load(&[bad]).unwrap_err();
            assert!(error.contains(name), "{bad:?}: {error}");
        }
    }
}
