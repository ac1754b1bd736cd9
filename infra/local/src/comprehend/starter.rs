//! A classifier that is there at once: trained from a labelled file on this machine, past S3 and the clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventide_local_classifier::dataset::{self, Example};
use eventide_local_classifier::{Mode, Score};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::classifier::{Classifier, Status, arn};
use super::endpoint::{Endpoint, Service};
use super::training::{Data, Trained};
use super::{Comprehend, Context};
use crate::cloud::REGION;

/// Where the labelled messages are that the repository ships.
const DATASET: &str = "infra/train/starter/train.csv";

/// Which classifier, and from what.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Starter {
    /// `DocumentClassifierName`
    #[serde(default = "name")]
    name: String,
    /// `VersionName`
    #[serde(default = "version")]
    version: String,
    /// The labelled CSV file; relative paths are from where the local cloud was started.
    #[serde(default = "dataset")]
    dataset: PathBuf,
    /// Another one to test with; without it a tenth is held out.
    #[serde(default)]
    test: Option<PathBuf>,
    /// Whether a document may have several labels, joined by `|`.
    #[serde(default)]
    multi_label: bool,
    /// An endpoint as well.
    #[serde(default)]
    endpoint: Option<StarterEndpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StarterEndpoint {
    #[serde(default = "name")]
    name: String,
    #[serde(default = "one")]
    units: u32,
}

/// A text, and the classifier to ask; without one, the starter.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Question {
    text: String,
    #[serde(default)]
    classifier_arn: Option<String>,
}

fn name() -> String {
    "eventide-compliance".into()
}

fn version() -> String {
    "starter".into()
}

fn dataset() -> PathBuf {
    DATASET.into()
}

fn one() -> u32 {
    1
}

impl Comprehend {
    /// Trains at once, unless the same was trained before, and puts the classifier there. One of that name
    /// and version is replaced; jobs that run keep the model that they began with.
    pub(super) async fn start_with(&self, starter: Starter) -> Result<Value, String> {
        let mode = if starter.multi_label { Mode::MultiLabel } else { Mode::MultiClass };
        let train = read(&starter.dataset, mode)?;
        let test = starter.test.as_deref().map(|path| read(path, mode)).transpose()?;
        let data = Data { mode, train, test };
        data.check(&self.settings())?;
        let trained = self.shared.models.train(data).await?;
        let cx = Context {
            region: REGION.into(),
            account: self.shared.account.clone(),
            caller: "starter".into(),
            now: self.shared.clock.now(),
        };
        let classifier = made(&cx, &starter, mode, Arc::clone(&trained));
        let mut answer = json!({ "classifierArn": classifier.arn, "metadata": trained.metadata() });
        let mut state = self.state();
        let model = classifier.arn.clone();
        state.classifiers.retain(|known| known.arn != model);
        state.classifiers.push(classifier);
        if let Some(StarterEndpoint { name, units }) = starter.endpoint {
            let service = Service { model, units, role: None };
            let mut endpoint = Endpoint::new(&cx, &name, service, &state.settings, None);
            endpoint.settle_now(cx.now);
            endpoint.starter = true;
            if let Some(members) = answer.as_object_mut() {
                members.insert("endpointArn".into(), json!(endpoint.arn));
            }
            state.endpoints.retain(|known| known.arn != endpoint.arn);
            state.endpoints.push(endpoint);
        }
        Ok(answer)
    }

    /// What a classifier says of a text, past endpoints and their rates.
    pub(super) fn ask(&self, question: &Question) -> Result<Value, String> {
        let starter = arn(REGION, &self.shared.account, &name(), Some(&version()));
        let classifier = question.classifier_arn.as_ref().unwrap_or(&starter);
        let trained = self.state().trained(classifier).map_err(|refusal| refusal.message())?;
        let scores = trained.model.classify(&question.text).into_iter();
        let shown = scores.map(|Score { name, score }| json!({ "name": name, "score": score }));
        Ok(json!({ "classes": shown.collect::<Vec<_>>() }))
    }
}

fn made(cx: &Context, starter: &Starter, mode: Mode, trained: Arc<Trained>) -> Classifier {
    let given = json!({
        "LanguageCode": "en",
        "InputDataConfig": { "DataFormat": "COMPREHEND_CSV" },
    });
    Classifier {
        arn: arn(&cx.region, &cx.account, &starter.name, Some(&starter.version)),
        region: cx.region.clone(),
        account: cx.account.clone(),
        name: starter.name.clone(),
        version: Some(starter.version.clone()),
        mode,
        status: Status::Trained,
        message: None,
        submitted: cx.now,
        started: Some(cx.now),
        ended: Some(cx.now),
        trained: Some(trained),
        given: given.as_object().cloned().unwrap_or_else(Map::new),
        token: None,
        stop: watch::Sender::new(false),
        starter: true,
    }
}

fn read(path: &Path, mode: Mode) -> Result<Vec<Example>, String> {
    let shown = path.display();
    let csv = std::fs::read(path).map_err(|error| format!("`{shown}`: {error}"))?;
    dataset::read(&csv, mode, '|').map_err(|error| format!("`{shown}`: {error}"))
}
