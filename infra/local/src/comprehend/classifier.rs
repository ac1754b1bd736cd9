//! Classifiers: creating, describing, listing, stopping and deleting them.

use std::sync::Arc;

use eventide_local_classifier::Mode;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::clock::{id, later, timestamp, until};
use super::input::{CLASSIFIER, Input, NAME, ROLE, S3_URI, TOKEN, s3_location};
use super::page::{Between, Cut, only_one};
use super::refusal::{Outcome, Refusal};
use super::training::{self, Data, Trained};
use super::{Comprehend, Context, State, Token, archive};

/// The languages that custom classification knows (Developer Guide, "Languages supported in Amazon
/// Comprehend").
const LANGUAGES: [&str; 6] = ["en", "es", "fr", "de", "it", "pt"];
/// `LanguageCode`
const CODES: [&str; 12] = ["en", "es", "fr", "de", "it", "pt", "ar", "hi", "ja", "ko", "zh", "zh-TW"];

/// `ModelStatus`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Submitted,
    Training,
    StopRequested,
    Stopped,
    InError,
    Trained,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Training => "TRAINING",
            Self::StopRequested => "STOP_REQUESTED",
            Self::Stopped => "STOPPED",
            Self::InError => "IN_ERROR",
            Self::Trained => "TRAINED",
        }
    }

    fn has_ended(self) -> bool {
        matches!(self, Self::Stopped | Self::InError | Self::Trained)
    }
}

/// One version of a classifier.
#[derive(Debug)]
pub(super) struct Classifier {
    pub(super) arn: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) mode: Mode,
    pub(super) status: Status,
    pub(super) message: Option<String>,
    pub(super) submitted: OffsetDateTime,
    pub(super) started: Option<OffsetDateTime>,
    pub(super) ended: Option<OffsetDateTime>,
    pub(super) trained: Option<Arc<Trained>>,
    /// Members that are described as they were given.
    pub(super) given: Map<String, Value>,
    pub(super) token: Option<Token>,
    /// Turned true by a request to stop.
    pub(super) stop: watch::Sender<bool>,
    /// Made by control, and kept by a reset.
    pub(super) starter: bool,
}

/// Where a classifier's training data are, and where its confusion matrix goes.
#[derive(Debug)]
struct Work {
    mode: Mode,
    delimiter: char,
    train: String,
    test: Option<String>,
    output: Option<String>,
}

/// The ARN of a classifier.
pub(super) fn arn(region: &str, account: &str, name: &str, version: Option<&str>) -> String {
    let version = version.map(|version| format!("/version/{version}")).unwrap_or_default();
    format!("arn:aws:comprehend:{region}:{account}:document-classifier/{name}{version}")
}

impl Classifier {
    /// `DocumentClassifierProperties`
    pub(super) fn described(&self) -> Value {
        let mut shown = self.given.clone();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("DocumentClassifierArn", json!(self.arn));
        put("Status", json!(self.status.name()));
        put("SubmitTime", json!(timestamp(self.submitted)));
        put("Mode", json!(if self.mode == Mode::MultiClass { "MULTI_CLASS" } else { "MULTI_LABEL" }));
        if let Some(version) = &self.version {
            put("VersionName", json!(version));
        }
        if let Some(message) = &self.message {
            put("Message", json!(message));
        }
        if let Some(started) = self.started {
            put("TrainingStartTime", json!(timestamp(started)));
        }
        if let Some(ended) = self.ended {
            put("EndTime", json!(timestamp(ended)));
            if self.started.is_some() {
                put("TrainingEndTime", json!(timestamp(ended)));
            }
        }
        if let Some(trained) = &self.trained {
            put("ClassifierMetadata", trained.metadata());
        }
        Value::Object(shown)
    }
}

impl State {
    /// A classifier by its ARN.
    pub(super) fn classifier(&self, arn: &str) -> Outcome<&Classifier> {
        self.classifiers.iter().find(|known| known.arn == arn).ok_or_else(Refusal::not_found)
    }

    /// The model of a classifier that is trained.
    pub(super) fn trained(&self, arn: &str) -> Outcome<Arc<Trained>> {
        self.classifier(arn)?.trained.clone().ok_or_else(Refusal::unavailable)
    }

    fn classifier_mut(&mut self, arn: &str) -> Option<&mut Classifier> {
        self.classifiers.iter_mut().find(|known| known.arn == arn)
    }
}

impl Comprehend {
    pub(super) fn create_classifier(&self, cx: &Context, body: &Value) -> Outcome<Value> {
        let input = Input::new(body)?;
        let (mut classifier, work) = read(cx, input, body)?;
        let mut state = self.state();
        if let Some(token) = &classifier.token {
            let known = state.classifiers.iter().find_map(|known| Some((known.token.as_ref()?, &known.arn)));
            let known = known.filter(|(known, _)| known.is_same(token));
            if let Some((known, arn)) = known {
                return known.repeats(token).map(|()| json!({ "DocumentClassifierArn": arn }));
            }
        }
        if state.classifiers.iter().any(|known| known.arn == classifier.arn) {
            return Err(Refusal::name_in_use());
        }
        if let Some(output) = &work.output {
            let output = output.clone();
            let described = classifier.given.get_mut("OutputDataConfig").and_then(Value::as_object_mut);
            described.map(|described| described.insert("S3Uri".into(), json!(output)));
        }
        let arn = classifier.arn.clone();
        let submitted = later(cx.now, state.settings.training_submitted_seconds);
        let due = (submitted, later(submitted, state.settings.training_seconds));
        let mut stop = classifier.stop.subscribe();
        state.classifiers.push(classifier);
        drop(state);
        let (this, of) = (self.clone(), arn.clone());
        tokio::spawn(async move {
            tokio::select! {
                // Stopped, or forgotten by a reset.
                _ = stop.wait_for(|stop| *stop) => this.end_training(&of, Status::Stopped, None, None),
                () = this.run_training(&of, due, work) => {}
            }
        });
        Ok(json!({ "DocumentClassifierArn": arn }))
    }

    async fn run_training(&self, arn: &str, due: (OffsetDateTime, OffsetDateTime), work: Work) {
        let clock = &self.shared.clock;
        until(clock, due.0).await;
        if let Some(classifier) = self.state().classifier_mut(arn) {
            classifier.status = Status::Training;
            classifier.started = Some(clock.now());
        }
        until(clock, due.1).await;
        match self.train(work).await {
            Ok(trained) => self.end_training(arn, Status::Trained, None, Some(trained)),
            Err(message) => self.end_training(arn, Status::InError, Some(message), None),
        }
    }

    async fn train(&self, work: Work) -> Result<Arc<Trained>, String> {
        let lake = self.shared.lake.as_ref();
        let train = training::read(lake, &work.train, work.mode, work.delimiter).await?;
        let test = match &work.test {
            Some(uri) => Some(training::read(lake, uri, work.mode, work.delimiter).await?),
            None => None,
        };
        let data = Data { mode: work.mode, train, test };
        data.check(&self.settings())?;
        let trained = self.shared.models.train(data).await?;
        if let Some((bucket, key)) = work.output.as_deref().and_then(s3_location) {
            let matrix = trained.confusion().to_string();
            let packed = archive::archive("output/confusion_matrix.json", matrix.as_bytes());
            let packed = packed.map_err(|error| error.to_string())?;
            lake.put(bucket, key, packed).await.map_err(|error| super::unwritable(&error))?;
        }
        Ok(trained)
    }

    fn end_training(
        &self,
        arn: &str,
        status: Status,
        message: Option<String>,
        trained: Option<Arc<Trained>>,
    ) {
        let now = self.shared.clock.now();
        let mut state = self.state();
        let running = state.classifier_mut(arn).filter(|classifier| !classifier.status.has_ended());
        if let Some(classifier) = running {
            (classifier.status, classifier.message, classifier.trained) = (status, message, trained);
            classifier.ended = Some(now);
        }
    }

    pub(super) fn describe_classifier(&self, input: Input<'_>) -> Outcome<Value> {
        let arn = input.required("DocumentClassifierArn", (0, 256), CLASSIFIER)?;
        let described = self.state().classifier(arn)?.described();
        Ok(json!({ "DocumentClassifierProperties": described }))
    }

    pub(super) fn list_classifiers(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let state = self.state();
        let cut = Cut::read(input, "ListDocumentClassifiers", state.settings.page_items)?;
        let (mut status, mut name, mut between) = (None, None, Between::default());
        if let Some(filter) = input.structure("Filter", "filter.")? {
            status = filter.text("Status")?;
            name = filter.matching("DocumentClassifierName", (0, 63), NAME)?;
            between = Between::read(filter, "SubmitTime")?;
            let members = ["Status", "DocumentClassifierName", "SubmitTimeBefore", "SubmitTimeAfter"];
            only_one(filter, &members)?;
        }
        let found = state.classifiers.iter().rev().filter(|classifier| {
            cx.is_home(&classifier.region, &classifier.account)
                && status.is_none_or(|status| classifier.status.name() == status)
                && name.is_none_or(|name| classifier.name == name)
                && between.holds(classifier.submitted)
        });
        let listed = found.map(Classifier::described).collect();
        Ok(cut.page("DocumentClassifierPropertiesList", listed))
    }

    pub(super) fn stop_training(&self, input: Input<'_>) -> Outcome<Value> {
        let arn = input.required("DocumentClassifierArn", (0, 256), CLASSIFIER)?;
        let mut state = self.state();
        let classifier = state.classifier_mut(arn).ok_or_else(Refusal::not_found)?;
        if !classifier.status.has_ended() {
            classifier.status = Status::StopRequested;
            classifier.stop.send_replace(true);
        }
        Ok(json!({}))
    }

    pub(super) fn delete_classifier(&self, input: Input<'_>) -> Outcome<Value> {
        let arn = input.required("DocumentClassifierArn", (0, 256), CLASSIFIER)?;
        let mut state = self.state();
        if !state.classifier(arn)?.status.has_ended() {
            return Err(Refusal::unavailable());
        }
        let endpoint = state.endpoints.iter().any(|endpoint| endpoint.uses(arn));
        let job = state.jobs.iter().any(|job| job.classifier == arn && !job.status.has_ended());
        if endpoint || job {
            return Err(Refusal::in_use("The classifier is used by an endpoint or by an active job."));
        }
        state.classifiers.retain(|classifier| classifier.arn != arn);
        Ok(json!({}))
    }
}

/// Checks a request.
fn read(cx: &Context, input: Input<'_>, body: &Value) -> Outcome<(Classifier, Work)> {
    let name = input.required("DocumentClassifierName", (0, 63), NAME)?;
    let version = input.matching("VersionName", (0, 63), NAME)?;
    input.required("DataAccessRoleArn", (20, 2048), ROLE)?;
    let language = input.one_of("LanguageCode", &CODES)?.ok_or_else(|| input.missing("LanguageCode"))?;
    let token = input.matching("ClientRequestToken", (1, 64), TOKEN)?;
    let mode = match input.one_of("Mode", &["MULTI_CLASS", "MULTI_LABEL"])? {
        Some("MULTI_LABEL") => Mode::MultiLabel,
        _ => Mode::MultiClass,
    };
    let data = input.required_structure("InputDataConfig", "inputDataConfig.")?;
    let format = data.one_of("DataFormat", &["COMPREHEND_CSV", "AUGMENTED_MANIFEST"])?;
    let kind = data.one_of("DocumentType", &["PLAIN_TEXT_DOCUMENT", "SEMI_STRUCTURED_DOCUMENT"])?;
    if format == Some("AUGMENTED_MANIFEST") || data.has("AugmentedManifests") {
        return Err(Refusal::not_covered("AUGMENTED_MANIFEST"));
    }
    if kind == Some("SEMI_STRUCTURED_DOCUMENT") || data.has("Documents") {
        return Err(Refusal::not_covered("SEMI_STRUCTURED_DOCUMENT"));
    }
    let train = data.matching("S3Uri", (0, 1024), S3_URI)?;
    let train = train.ok_or_else(|| Refusal::invalid("S3Uri is required for COMPREHEND_CSV."))?;
    let test = data.matching("TestS3Uri", (0, 1024), S3_URI)?;
    let delimiter = delimiter(data)?;
    let output = match input.structure("OutputDataConfig", "outputDataConfig.")? {
        Some(output) => output.matching("S3Uri", (0, 1024), S3_URI)?,
        None => None,
    };
    if !LANGUAGES.contains(&language) {
        return Err(Refusal::language(language));
    }
    let members = [
        "InputDataConfig",
        "OutputDataConfig",
        "LanguageCode",
        "DataAccessRoleArn",
        "VolumeKmsKeyId",
        "ModelKmsKeyId",
        "VpcConfig",
    ];
    let given = members.into_iter().filter_map(|name| Some((name.to_owned(), input.raw(name)?)));
    let classifier = Classifier {
        arn: arn(&cx.region, &cx.account, name, version),
        region: cx.region.clone(),
        account: cx.account.clone(),
        name: name.to_owned(),
        version: version.map(str::to_owned),
        mode,
        status: Status::Submitted,
        message: None,
        submitted: cx.now,
        started: None,
        ended: None,
        trained: None,
        given: given.collect(),
        token: token.map(|token| Token::new(cx, token, body)),
        stop: watch::Sender::new(false),
        starter: false,
    };
    let work = Work {
        mode,
        delimiter,
        train: train.to_owned(),
        test: test.map(str::to_owned),
        output: output.map(|prefix| cx.output(prefix, "CLR", &id())),
    };
    Ok((classifier, work))
}

/// `LabelDelimiter`
fn delimiter(data: Input<'_>) -> Outcome<char> {
    let given = data.sized("LabelDelimiter", 1, 1)?.and_then(|text| text.chars().next());
    match given {
        Some(given) if !" ~!@#$%^*-_+=|\\:;\t>?/".contains(given) => {
            Err(Refusal::invalid(format!("LabelDelimiter `{given}` is not allowed.")))
        }
        given => Ok(given.unwrap_or('|')),
    }
}
