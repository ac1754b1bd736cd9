//! Delivered results, as somebody sees them who reads them with a program of their own.

use std::path::{Path, PathBuf};

use eventide_testing::repository;
use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use super::Marts;

/// A result that was delivered and found to be what its manifest says.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The detail of `Data Mart Ready`.
    pub ready: Value,
    /// The manifest.
    pub manifest: Value,
    /// The names of the columns, as DuckDB reads them.
    pub columns: Vec<String>,
    /// The types of the columns, as DuckDB reads them.
    pub types: Vec<String>,
    /// The rows as DuckDB reads them, values as texts; or those of the query over them.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Marts {
    /// Waits for a mart's next result, and reads it.
    ///
    /// # Errors
    ///
    /// If it does not come, or is not what its manifest says.
    pub async fn delivered(&self, mart: &str) -> Result<Delivered, String> {
        let ready = self.await_event("Data Mart Ready", mart).await?;
        self.read(ready, None).await
    }

    /// Reads the result that an event `Data Mart Ready` tells of: all of it, or what a query over `result` makes of it.
    ///
    /// # Errors
    ///
    /// If a file is not what the manifest says.
    pub async fn read(&self, ready: Value, query: Option<&str>) -> Result<Delivered, String> {
        let manifest = self.manifest(&ready).await?;
        let format = manifest.get("format").and_then(Value::as_str).unwrap_or_default().to_owned();
        let files = manifest.get("files").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut paths = Vec::new();
        let folder = new_folder(self.cloud.state())?;
        for (index, file) in files.iter().enumerate() {
            let key = file.get("key").and_then(Value::as_str).unwrap_or_default();
            let body = self.result(key).await?.ok_or_else(|| format!("no result `{key}`"))?;
            let path = folder.join(format!("{index}.{format}"));
            std::fs::write(&path, body).map_err(|error| error.to_string())?;
            paths.push(path);
        }
        let read = read(&format, query, &paths).await?;
        same_files(&manifest, &files, read.get("files"))?;
        let members = |name: &str| -> Vec<String> {
            let columns = read.get("columns").and_then(Value::as_array).into_iter().flatten();
            columns.filter_map(|column| Some(column.get(name)?.as_str()?.to_owned())).collect()
        };
        let (columns, types) = (members("name"), members("type"));
        let rows = texts(read.get("rows").unwrap_or(&Value::Null));
        Ok(Delivered { ready, manifest, columns, types, rows })
    }

    /// The manifest that an event `Data Mart Ready` tells of.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn manifest(&self, ready: &Value) -> Result<Value, String> {
        let key = ready.get("manifest").and_then(Value::as_str).unwrap_or_default();
        let manifest = self.result(key).await?.ok_or_else(|| format!("no manifest `{key}`"))?;
        serde_json::from_slice(&manifest).map_err(|error| error.to_string())
    }

    /// The keys of the result bucket that begin so, in order.
    ///
    /// # Errors
    ///
    /// If S3 does not answer.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, String> {
        let prefix = prefix.replace('/', "%2F");
        let path = format!("/{}?list-type=2&prefix={prefix}", self.output("ResultBucket")?);
        let answer = self.cloud.send("s3", Method::GET, &path, &[], Vec::new()).await?;
        if answer.status != 200 {
            return Err(format!("the result bucket: {} {}", answer.status, answer.text()));
        }
        Ok(tags(&answer.text(), "Key"))
    }

    /// The uploads to the result bucket that are neither finished nor given up.
    ///
    /// # Errors
    ///
    /// If S3 does not answer.
    pub async fn open_uploads(&self) -> Result<Vec<String>, String> {
        let path = format!("/{}?uploads", self.output("ResultBucket")?);
        let answer = self.cloud.send("s3", Method::GET, &path, &[], Vec::new()).await?;
        if answer.status != 200 {
            return Err(format!("the result bucket: {} {}", answer.status, answer.text()));
        }
        Ok(tags(&answer.text(), "UploadId"))
    }

    /// The rows of a query in a warehouse, as texts.
    ///
    /// # Errors
    ///
    /// What the warehouse says.
    pub async fn rows_of(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        let answer = self.sql(&[sql]).await?;
        Ok(texts(answer.pointer("/results/0/rows").unwrap_or(&Value::Null)))
    }
}

/// Rows as texts, nulls as nulls.
#[must_use]
pub fn texts(rows: &Value) -> Vec<Vec<Option<String>>> {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let rows = rows.as_array().into_iter().flatten();
    rows.map(|row| row.as_array().into_iter().flatten().map(text).collect()).collect()
}

/// A new folder in the state of the local cloud, which is gone with it.
fn new_folder(state: &Path) -> Result<PathBuf, String> {
    let free = |number: &usize| !state.join(format!("result-{number}")).exists();
    let folder = state.join(format!("result-{}", (0..).find(free).unwrap_or_default()));
    std::fs::create_dir(&folder).map_err(|error| error.to_string())?;
    Ok(folder)
}

async fn read(format: &str, query: Option<&str>, paths: &[PathBuf]) -> Result<Value, String> {
    let mut command = Command::new(repository().join(".tools/venv/bin/python"));
    command.arg(repository().join("tests/readers/read.py")).arg(format);
    if let Some(query) = query {
        command.arg("--query").arg(query);
    }
    let output = command.args(paths).kill_on_drop(true).output().await.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// Compares what a manifest says of its files with what they are.
fn same_files(manifest: &Value, files: &[Value], read: Option<&Value>) -> Result<(), String> {
    let read = read.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (said, is) in files.iter().zip(read) {
        // Of a file that the warehouse wrote, nobody knows the checksum.
        let checksum = said.get("sha256").is_none() || said.get("sha256") == is.get("sha256");
        if !checksum || said.get("bytes") != is.get("bytes") || said.get("rows") != is.get("rows") {
            return Err(format!("the manifest says {said} of a file that is {is}"));
        }
    }
    for member in ["rows", "bytes"] {
        let sum: u64 = read.iter().filter_map(|file| file.get(member)?.as_u64()).sum();
        if manifest.get(member) != Some(&json!(sum)) {
            return Err(format!(
                "the manifest says {member} {:?}, the files have {sum}",
                manifest.get(member)
            ));
        }
    }
    if read.len() == files.len() {
        Ok(())
    } else {
        Err(format!("{} files read of {}", read.len(), files.len()))
    }
}

/// The texts of the elements of that name.
fn tags(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned())).collect()
}
