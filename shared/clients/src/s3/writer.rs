//! An object that is written piece by piece.

use std::mem;

use bytes::Bytes;
use eventide_kit::error::Error;

use super::{Bucket, MIN_PART, Part, Upload};

/// Room for a part and for what completes it: allocated once, not over and over as it grows. Memory that is never written
/// to is none.
const ROOM: usize = MIN_PART + 1024 * 1024;

/// An object on its way into a bucket. It appears under its key when it is finished, whole. What is smaller than a part of
/// an upload goes in one request; of a larger one two parts at most are in memory. At most 10,000 parts of 5 MiB: 48 GiB.
#[derive(Debug)]
pub struct Writer<'a, B> {
    bucket: &'a B,
    key: String,
    content_type: &'static str,
    /// What is not on its way yet. Whoever writes appends to it, and calls [`flush`](Self::flush) now and then.
    pub buffer: Vec<u8>,
    upload: Option<Upload>,
    parts: Vec<Part>,
}

impl<'a, B: Bucket> Writer<'a, B> {
    /// Begins an object.
    pub fn new(bucket: &'a B, key: String, content_type: &'static str) -> Self {
        Self { bucket, key, content_type, buffer: Vec::new(), upload: None, parts: Vec::new() }
    }

    /// Appends one value as a JSON line.
    ///
    /// # Errors
    /// `Permanent.Unwritable` if it cannot be written.
    pub fn line(&mut self, value: &impl serde::Serialize) -> Result<(), Error> {
        serde_json::to_writer(&mut self.buffer, value).map_err(|error| {
            Error::permanent("Unwritable", "the line cannot be written").with_source(error)
        })?;
        self.buffer.push(b'\n');
        Ok(())
    }

    /// Uploads what has gathered, if it makes a part.
    ///
    /// # Errors
    /// Those of S3.
    pub async fn flush(&mut self) -> Result<(), Error> {
        while self.buffer.len() >= MIN_PART {
            let mut rest = Vec::with_capacity(ROOM);
            rest.extend_from_slice(self.buffer.get(MIN_PART..).unwrap_or_default());
            self.buffer.truncate(MIN_PART);
            let part = mem::replace(&mut self.buffer, rest);
            self.part(part).await?;
        }
        Ok(())
    }

    /// Uploads the rest and makes the object appear, be it an empty one.
    ///
    /// # Errors
    /// Those of S3. Call [`abort`](Self::abort) then.
    pub async fn finish(&mut self) -> Result<(), Error> {
        let rest = mem::take(&mut self.buffer);
        if self.upload.is_none() {
            return self.bucket.put(&self.key, self.content_type, Bytes::from(rest)).await;
        }
        if !rest.is_empty() {
            self.part(rest).await?;
        }
        match &self.upload {
            Some(upload) => self.bucket.complete(upload, &self.parts).await,
            None => Ok(()),
        }
    }

    /// Gives it up. What cannot be given up is removed by the bucket's lifecycle rule.
    pub async fn abort(&mut self) {
        if let Some(upload) = self.upload.take()
            && let Err(error) = self.bucket.abort(&upload).await
        {
            tracing::warn!(error_type = error.error_type(), %error, "upload not aborted");
        }
    }

    async fn part(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let upload = match self.upload.take() {
            Some(upload) => upload,
            None => self.bucket.begin(&self.key, self.content_type).await?,
        };
        let upload = self.upload.insert(upload);
        let number = i32::try_from(self.parts.len() + 1)
            .map_err(|_too_many| Error::permanent("ObjectTooLong", "the object has too many parts"))?;
        self.parts.push(self.bucket.part(upload, number, Bytes::from(bytes)).await?);
        Ok(())
    }
}
