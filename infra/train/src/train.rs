//! Has Comprehend train a classifier, and puts it into the configuration.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::aws::{Aws, Failure};
use crate::confusion::Confusion;
use crate::dataset::{Dataset, Mode};
use crate::parameters;
use crate::validate::Validated;
use crate::wait::{Wait, wait};

/// Most characters of an endpoint's name, from the service model.
pub const MAX_ENDPOINT_NAME: usize = 40;

/// An endpoint that is wanted, which bills while it exists.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// Its inference units: 100 characters and 2 documents a second each.
    pub units: u16,
}

/// What is to be trained.
#[derive(Debug, Clone)]
pub struct Order {
    /// The bucket for the data and for Comprehend's output, in Comprehend's Region.
    pub bucket: String,
    /// The ARN of the role that lets Comprehend read and write there.
    pub role: String,
    /// The classifier's name.
    pub name: String,
    /// The version's name, new for every data set.
    pub version: String,
    /// Comprehend's code of the messages' language.
    pub language: String,
    /// The endpoint, if one is wanted.
    pub endpoint: Option<Endpoint>,
    /// The file of template parameters that is to name the classifier.
    pub parameters: PathBuf,
    /// Time between two looks at what Comprehend does.
    pub poll: Duration,
}

/// Uploads, trains, waits, prints how good the classifier is, and writes its ARN into the parameters.
///
/// The same order with the same data goes on where an earlier one stopped, and pays for nothing twice.
///
/// # Errors
///
/// AWS refuses, the training fails, or the file of parameters cannot be written.
pub fn train(aws: &dyn Aws, out: &mut dyn Write, validated: &Validated, order: &Order) -> Result<(), String> {
    let train_uri = upload(aws, out, &validated.train, "train", order)?;
    let test_uri = match &validated.test {
        Some(test) => Some(upload(aws, out, test, "test", order)?),
        None => None,
    };
    let classifier = create(aws, out, validated, order, (&train_uri, test_uri.as_deref()))?;
    let described = wait(
        aws,
        out,
        &Wait {
            operation: "describe-document-classifier",
            input: json!({ "DocumentClassifierArn": classifier }),
            member: "DocumentClassifierProperties",
            what: "classifier",
            good: &["TRAINED", "TRAINED_WITH_WARNING"],
            bad: &["IN_ERROR", "STOPPED", "DELETING"],
            poll: order.poll,
        },
    )
    .map_err(|error| {
        format!("{error}\nA version that failed keeps its name: delete it, or choose another one.")
    })?;
    print_metrics(out, &described);
    print_confusion(aws, out, &described);
    let endpoint = match &order.endpoint {
        Some(endpoint) => create_endpoint(aws, out, &classifier, endpoint, order)?,
        // Never the one from before: it answers from another classifier.
        None => String::new(),
    };
    parameters::set(&order.parameters, &[("ClassifierArn", &classifier), ("EndpointArn", &endpoint)])?;
    let _ = writeln!(out, "Written to {}:", order.parameters.display());
    let _ = writeln!(out, "  ClassifierArn  {classifier}");
    let endpoint = if endpoint.is_empty() { "none: everything goes through jobs" } else { &endpoint };
    let _ = writeln!(out, "  EndpointArn    {endpoint}");
    Ok(())
}

/// Puts a file where no other content ever lies: Comprehend may read it long after.
fn upload(
    aws: &dyn Aws,
    out: &mut dyn Write,
    dataset: &Dataset,
    part: &str,
    order: &Order,
) -> Result<String, String> {
    let digest: String = dataset.digest.chars().take(16).collect();
    let Order { bucket, name, version, .. } = order;
    let uri = format!("s3://{bucket}/training/{name}/{version}/{part}-{digest}.csv");
    aws.upload(&dataset.path, &uri)?;
    let _ = writeln!(out, "uploaded {uri}, {} messages", dataset.messages.len());
    Ok(uri)
}

fn create(
    aws: &dyn Aws,
    out: &mut dyn Write,
    validated: &Validated,
    order: &Order,
    (train, test): (&str, Option<&str>),
) -> Result<String, String> {
    let labelling = validated.labelling;
    let mut data = json!({ "DataFormat": "COMPREHEND_CSV", "S3Uri": train });
    if let Some(test) = test {
        set(&mut data, "TestS3Uri", json!(test));
    }
    if labelling.mode == Mode::MultiLabel {
        set(&mut data, "LabelDelimiter", json!(labelling.delimiter));
    }
    let output = format!("s3://{}/training/{}/{}/output", order.bucket, order.name, order.version);
    let mut input = json!({
        "DocumentClassifierName": order.name,
        "VersionName": order.version,
        "DataAccessRoleArn": order.role,
        "InputDataConfig": data,
        "OutputDataConfig": { "S3Uri": output },
        "LanguageCode": order.language,
        "Mode": labelling.mode.as_str(),
    });
    let token = token(&input);
    set(&mut input, "ClientRequestToken", json!(token));
    match aws.comprehend("create-document-classifier", &input) {
        Ok(answer) => arn(&answer, "DocumentClassifierArn"),
        // Tokens are forgotten in time, versions are not.
        Err(failure) if failure.is("ResourceInUseException") => {
            let found = existing(aws, &input)?.ok_or_else(|| {
                let Order { name, version, .. } = order;
                format!(
                    "{failure}\nThe version `{version}` of `{name}` was trained with other data or another test, \
                     expected a new version name"
                )
            })?;
            let _ = writeln!(out, "the version exists, trained with the same data");
            Ok(found)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// What makes a version the one that a request asks for.
const SAME: [&str; 5] =
    ["/VersionName", "/Mode", "/LanguageCode", "/InputDataConfig/S3Uri", "/InputDataConfig/TestS3Uri"];

/// The version that an earlier request of this kind has made.
fn existing(aws: &dyn Aws, request: &Value) -> Result<Option<String>, Failure> {
    let mut input = json!({ "Filter": { "DocumentClassifierName": request.get("DocumentClassifierName") } });
    loop {
        let answer = aws.comprehend("list-document-classifiers", &input)?;
        let listed = answer.get("DocumentClassifierPropertiesList").and_then(Value::as_array);
        let text =
            |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let found = listed
            .into_iter()
            .flatten()
            .find(|version| SAME.iter().all(|pointer| text(version, pointer) == text(request, pointer)));
        if let Some(arn) = found.and_then(|version| text(version, "/DocumentClassifierArn")) {
            return Ok(Some(arn));
        }
        match answer.get("NextToken") {
            Some(token) if token.is_string() => set(&mut input, "NextToken", token.clone()),
            _ => return Ok(None),
        }
    }
}

fn create_endpoint(
    aws: &dyn Aws,
    out: &mut dyn Write,
    classifier: &str,
    endpoint: &Endpoint,
    order: &Order,
) -> Result<String, String> {
    let mut input = json!({
        "EndpointName": endpoint.name,
        "ModelArn": classifier,
        "DesiredInferenceUnits": endpoint.units,
    });
    let token = token(&input);
    set(&mut input, "ClientRequestToken", json!(token));
    let arn = arn(&aws.comprehend("create-endpoint", &input)?, "EndpointArn")?;
    wait(
        aws,
        out,
        &Wait {
            operation: "describe-endpoint",
            input: json!({ "EndpointArn": arn }),
            member: "EndpointProperties",
            what: "endpoint",
            good: &["IN_SERVICE"],
            bad: &["FAILED", "DELETING"],
            poll: order.poll,
        },
    )?;
    Ok(arn)
}

/// A token that the same request has again: 64 hexadecimal digits, the most that Comprehend takes.
fn token(input: &Value) -> String {
    hex::encode(Sha256::digest(input.to_string()))
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn arn(answer: &Value, member: &str) -> Result<String, String> {
    let arn = answer.get(member).and_then(Value::as_str);
    arn.map(str::to_owned).ok_or_else(|| format!("an answer without `{member}`"))
}

fn print_metrics(out: &mut dyn Write, described: &Value) {
    let metadata = described.get("ClassifierMetadata").unwrap_or(&Value::Null);
    let number = |name: &str| metadata.get(name).and_then(Value::as_u64).unwrap_or_default();
    let _ = writeln!(
        out,
        "trained with {} messages of {} labels, tested with {}",
        number("NumberOfTrainedDocuments"),
        number("NumberOfLabels"),
        number("NumberOfTestDocuments")
    );
    for (name, member) in [
        ("accuracy", "Accuracy"),
        ("precision", "Precision"),
        ("recall", "Recall"),
        ("F1", "F1Score"),
        ("micro precision", "MicroPrecision"),
        ("micro recall", "MicroRecall"),
        ("micro F1", "MicroF1Score"),
        ("Hamming loss", "HammingLoss"),
    ] {
        let metric = metadata.get("EvaluationMetrics").and_then(|metrics| metrics.get(member));
        if let Some(value) = metric.and_then(Value::as_f64) {
            let _ = writeln!(out, "  {name:15}  {value:.4}");
        }
    }
}

/// Prints the matrix. The classifier is as good without it, so that its absence is said and no more.
fn print_confusion(aws: &dyn Aws, out: &mut dyn Write, described: &Value) {
    let uri = described.pointer("/OutputDataConfig/S3Uri").and_then(Value::as_str);
    let archive = match uri {
        Some(uri) => aws.download(uri).map_err(String::from),
        None => Err("the classifier names no output".into()),
    };
    let _ = match archive.and_then(|archive| Confusion::from_archive(&archive)) {
        Ok(Some(matrix)) => write!(out, "{}", matrix.render()),
        Ok(None) => writeln!(out, "no confusion matrix: the output archive has none"),
        Err(error) => writeln!(out, "no confusion matrix: {error}"),
    };
}

/// Checks a name of a classifier, version or endpoint.
///
/// # Errors
///
/// It is not 1 to 63 letters, digits and hyphens that begin and end with a letter or digit (the service
/// model's pattern).
pub fn name(text: &str) -> Result<String, String> {
    let inner = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let ends = [text.chars().next(), text.chars().last()];
    if inner && text.len() <= 63 && ends.iter().all(|end| end.is_some_and(|c| c != '-')) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}`, expected 1 to 63 letters, digits and hyphens, no hyphen at an end"))
}

/// Checks the ARN of a role.
///
/// # Errors
///
/// It is not `arn:aws…:iam::<12 digits>:role/<name>`.
pub fn role(text: &str) -> Result<String, String> {
    let mut parts = text.splitn(6, ':');
    let mut part = || parts.next().unwrap_or_default();
    let good = part() == "arn"
        && part().starts_with("aws")
        && part() == "iam"
        && part().is_empty()
        && matches!(part(), account if account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
        && matches!(part().strip_prefix("role/"), Some(name) if !name.is_empty());
    if good { Ok(text.to_owned()) } else { Err(format!("`{text}`, expected arn:aws:iam::ACCOUNT:role/NAME")) }
}

/// The name of an endpoint for a version: its own if it is short enough.
pub fn endpoint_name(name: &str, version: &str) -> String {
    let whole = format!("{name}-{version}");
    let cut: String = whole.chars().take(MAX_ENDPOINT_NAME).collect();
    cut.trim_end_matches('-').to_owned()
}

/// Where the parameters of the system are, unless told otherwise.
pub fn default_parameters() -> &'static Path {
    Path::new("infra/compliance-screening.parameters.json")
}

#[cfg(test)]
mod tests;
