use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use aws_sdk_s3::{Client, Config};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::SdkConfig;
use bytes::{Bytes, BytesMut};
use eventide_kit::error::Error;

use super::stream::{Download, Opened};
use super::{Bucket, Object, Part, Upload};
use crate::errors::{environment, failed};

/// For one attempt of a call. A part of some megabytes takes a while, and so does completing an upload.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// For a call with all its attempts.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(90);

/// [`Bucket`] through the AWS SDK.
///
/// Buckets are addressed by host name, or by path where `AWS_ENDPOINT_URL` names an IP address: the SDK's own endpoint
/// rules decide so.
#[derive(Clone, Debug)]
pub struct SdkBucket {
    pub(super) client: Client,
    name: String,
}

impl SdkBucket {
    /// The bucket of that name.
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        // By default the SDK adds a CRC to each upload, for which it wraps the body in a stream of chunks. Here every
        // body is in memory, so that the signature covers its SHA-256, which S3 verifies: a second sum adds nothing.
        let config = Config::from(config)
            .to_builder()
            .timeout_config(timeouts)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Self { client: Client::from_conf(config), name: name.into() }
    }

    /// Another bucket, through the same client.
    #[must_use]
    pub fn with_name(&self, name: impl Into<String>) -> Self {
        Self { client: self.client.clone(), name: name.into() }
    }

    /// Whether an object of as many parts lies under the key.
    async fn has_object_of(&self, key: &str, parts: usize) -> Result<bool, Error> {
        let request = self.client.head_object().bucket(&self.name).key(key);
        match request.send().await {
            Ok(head) => Ok(head.e_tag.is_some_and(|etag| is_of_parts(&etag, parts))),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(sorted("s3:HeadObject", &error)),
        }
    }
}

/// The entity tag of an object that was uploaded in parts ends with their number (Amazon S3 User Guide, "Checking
/// object integrity").
pub(super) fn is_of_parts(etag: &str, parts: usize) -> bool {
    let number = etag.trim_matches('"').rsplit_once('-').map(|(_, number)| number);
    number.is_some_and(|number| number.parse() == Ok(parts))
}

pub(super) fn check_size(bytes: u64, max_bytes: u64) -> Result<(), Error> {
    if bytes <= max_bytes {
        return Ok(());
    }
    let message = format!("the object has {bytes} bytes, expected at most {max_bytes}");
    Err(Error::permanent("ObjectTooLarge", message))
}

pub(super) fn too_long(valid_for: Duration) -> Error {
    let message =
        format!("a link cannot be valid for `{}` seconds, expected 7 days at most", valid_for.as_secs());
    Error::permanent("InvalidRequest", message)
}

/// Whether there is no object, or none of the version: 404, or 405 if the version marks a deletion.
pub(super) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    match code {
        // An answer to `HeadObject` has no body to name a code in; the SDK makes one of the status.
        Some("NoSuchKey" | "NoSuchVersion" | "NotFound") | None => status == Some(404),
        Some("MethodNotAllowed") => status == Some(405),
        Some(_) => false,
    }
}

fn is_unknown_upload<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("NoSuchUpload")
}

/// A bucket that is not there is no fault of the record at hand.
pub(super) fn sorted<E: ProvideErrorMetadata>(operation: &str, error: &SdkError<E, HttpResponse>) -> Error {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let about_bucket = matches!(code, Some("NoSuchBucket" | "PermanentRedirect" | "AllAccessDisabled"));
    let error = failed(operation, error);
    if about_bucket { environment(error) } else { error }
}

async fn body(output: &mut GetObjectOutput, max_bytes: u64) -> Result<Bytes, Error> {
    let announced = output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
    check_size(announced, max_bytes)?;
    let mut body = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = output.body.next().await {
        let chunk = chunk.map_err(|_cut| Error::retryable("ServerError", "`s3:GetObject` was cut short"))?;
        check_size((body.len() + chunk.len()) as u64, max_bytes)?;
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

impl Bucket for SdkBucket {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(
        &self,
        key: &str,
        version_id: Option<&str>,
        max_bytes: u64,
    ) -> Result<Option<Object>, Error> {
        let request = self.client.get_object().bucket(&self.name).key(key);
        let request = request.set_version_id(version_id.map(str::to_owned));
        let mut output = match request.send().await {
            Ok(output) => output,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(sorted("s3:GetObject", &error)),
        };
        let body = body(&mut output, max_bytes).await?;
        Ok(Some(Object { body, version_id: output.version_id, etag: output.e_tag.unwrap_or_default() }))
    }

    async fn open(&self, key: &str, version_id: Option<&str>) -> Result<Option<Opened>, Error> {
        Download::open(self, key, version_id).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, most: usize) -> Result<Vec<String>, Error> {
        let mut keys = Vec::new();
        let mut token = None;
        while keys.len() < most {
            // S3 gives 1,000 at most, whatever is asked for.
            let wanted = i32::try_from((most - keys.len()).min(1_000)).unwrap_or(1_000);
            let request = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).max_keys(wanted);
            let request = request.set_start_after(after.map(str::to_owned)).set_continuation_token(token);
            let page = request.send().await.map_err(|error| sorted("s3:ListBucket", &error))?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
            token = page.next_continuation_token.filter(|_| page.is_truncated == Some(true));
            if token.is_none() {
                break;
            }
        }
        keys.truncate(most);
        Ok(keys)
    }

    async fn put(&self, key: &str, content_type: &str, body: Bytes) -> Result<(), Error> {
        let request = self.client.put_object().bucket(&self.name).key(key).content_type(content_type);
        let request = request.body(ByteStream::from(body));
        request.send().await.map_err(|error| sorted("s3:PutObject", &error))?;
        Ok(())
    }

    async fn begin(&self, key: &str, content_type: &str) -> Result<Upload, Error> {
        const OPERATION: &str = "s3:CreateMultipartUpload";
        let request = self.client.create_multipart_upload().bucket(&self.name).key(key);
        let output =
            request.content_type(content_type).send().await.map_err(|error| sorted(OPERATION, &error))?;
        let id = output.upload_id.ok_or_else(|| incomplete(OPERATION))?;
        Ok(Upload { key: key.to_owned(), id })
    }

    async fn part(&self, upload: &Upload, number: i32, body: Bytes) -> Result<Part, Error> {
        const OPERATION: &str = "s3:UploadPart";
        let request = self
            .client
            .upload_part()
            .bucket(&self.name)
            .key(&upload.key)
            .upload_id(&upload.id)
            .part_number(number)
            .body(ByteStream::from(body));
        let output = request.send().await.map_err(|error| sorted(OPERATION, &error))?;
        let etag = output.e_tag.ok_or_else(|| incomplete(OPERATION))?;
        Ok(Part { number, etag })
    }

    async fn complete(&self, upload: &Upload, parts: &[Part]) -> Result<(), Error> {
        let part = |part: &Part| CompletedPart::builder().part_number(part.number).e_tag(&part.etag).build();
        let request = self
            .client
            .complete_multipart_upload()
            .bucket(&self.name)
            .key(&upload.key)
            .upload_id(&upload.id)
            .multipart_upload(
                CompletedMultipartUpload::builder().set_parts(Some(parts.iter().map(part).collect())).build(),
            );
        let Err(error) = request.send().await else { return Ok(()) };
        // The SDK repeats a call whose answer was lost, and so do callers.
        if is_unknown_upload(&error) && self.has_object_of(&upload.key, parts.len()).await? {
            return Ok(());
        }
        Err(sorted("s3:CompleteMultipartUpload", &error))
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Error> {
        let request = self.client.abort_multipart_upload().bucket(&self.name);
        match request.key(&upload.key).upload_id(&upload.id).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_unknown_upload(&error) => Ok(()),
            Err(error) => Err(sorted("s3:AbortMultipartUpload", &error)),
        }
    }

    async fn size(&self, key: &str) -> Result<Option<u64>, Error> {
        const OPERATION: &str = "s3:HeadObject";
        match self.client.head_object().bucket(&self.name).key(key).send().await {
            Ok(head) => {
                let length = head.content_length.and_then(|length| u64::try_from(length).ok());
                length.map(Some).ok_or_else(|| incomplete(OPERATION))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(sorted(OPERATION, &error)),
        }
    }

    async fn presigned(&self, key: &str, valid_for: Duration) -> Result<String, Error> {
        let life = PresigningConfig::expires_in(valid_for).map_err(|_too_long| too_long(valid_for))?;
        let request = self.client.get_object().bucket(&self.name).key(key);
        let link = request.presigned(life).await.map_err(|error| sorted("s3:GetObject", &error))?;
        Ok(link.uri().to_owned())
    }
}

pub(super) fn incomplete(operation: &str) -> Error {
    Error::retryable("IncompleteAnswer", format!("`{operation}` did not answer in full"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_tag_tells_the_number_of_parts() {
        for (etag, parts, expected) in [
            ("\"d41d8cd98f00b204e9800998ecf8427e-2\"", 2, true),
            ("d41d8cd98f00b204e9800998ecf8427e-2", 2, true),
            ("\"d41d8cd98f00b204e9800998ecf8427e-12\"", 2, false),
            ("\"d41d8cd98f00b204e9800998ecf8427e\"", 1, false),
            ("", 0, false),
        ] {
            assert_eq!(is_of_parts(etag, parts), expected, "{etag} {parts}");
        }
    }
}
