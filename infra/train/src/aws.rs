//! AWS, through the AWS CLI.
//!
//! A person's credentials come from wherever the CLI takes them: variables, profiles, single sign-on, an
//! instance's role. It repeats throttled calls by itself, and it understands `AWS_ENDPOINT_URL`.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::NamedTempFile;

/// What training needs of AWS.
pub trait Aws {
    /// Calls an operation of Comprehend, named as the CLI does, and returns its answer.
    ///
    /// # Errors
    ///
    /// The call was refused, or could not be made.
    fn comprehend(&self, operation: &str, input: &Value) -> Result<Value, Failure>;

    /// Writes a file to S3.
    ///
    /// # Errors
    ///
    /// It could not be written.
    fn upload(&self, file: &Path, uri: &str) -> Result<(), Failure>;

    /// Reads an object from S3.
    ///
    /// # Errors
    ///
    /// It could not be read.
    fn download(&self, uri: &str) -> Result<Vec<u8>, Failure>;
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// AWS's error code, if it was AWS who refused.
    pub code: Option<String>,
    /// What the CLI said.
    pub message: String,
}

impl Failure {
    /// Whether AWS refused with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// A failure that AWS has no part in.
    fn own(message: String) -> Self {
        Self { code: None, message }
    }

    /// Reads the error code out of `An error occurred (CODE) when calling the X operation: MESSAGE`.
    fn told(standard_error: &str) -> Self {
        let message = standard_error.trim().to_owned();
        let code = message
            .split_once("An error occurred (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .map(|(code, _)| code.to_owned());
        Self { code, message }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        failure.message
    }
}

/// The AWS CLI.
#[derive(Debug, Clone)]
pub struct Cli {
    /// The program.
    pub program: PathBuf,
    /// Another endpoint than AWS's own; else what the CLI finds in its settings.
    pub endpoint_url: Option<String>,
}

impl Cli {
    fn run(&self, arguments: &[&str]) -> Result<Output, Failure> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("AWS_PAGER", "").stdin(Stdio::null());
        if let Some(url) = &self.endpoint_url {
            command.args(["--endpoint-url", url]);
        }
        let output = command
            .output()
            .map_err(|error| Failure::own(format!("cannot run `{}`: {error}", self.program.display())))?;
        if output.status.success() {
            return Ok(output);
        }
        Err(Failure::told(&String::from_utf8_lossy(&output.stderr)))
    }
}

/// A file that only its owner can read, and that is gone when it is dropped.
fn private_file(content: &Value) -> Result<NamedTempFile, Failure> {
    let written = NamedTempFile::new().and_then(|mut file| {
        file.write_all(content.to_string().as_bytes())?;
        Ok(file)
    });
    written.map_err(|error| Failure::own(format!("cannot write a temporary file: {error}")))
}

impl Aws for Cli {
    fn comprehend(&self, operation: &str, input: &Value) -> Result<Value, Failure> {
        // Not as an argument, which is limited in length and for everybody on the machine to read; and not
        // through standard input, which the CLI reads twice.
        let file = private_file(input)?;
        let uri = format!("file://{}", file.path().display());
        let output = self.run(&["comprehend", operation, "--output", "json", "--cli-input-json", &uri])?;
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::own(format!("`{operation}` answered what is not JSON: {error}")))
    }

    fn upload(&self, file: &Path, uri: &str) -> Result<(), Failure> {
        let file = file.to_string_lossy();
        self.run(&["s3", "cp", "--only-show-errors", &file, uri]).map(drop)
    }

    fn download(&self, uri: &str) -> Result<Vec<u8>, Failure> {
        self.run(&["s3", "cp", "--only-show-errors", uri, "-"]).map(|output| output.stdout)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::*;

    /// A program in place of the CLI that does as the script says.
    fn cli(folder: &Path, script: &str) -> Cli {
        let program = folder.join("aws");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Cli { program, endpoint_url: Some("http://127.0.0.1:1".into()) }
    }

    #[test]
    fn input_goes_through_a_file_that_others_cannot_read_and_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"file="${6#file://}"
            printf '{"arguments": "%s", "rights": "%s", "file": "%s", "input": ' "$1 $2 $3 $4 $5 $7 $8" \
                "$(ls -l "$file" | cut -c1-10)" "$file"
            cat "$file" && echo '}'"#;
        let input = json!({ "EndpointArn": "arn" });
        let answer = cli(folder.path(), script).comprehend("describe-endpoint", &input).unwrap();
        assert_eq!(answer["input"], input);
        assert_eq!(answer["rights"], "-rw-------");
        assert_eq!(
            answer["arguments"],
            "comprehend describe-endpoint --output json --cli-input-json --endpoint-url http://127.0.0.1:1"
        );
        assert!(!Path::new(answer["file"].as_str().unwrap()).exists());
    }

    #[test]
    fn refusals_have_the_code_of_aws() {
        let folder = tempfile::tempdir().unwrap();
        let script =
            "echo 'An error occurred (ResourceInUseException) when calling the X operation: taken' >&2
            exit 254";
        let failure = cli(folder.path(), script).comprehend("x", &json!({})).unwrap_err();
        assert!(failure.is("ResourceInUseException"));
        assert!(failure.message.ends_with(": taken"));
        let failure = cli(folder.path(), "echo 'Unable to locate credentials' >&2; exit 255")
            .download("s3://bucket/key")
            .unwrap_err();
        assert_eq!(failure, Failure { code: None, message: "Unable to locate credentials".into() });
    }
}
