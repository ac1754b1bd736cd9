//! Amazon S3.
//!
//! What a function may do with a bucket should include `s3:ListBucket`: without it S3 answers that an object is denied
//! where it means that there is none.

#[cfg(feature = "testing")]
pub mod contract;
#[cfg(feature = "testing")]
mod fake;
mod lines;
mod sdk;
mod stream;
mod writer;

use std::time::Duration;

use bytes::Bytes;
use eventide_kit::error::Error;
#[cfg(feature = "testing")]
pub use fake::{FakeBucket, Operation};
pub use lines::Lines;
pub use sdk::SdkBucket;
pub use stream::{Chunks, Opened};
pub use writer::Writer;

/// Bytes of the smallest part but the last (Amazon S3 User Guide, "Multipart upload limits").
pub const MIN_PART: usize = 5 * 1024 * 1024;
/// Parts of an upload (as above).
pub const MAX_PARTS: i32 = 10_000;

/// An object that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// Its content.
    pub body: Bytes,
    /// Its version, in a versioned bucket.
    pub version_id: Option<String>,
    /// Its entity tag.
    pub etag: String,
}

impl std::fmt::Debug for Object {
    /// Without the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object")
            .field("bytes", &self.body.len())
            .field("version_id", &self.version_id)
            .field("etag", &self.etag)
            .finish()
    }
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
    /// A whole object of at most `max_bytes`; `None` if there is none, or none of that version. Larger:
    /// `Permanent.ObjectTooLarge`.
    fn get(
        &self,
        key: &str,
        version_id: Option<&str>,
        max_bytes: u64,
    ) -> impl Future<Output = Result<Option<Object>, Error>> + Send;
    /// An object of any size, to be read chunk by chunk; `None` as for [`get`](Self::get).
    fn open(
        &self,
        key: &str,
        version_id: Option<&str>,
    ) -> impl Future<Output = Result<Option<Opened>, Error>> + Send;
    /// The keys that begin with `prefix`, in the order of their bytes: the first `most` of those behind `after`.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;
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
    /// Makes the object of its parts, all at once. `parts` are in the order of their numbers, and at least one.
    ///
    /// May be repeated: an upload that is not there any more counts as complete if an object of as many parts lies
    /// under its key. `Permanent.NoSuchUpload` if not: it was given up.
    fn complete(&self, upload: &Upload, parts: &[Part]) -> impl Future<Output = Result<(), Error>> + Send;
    /// Gives an upload up, so that its parts are not billed. One that is not there any more is given up already, or
    /// complete.
    fn abort(&self, upload: &Upload) -> impl Future<Output = Result<(), Error>> + Send;
    /// The size of an object in bytes, if there is one.
    fn size(&self, key: &str) -> impl Future<Output = Result<Option<u64>, Error>> + Send;
    /// A link that lets anyone get the object for a time: at most 7 days, and as long as the function's credentials
    /// last.
    fn presigned(&self, key: &str, valid_for: Duration)
    -> impl Future<Output = Result<String, Error>> + Send;
}
