//! What the template sets.

use eventide_kit::env::{FromEnv, Vars};

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The DynamoDB table of campaigns and scores.
    pub ledger_table: String,
    /// Where campaigns are uploaded.
    pub campaign_bucket: String,
    /// Where contents and documents go.
    pub work_bucket: String,
    /// Where events go.
    pub event_bus: String,
    /// campaign-classify's queue.
    pub classify_queue_url: String,
    /// campaign-judge's queue.
    pub judge_queue_url: String,
    /// Where messages go that nobody can carry on.
    pub failed_queue_url: String,
    /// What the steps depend on.
    pub settings: Settings,
}

/// What the steps depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The version of the classifier.
    pub classifier: String,
    /// Its language, an ISO 639-3 code.
    pub language: &'static str,
    /// How often the queue delivers a message before it gives up on it.
    pub max_receives: u32,
}

/// The languages of custom classifiers of plain text (Amazon Comprehend Developer Guide, "Languages supported in Amazon
/// Comprehend").
const LANGUAGES: [(&str, &str); 6] =
    [("en", "eng"), ("es", "spa"), ("de", "deu"), ("it", "ita"), ("fr", "fra"), ("pt", "por")];

impl FromEnv for Config {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let ledger_table = vars.required("LEDGER_TABLE", "the name of a DynamoDB table");
        let campaign_bucket = vars.required("CAMPAIGN_BUCKET", "the name of a bucket");
        let work_bucket = vars.required("WORK_BUCKET", "the name of a bucket");
        let event_bus =
            vars.optional("EVENT_BUS_NAME", "the name or ARN of an event bus", "default".to_owned());
        let classify_queue_url = vars.required("CLASSIFY_QUEUE_URL", "the URL of an SQS queue");
        let judge_queue_url = vars.required("JUDGE_QUEUE_URL", "the URL of an SQS queue");
        let failed_queue_url = vars.required("FAILED_QUEUE_URL", "the URL of an SQS queue");
        let classifier = vars.required("CLASSIFIER_ARN", "the ARN of a version of a document classifier");
        let language = language(vars);
        let max_receives = vars.in_range("MAX_RECEIVES", 1..=1000, 5);
        Some(Self {
            ledger_table: ledger_table?,
            campaign_bucket: campaign_bucket?,
            work_bucket: work_bucket?,
            event_bus: event_bus?,
            classify_queue_url: classify_queue_url?,
            judge_queue_url: judge_queue_url?,
            failed_queue_url: failed_queue_url?,
            settings: Settings { classifier: classifier?, language: language?, max_receives: max_receives? },
        })
    }
}

fn language(vars: &mut Vars) -> Option<&'static str> {
    const EXPECTED: &str = "one of `en`, `es`, `de`, `it`, `fr`, `pt`";
    let given: String = vars.optional("LANGUAGE", EXPECTED, "en".to_owned())?;
    let known = LANGUAGES.into_iter().find(|(short, _)| *short == given);
    if known.is_none() {
        vars.fault("LANGUAGE", EXPECTED);
    }
    known.map(|(_, long)| long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_variable_is_named() {
        let error = Vars::from_pairs([("LANGUAGE", "xx")]).load::<Config>().unwrap_err().to_string();
        for name in ["LEDGER_TABLE", "CAMPAIGN_BUCKET", "WORK_BUCKET", "CLASSIFIER_ARN", "LANGUAGE"] {
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
