//! Amazon S3.

use bytes::Bytes;
use eventide_kit::error::Error;
use std::time::Duration;

/// An object that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its content.
    pub body: Bytes,
    /// Its version, in a versioned bucket.
    pub version_id: Option<String>,
    /// Its entity tag.
    pub etag: String,
}

/// An upload under way. Nothing of it is visible under its key before it is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The key that it will have.
    pub key: String,
    /// S3's id of it.
    pub id: String,
}

/// A part that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// From 1 on.
    pub number: i32,
    /// What completes the upload.
    pub etag: String,
}

/// One bucket.
pub trait Bucket: Send + Sync {
    /// The bucket's name.
    fn name(&self) -> &str;
    /// A whole object of at most `max_bytes`; `None` if there is none. Larger: `Permanent.ObjectTooLarge`.
    fn get(
        &self,
        key: &str,
        version_id: Option<&str>,
        max_bytes: u64,
    ) -> impl Future<Output = Result<Option<Object>, Error>> + Send;
    /// Writes an object of at most 5 MiB or so.
    fn put(
        &self,
        key: &str,
        content_type: &str,
        body: Bytes,
    ) -> impl Future<Output = Result<(), Error>> + Send;
    /// Begins an upload in parts.
    fn begin(&self, key: &str, content_type: &str) -> impl Future<Output = Result<Upload, Error>> + Send;
    /// Uploads a part: 5 MiB to 5 GiB, the last one any size; at most 10,000 parts.
    fn part(
        &self,
        upload: &Upload,
        number: i32,
        body: Bytes,
    ) -> impl Future<Output = Result<Part, Error>> + Send;
    /// Makes the object of its parts, all at once.
    fn complete(&self, upload: &Upload, parts: &[Part]) -> impl Future<Output = Result<(), Error>> + Send;
    /// Gives an upload up, so that its parts are not billed.
    fn abort(&self, upload: &Upload) -> impl Future<Output = Result<(), Error>> + Send;
    /// The size of an object in bytes, if there is one.
    fn size(&self, key: &str) -> impl Future<Output = Result<Option<u64>, Error>> + Send;
    /// A link that lets anyone get the object for a time, at most as long as the function's credentials last.
    fn presigned(&self, key: &str, valid_for: Duration)
    -> impl Future<Output = Result<String, Error>> + Send;
}
