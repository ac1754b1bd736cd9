use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use http::Method;

use super::{Deployer, Request};

/// The output that names the bucket of a page.
const OUTPUT: &str = "WidgetBucket";

impl Deployer {
    /// Uploads the files of `widget/dist`, beside the template, into the bucket that the stack has for them, and says so.
    /// On AWS, `make widget` does it.
    pub(super) async fn upload_widget(
        &self,
        request: &Request,
        outputs: &BTreeMap<String, String>,
    ) -> Result<Option<String>, String> {
        let Some(bucket) = outputs.get(OUTPUT) else { return Ok(None) };
        let folder = request.template.parent().unwrap_or(Path::new(".")).join("widget/dist");
        let mut files = Vec::new();
        if folder.is_dir() {
            find_files(&folder, &mut files).map_err(|error| format!("`{}`: {error}", folder.display()))?;
        }
        if files.is_empty() {
            return Ok(Some(format!(
                "no page in `{bucket}`: `make widget` has not built {}",
                folder.display()
            )));
        }
        for file in &files {
            let trouble = |error: &dyn std::fmt::Display| format!("`{}`: {error}", file.display());
            let key = file.strip_prefix(&folder).map_err(|error| trouble(&error))?.to_string_lossy();
            let content = std::fs::read(file).map_err(|error| trouble(&error))?;
            let headers = [("content-type", content_type(&key))];
            let path = format!("/{bucket}/{key}");
            let put = self.aws.send("s3", Method::PUT, &path, &headers, content.into()).await?;
            if put.status != 200 {
                return Err(trouble(&format!("{} {}", put.status, put.text())));
            }
        }
        Ok(Some(format!("the page: {} files in `{bucket}`", files.len())))
    }
}

fn find_files(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Pages have no extension, because their paths have none.
fn content_type(key: &str) -> &'static str {
    match Path::new(key).extension().and_then(|extension| extension.to_str()) {
        None | Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("ico") => "image/x-icon",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some(_) => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_html_and_the_rest_goes_by_extension() {
        for (key, kind) in [
            ("c", "text/html; charset=utf-8"),
            ("assets/app.js", "text/javascript; charset=utf-8"),
            ("assets/texts/en.json", "application/json"),
            ("assets/logo.svg", "image/svg+xml"),
            ("assets/x.bin", "application/octet-stream"),
        ] {
            assert_eq!(content_type(key), kind, "{key}");
        }
    }
}
