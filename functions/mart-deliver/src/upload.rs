//! A file on its way into S3.

use std::mem;

use bytes::Bytes;
use eventide_clients::s3::{self, Bucket, Part};
use eventide_kit::Error;
use sha2::{Digest as _, Sha256};

/// Bytes of a part. S3 wants at least 5 MiB and takes 10,000 of them (S3 user guide, multipart upload limits): 80 GiB, far above
/// the 500 MB of a result. Two parts are in memory at a time: one that fills and one that goes.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// Room for a part and for the page that completes it: allocated once, not over and over as it grows. Memory that is
/// never written to is none.
const BUFFER_BYTES: usize = PART_BYTES + 2 * 1024 * 1024;

/// A file that is being uploaded. It appears under its key when it is finished, whole.
#[derive(Debug)]
pub struct Upload<'a, B> {
    bucket: &'a B,
    upload: s3::Upload,
    parts: Vec<Part>,
    /// What is not uploaded yet. Whoever encodes appends to it.
    pub buffer: Vec<u8>,
    bytes: u64,
    digest: Sha256,
}

/// A file that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

impl<'a, B: Bucket> Upload<'a, B> {
    /// Begins an upload.
    ///
    /// # Errors
    ///
    /// Those of S3.
    pub async fn begin(bucket: &'a B, key: &str, content_type: &str) -> Result<Self, Error> {
        let upload = bucket.begin(key, content_type).await?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Self { bucket, upload, parts: Vec::new(), buffer, bytes: 0, digest: Sha256::new() })
    }

    /// Uploads what has gathered, if it makes a part.
    ///
    /// # Errors
    ///
    /// Those of S3.
    pub async fn flush(&mut self) -> Result<(), Error> {
        while self.buffer.len() >= PART_BYTES {
            let mut rest = Vec::with_capacity(BUFFER_BYTES);
            rest.extend_from_slice(self.buffer.get(PART_BYTES..).unwrap_or_default());
            self.buffer.truncate(PART_BYTES);
            let part = mem::replace(&mut self.buffer, rest);
            self.part(part).await?;
        }
        Ok(())
    }

    /// Uploads the rest and makes the file appear.
    ///
    /// # Errors
    ///
    /// Those of S3.
    pub async fn finish(&mut self) -> Result<Uploaded, Error> {
        let rest = mem::take(&mut self.buffer);
        // A file has at least one part, be it an empty one.
        if !rest.is_empty() || self.parts.is_empty() {
            self.part(rest).await?;
        }
        self.bucket.complete(&self.upload, &self.parts).await?;
        let sha256 = hex::encode(self.digest.clone().finalize());
        Ok(Uploaded { key: self.upload.key.clone(), bytes: self.bytes, sha256 })
    }

    /// Gives the upload up. What cannot be given up is removed by the bucket's lifecycle rule.
    pub async fn abort(self) {
        if let Err(error) = self.bucket.abort(&self.upload).await {
            tracing::warn!(error_type = error.error_type(), %error, "upload not aborted");
        }
    }

    async fn part(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.digest.update(&bytes);
        self.bytes += bytes.len() as u64;
        let number = i32::try_from(self.parts.len() + 1)
            .map_err(|_too_many| Error::permanent("ResultTooLong", "the file has too many parts"))?;
        let part = self.bucket.part(&self.upload, number, Bytes::from(bytes)).await?;
        self.parts.push(part);
        Ok(())
    }
}
