use std::fs::File;
use std::io::{Cursor, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Deployer, Request};

const BUCKET: &str = "eventide-deployments";

impl Deployer {
    /// Uploads the binary of every function and points its `CodeUri` there. The binary's name is the last
    /// folder of the `CodeUri`, as cargo-lambda lays it out.
    pub(super) async fn package(&self, template: &mut Value, request: &Request) -> Result<(), String> {
        let resources = template.get_mut("Resources").and_then(Value::as_object_mut);
        for (name, resource) in resources.into_iter().flatten() {
            if resource.get("Type").and_then(Value::as_str) != Some("AWS::Serverless::Function") {
                continue;
            }
            let code = resource.pointer_mut("/Properties/CodeUri").filter(|code| code.is_string());
            let code = code.ok_or_else(|| format!("function `{name}` has no `CodeUri` that is a folder"))?;
            let folder = code.as_str().unwrap_or_default().trim_end_matches('/');
            let binary = folder.rsplit('/').next().unwrap_or(folder);
            let key = self
                .upload(binary, &request.code.join(binary))
                .await
                .map_err(|error| format!("function `{name}`: {error}"))?;
            *code = json!({ "Bucket": BUCKET, "Key": key });
        }
        Ok(())
    }

    async fn upload(&self, name: &str, binary: &Path) -> Result<String, String> {
        let trouble = |error: std::io::Error| format!("binary `{}`: {error}", binary.display());
        let metadata = std::fs::metadata(binary).map_err(trouble)?;
        let modified = metadata.modified().map_err(trouble)?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let key = format!("{name}-{}-{}.zip", modified.as_nanos(), metadata.len());
        let path = format!("/{BUCKET}/{key}");
        let there = self.aws.send("s3", Method::HEAD, &path, &[], Bytes::new()).await?;
        if there.status == 200 {
            return Ok(key);
        }
        let path_of_binary = binary.to_owned();
        let zipped = tokio::task::spawn_blocking(move || zip(&path_of_binary))
            .await
            .map_err(|error| error.to_string())?
            .map_err(trouble)?;
        self.aws.send("s3", Method::PUT, &format!("/{BUCKET}"), &[], Bytes::new()).await?;
        let put = self.aws.send("s3", Method::PUT, &path, &[], zipped).await?;
        if put.status != 200 {
            return Err(format!("upload of `{key}`: {} {}", put.status, put.text()));
        }
        Ok(key)
    }
}

/// The binary as `bootstrap` in a zip, stored: deflating a debug build takes longer than anything else here.
fn zip(binary: &Path) -> std::io::Result<Bytes> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o755);
    zip.start_file("bootstrap", options)?;
    std::io::copy(&mut File::open(binary)?, &mut zip)?;
    zip.flush()?;
    Ok(zip.finish()?.into_inner().into())
}
