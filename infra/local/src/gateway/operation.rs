//! The operation's name where only method and path tell it.

use http::{HeaderMap, Method};

/// S3 on object and bucket level; sub-resources that are not listed here come out as method and name.
pub(super) fn of_s3(method: &Method, path: &str, query: &[(String, String)], headers: &HeaderMap) -> String {
    let object = path.trim_start_matches('/').split_once('/').is_some_and(|(_, key)| !key.is_empty());
    let bucket = path.len() > 1;
    let has = |name: &str| query.iter().any(|(key, _)| key == name);
    let name = match (method.as_str(), object) {
        ("POST", true) if has("uploads") => "CreateMultipartUpload",
        ("POST", true) if has("uploadId") => "CompleteMultipartUpload",
        ("PUT", true) if has("partNumber") => "UploadPart",
        ("PUT", true) if headers.contains_key("x-amz-copy-source") => "CopyObject",
        ("DELETE", true) if has("uploadId") => "AbortMultipartUpload",
        ("GET", true) if has("uploadId") => "ListParts",
        ("POST", false) if has("delete") => "DeleteObjects",
        ("GET", false) if has("list-type") => "ListObjectsV2",
        ("GET", false) if has("location") => "GetBucketLocation",
        _ => match sub_resource(query) {
            Some(name) => return format!("{method} ?{name}"),
            None => match (method.as_str(), object) {
                ("GET", true) => "GetObject",
                ("HEAD", true) => "HeadObject",
                ("PUT", true) => "PutObject",
                ("DELETE", true) => "DeleteObject",
                ("GET", false) if !bucket => "ListBuckets",
                ("GET", false) => "ListObjects",
                ("HEAD", false) => "HeadBucket",
                ("PUT", false) => "CreateBucket",
                ("DELETE", false) => "DeleteBucket",
                _ => return method.to_string(),
            },
        },
    };
    name.to_owned()
}

/// A parameter without a value, such as `?policy`, names a sub-resource.
fn sub_resource(query: &[(String, String)]) -> Option<&str> {
    query
        .iter()
        .find(|(name, value)| value.is_empty() && !name.starts_with("x-"))
        .map(|(name, _)| name.as_str())
}

/// Lambda's operations that matter to a journal; everything else as method and path.
pub(super) fn of_rest(method: &Method, path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let name = match (method.as_str(), parts.as_slice()) {
        ("POST", ["2015-03-31", "functions", _, "invocations"]) => "Invoke",
        ("GET", ["2015-03-31", "functions", _, "configuration"]) => "GetFunctionConfiguration",
        ("PUT", ["2015-03-31", "functions", _, "configuration"]) => "UpdateFunctionConfiguration",
        ("PUT", ["2015-03-31", "functions", _, "code"]) => "UpdateFunctionCode",
        ("GET", ["2015-03-31", "functions", _, "policy"]) => "GetPolicy",
        ("POST", ["2015-03-31", "functions", _, "policy"]) => "AddPermission",
        ("POST", ["2015-03-31", "functions"]) => "CreateFunction",
        ("GET", ["2015-03-31", "functions"]) => "ListFunctions",
        ("GET", ["2015-03-31", "functions", _]) => "GetFunction",
        ("DELETE", ["2015-03-31", "functions", _]) => "DeleteFunction",
        ("POST", ["2015-03-31", "event-source-mappings"]) => "CreateEventSourceMapping",
        ("GET", ["2015-03-31", "event-source-mappings"]) => "ListEventSourceMappings",
        _ => return format!("{method} {path}"),
    };
    name.to_owned()
}
