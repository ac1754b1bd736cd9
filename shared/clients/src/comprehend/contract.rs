//! What every [`Classifier`] does, checked against the fake and against the local cloud.

use eventide_kit::error::Error;
use eventide_types::campaign::verdict::Mode;

use super::{Classifier, Job, MAX_TEXT, State};

/// What the checks need to be there.
#[derive(Debug)]
pub struct Given {
    /// An endpoint in service, of a classifier that knows one class of several for each text.
    pub endpoint_arn: String,
    /// The ARN of an endpoint that there is not.
    pub missing_endpoint_arn: String,
    /// Texts and the classes that fit them best.
    pub texts: Vec<(String, String)>,
    /// A job over input that is there.
    pub job: Job,
}

/// Checks all of it. `ended` gets a job that runs, and comes back when it is complete.
///
/// # Errors
/// Whatever a call that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<C, F>(classifier: &C, given: &Given, ended: F) -> Result<(), Error>
where
    C: Classifier,
    F: AsyncFn(String),
{
    endpoints(classifier, given).await?;
    jobs(classifier, given, ended).await
}

async fn endpoints<C: Classifier>(classifier: &C, given: &Given) -> Result<(), Error> {
    assert_eq!(classifier.inference_units(&given.missing_endpoint_arn).await?, None);
    let endpoint = classifier.inference_units(&given.endpoint_arn).await?.ok_or_else(missing)?;
    assert!(endpoint.in_service && endpoint.units > 0 && endpoint.model_arn.is_some(), "{endpoint:?}");

    for (text, expected) in &given.texts {
        let scores = classifier.classify(&given.endpoint_arn, text).await?;
        assert_eq!(scores.mode, Mode::MultiClass);
        assert_eq!(scores.labels.first().map(|label| &label.name), Some(expected));
        assert!(scores.labels.is_sorted_by(|a, b| a.score >= b.score), "the best first: {scores:?}");
        let sum: f32 = scores.labels.iter().map(|label| label.score).sum();
        assert!((sum - 1.0).abs() < 0.01, "{scores:?}");
    }
    let too_long = classifier.classify(&given.endpoint_arn, &"long ".repeat(MAX_TEXT)).await;
    assert_eq!(refused(too_long), "Permanent.TextSizeLimitExceeded");
    let nowhere = classifier.classify(&given.missing_endpoint_arn, "text").await;
    assert!(nowhere.is_err(), "an endpoint that there is not");
    Ok(())
}

async fn jobs<C, F>(classifier: &C, given: &Given, ended: F) -> Result<(), Error>
where
    C: Classifier,
    F: AsyncFn(String),
{
    assert_eq!(classifier.describe("00000000000000000000000000000000").await?, None);
    for client_token in [String::new(), "a:b".to_owned(), "a_b".to_owned(), "a".repeat(65)] {
        let started = classifier.start(&Job { client_token, ..given.job.clone() }).await;
        assert_eq!(refused(started), "Permanent.InvalidRequest");
    }
    let id = classifier.start(&given.job).await?;
    assert_eq!(classifier.start(&given.job).await?, id, "the same token is the same job");
    let running = classifier.describe(&id).await?.ok_or_else(missing)?;
    assert!(matches!(running.state, State::Running | State::Completed), "{running:?}");
    ended(id.clone()).await;
    let complete = classifier.describe(&id).await?.ok_or_else(missing)?;
    assert_eq!((complete.state, &complete.name), (State::Completed, &given.job.name));
    assert_eq!(complete.input_uri.as_ref(), Some(&given.job.input_uri));
    let output = complete.output_uri.unwrap_or_default();
    let below = output.starts_with(&given.job.output_uri) && output.contains(&id);
    assert!(below && output.ends_with("/output/output.tar.gz"), "{output}");
    Ok(())
}

fn missing() -> Error {
    Error::permanent("Missing", "it should be there")
}

fn refused<T>(result: Result<T, Error>) -> String {
    result.err().map(|error| error.qualified_type()).unwrap_or_default()
}
