use aws_sdk_comprehend::Client;
use aws_sdk_comprehend::config::Config;
use aws_sdk_comprehend::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_comprehend::operation::classify_document::ClassifyDocumentOutput;
use aws_sdk_comprehend::types::{
    EndpointStatus, InputDataConfig, InputFormat, JobStatus as Status, OutputDataConfig,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use eventide_kit::error::Error;
use eventide_types::campaign::verdict::{Mode, Score, Scores};

use super::{Classifier, EndpointState, Job, JobStatus, State};
use crate::errors::{self, environment, failed};

/// [`Classifier`] through the AWS SDK.
#[derive(Clone, Debug)]
pub struct SdkClassifier {
    client: Client,
}

impl SdkClassifier {
    /// In the Region of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// What is configured and cannot be used is no fault of the text or the job.
fn sorted<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E, HttpResponse>) -> Error {
    let failed = failed(operation, error);
    match code(error) {
        Some("ResourceNotFoundException" | "ResourceUnavailableException") => environment(failed),
        // Too many active jobs. The service model does not list it for the operation; other operations have it.
        Some("ResourceLimitExceededException") => Error::retryable("Throttled", failed.to_string()),
        _ => failed,
    }
}

fn incomplete(operation: &str) -> Error {
    Error::retryable("IncompleteAnswer", format!("`{operation}` did not answer in full"))
}

/// Which of the two lists there is tells the kind of model.
fn scores(output: ClassifyDocumentOutput) -> Option<Scores> {
    let score = |name: Option<String>, score: Option<f32>| Some(Score { name: name?, score: score? });
    let (mode, labels): (_, Option<Vec<_>>) = match (output.classes, output.labels) {
        (Some(classes), None) => {
            (Mode::MultiClass, classes.into_iter().map(|class| score(class.name, class.score)).collect())
        }
        (None, Some(labels)) => {
            (Mode::MultiLabel, labels.into_iter().map(|label| score(label.name, label.score)).collect())
        }
        _ => return None,
    };
    let mut labels = labels?;
    labels.sort_by(|a, b| b.score.total_cmp(&a.score));
    Some(Scores { mode, labels })
}

fn state(status: Option<&Status>) -> State {
    match status {
        Some(Status::Completed) => State::Completed,
        Some(Status::Failed) => State::Failed,
        Some(Status::Stopped) => State::Stopped,
        // Any that is new: it has not ended as far as known.
        _ => State::Running,
    }
}

impl Classifier for SdkClassifier {
    async fn classify(&self, endpoint_arn: &str, text: &str) -> Result<Scores, Error> {
        const OPERATION: &str = "comprehend:ClassifyDocument";
        // The SDK's attempts would be three documents of the two that an inference unit takes a second.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let request = self.client.classify_document().endpoint_arn(endpoint_arn).text(text);
        let output = request.customize().config_override(once).send().await;
        scores(output.map_err(|error| sorted(OPERATION, &error))?).ok_or_else(|| incomplete(OPERATION))
    }

    async fn start(&self, job: &Job) -> Result<String, Error> {
        const OPERATION: &str = "comprehend:StartDocumentClassificationJob";
        job.check()?;
        let input =
            InputDataConfig::builder().s3_uri(&job.input_uri).input_format(InputFormat::OneDocPerLine);
        let output = OutputDataConfig::builder().s3_uri(&job.output_uri);
        let unbuildable = |error| errors::request(OPERATION, error);
        let request = self
            .client
            .start_document_classification_job()
            .job_name(&job.name)
            .document_classifier_arn(&job.classifier_arn)
            .input_data_config(input.build().map_err(unbuildable)?)
            .output_data_config(output.build().map_err(unbuildable)?)
            .data_access_role_arn(&job.role_arn)
            .client_request_token(&job.client_token);
        let started = request.send().await.map_err(|error| sorted(OPERATION, &error))?;
        started.job_id.ok_or_else(|| incomplete(OPERATION))
    }

    async fn describe(&self, job_id: &str) -> Result<Option<JobStatus>, Error> {
        const OPERATION: &str = "comprehend:DescribeDocumentClassificationJob";
        let request = self.client.describe_document_classification_job().job_id(job_id);
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) if code(&error) == Some("JobNotFoundException") => return Ok(None),
            Err(error) => return Err(sorted(OPERATION, &error)),
        };
        let job = output.document_classification_job_properties.ok_or_else(|| incomplete(OPERATION))?;
        Ok(Some(JobStatus {
            state: state(job.job_status.as_ref()),
            message: job.message.filter(|message| !message.is_empty()),
            output_uri: job.output_data_config.map(|output| output.s3_uri),
            input_uri: job.input_data_config.map(|input| input.s3_uri),
            name: job.job_name.unwrap_or_default(),
        }))
    }

    async fn inference_units(&self, endpoint_arn: &str) -> Result<Option<EndpointState>, Error> {
        const OPERATION: &str = "comprehend:DescribeEndpoint";
        let output = match self.client.describe_endpoint().endpoint_arn(endpoint_arn).send().await {
            Ok(output) => output,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(None),
            Err(error) => return Err(sorted(OPERATION, &error)),
        };
        let endpoint = output.endpoint_properties.ok_or_else(|| incomplete(OPERATION))?;
        let units = endpoint.current_inference_units.and_then(|units| u32::try_from(units).ok());
        let answering = matches!(endpoint.status, Some(EndpointStatus::InService | EndpointStatus::Updating));
        Ok(Some(EndpointState {
            units: units.unwrap_or(0),
            in_service: answering,
            model_arn: endpoint.model_arn,
        }))
    }
}
