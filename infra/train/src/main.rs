//! The command line of training.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use eventide_train::aws::Cli;
use eventide_train::dataset::{Dataset, Labelling, Mode};
use eventide_train::evaluate::{self, Question};
use eventide_train::starter;
use eventide_train::train::{self, Endpoint, Order};
use eventide_train::validate::{Validated, counts};

/// Trains the classifier of compliance screening with Amazon Comprehend.
#[derive(Debug, Parser)]
#[command(name = "eventide-train")]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check a labelled CSV, without AWS.
    Validate(Data),
    /// Check, upload, train, wait, print how good it is, and write it into the configuration.
    Train(Train),
    /// Ask an endpoint about messages whose labels are known.
    Evaluate(Evaluate),
    /// Write the starter data set again from its templates.
    Starter {
        /// The folder for train.csv and test.csv.
        #[arg(long, default_value = "infra/train/starter")]
        folder: PathBuf,
    },
}

#[derive(Args, Debug)]
struct Data {
    /// CSV without a header: label, text.
    dataset: PathBuf,
    /// CSV of the same form to test with; else Comprehend takes a tenth of the data set.
    #[arg(long)]
    test: Option<PathBuf>,
    #[command(flatten)]
    labels: Labels,
}

#[derive(Args, Debug)]
struct Labels {
    /// One label for each message, or several.
    #[arg(long, value_enum, default_value = "multi-class")]
    mode: Mode,
    /// What stands between the labels of a multi-label message.
    #[arg(long, default_value_t = '|', value_parser = delimiter)]
    delimiter: char,
}

impl Labels {
    fn labelling(&self) -> Labelling {
        Labelling { mode: self.mode, delimiter: self.delimiter }
    }
}

#[derive(Args, Debug)]
struct Train {
    #[command(flatten)]
    data: Data,
    /// Bucket for the data and Comprehend's output, in Comprehend's Region.
    #[arg(long)]
    bucket: String,
    /// ARN of the role that lets Comprehend read and write in the bucket.
    #[arg(long, value_parser = train::role)]
    role: String,
    /// Name of the classifier.
    #[arg(long, value_parser = train::name)]
    name: String,
    /// Name of its version, new for every data set.
    #[arg(long = "version", id = "classifier-version", value_name = "VERSION", value_parser = train::name)]
    version: String,
    /// Comprehend's code of the messages' language.
    #[arg(long, default_value = "en")]
    language: String,
    /// Also create an endpoint, which bills while it exists.
    #[arg(long)]
    endpoint: bool,
    /// Name of the endpoint, at most 40 characters; else NAME-VERSION.
    #[arg(long, requires = "endpoint", value_parser = endpoint_name)]
    endpoint_name: Option<String>,
    /// Inference units of the endpoint: 100 characters and 2 messages a second each.
    #[arg(long, requires = "endpoint", default_value_t = 1, value_parser = units())]
    units: u16,
    /// File of template parameters that gets ClassifierArn and EndpointArn.
    #[arg(long, default_value = train::default_parameters().as_os_str())]
    config: PathBuf,
    /// Seconds between two looks at what Comprehend does.
    #[arg(long, default_value_t = 10)]
    poll_seconds: u64,
    #[command(flatten)]
    cli: Reach,
}

#[derive(Args, Debug)]
struct Evaluate {
    /// CSV without a header: label, text.
    test: PathBuf,
    #[command(flatten)]
    labels: Labels,
    /// ARN of the endpoint.
    #[arg(long)]
    endpoint: String,
    /// Its inference units.
    #[arg(long, default_value_t = 1, value_parser = units())]
    units: u16,
    /// Score from which a label of a multi-label classifier counts, 0 to 1.
    #[arg(long, default_value_t = 0.5)]
    threshold: f64,
    #[command(flatten)]
    cli: Reach,
}

#[derive(Args, Debug)]
struct Reach {
    /// The AWS CLI.
    #[arg(long, default_value = "aws")]
    aws: PathBuf,
    /// Another endpoint than AWS's; else what the AWS CLI finds in its settings.
    #[arg(long)]
    endpoint_url: Option<String>,
}

impl Reach {
    fn cli(self) -> Cli {
        Cli { program: self.aws, endpoint_url: self.endpoint_url }
    }
}

/// What may stand between labels, from the service model.
fn delimiter(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) if " ~!@#$%^*-_+=|\\:;\t>?/".contains(one) => Ok(one),
        _ => Err(format!("`{text}`, expected one character of ~!@#$%^*-_+=|\\:;>?/, a space or a tab")),
    }
}

/// As many as an endpoint may have.
fn units() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=10)
}

fn endpoint_name(text: &str) -> Result<String, String> {
    match text.len() {
        0..=train::MAX_ENDPOINT_NAME => train::name(text),
        length => Err(format!("{length} characters, expected at most {}", train::MAX_ENDPOINT_NAME)),
    }
}

fn main() -> ExitCode {
    let result = match Command::parse().task {
        Task::Validate(data) => validate(&data).map(drop),
        Task::Train(train) => run_train(train),
        Task::Evaluate(evaluate) => run_evaluate(evaluate),
        Task::Starter { folder } => write_starter(&folder),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("eventide-train: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints every problem, and fails if one of them stops the training.
fn validate(data: &Data) -> Result<Validated, String> {
    let validated = Validated::read(&data.dataset, data.test.as_deref(), data.labels.labelling())?;
    for problem in &validated.problems {
        println!("{problem}");
    }
    print_counts(&validated.train);
    validated.test.iter().for_each(print_counts);
    match validated.errors() {
        0 => Ok(validated),
        errors => Err(format!("{errors} errors, expected none: nothing was trained")),
    }
}

fn print_counts(dataset: &Dataset) {
    let counts = counts(dataset);
    println!("{}: {} messages, {} labels", dataset.path.display(), dataset.messages.len(), counts.len());
    for (label, count) in counts {
        println!("  {count:7}  {label}");
    }
}

fn run_train(train: Train) -> Result<(), String> {
    let validated = validate(&train.data)?;
    let endpoint = train.endpoint.then(|| Endpoint {
        name: train.endpoint_name.unwrap_or_else(|| train::endpoint_name(&train.name, &train.version)),
        units: train.units,
    });
    let order = Order {
        bucket: train.bucket,
        role: train.role,
        name: train.name,
        version: train.version,
        language: train.language,
        endpoint,
        parameters: train.config,
        poll: Duration::from_secs(train.poll_seconds),
    };
    train::train(&train.cli.cli(), &mut std::io::stdout(), &validated, &order)
}

fn run_evaluate(evaluate: Evaluate) -> Result<(), String> {
    let labelling = evaluate.labels.labelling();
    let (test, problems) = Dataset::read(&evaluate.test, labelling)?;
    if let Some(problem) = problems.first() {
        return Err(problem.to_string());
    }
    let question =
        Question { endpoint: evaluate.endpoint, units: evaluate.units, threshold: evaluate.threshold };
    let cli = evaluate.cli.cli();
    evaluate::evaluate(&cli, &mut std::io::stdout(), &test, labelling, &question).map(drop)
}

fn write_starter(folder: &Path) -> Result<(), String> {
    for (name, content) in [("train.csv", starter::train_csv()?), ("test.csv", starter::test_csv()?)] {
        let path = folder.join(name);
        std::fs::write(&path, content).map_err(|error| format!("`{}`: {error}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}
