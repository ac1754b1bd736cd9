//! Objects that are read chunk by chunk.

#[cfg(feature = "testing")]
use std::collections::VecDeque;
use std::fmt;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use eventide_kit::error::Error;

use super::Bucket as _;
use super::sdk::{SdkBucket, incomplete, is_missing, sorted};

const OPERATION: &str = "s3:GetObject";
/// How often in a row a connection may break without a byte having come through.
const MAX_BREAKS: u32 = 3;

/// An object that is being read.
#[derive(Debug)]
pub struct Opened {
    /// Bytes of the whole.
    pub size: u64,
    /// Its entity tag.
    pub etag: String,
    /// Its version, in a versioned bucket.
    pub version_id: Option<String>,
    /// The type that it was uploaded with.
    pub content_type: Option<String>,
    /// Its content.
    pub body: Chunks,
}

/// The content of an object, as it comes: a few hundred kilobytes at once at most, and no more of it in memory.
#[derive(Debug)]
pub struct Chunks(Source);

#[derive(Debug)]
enum Source {
    Sdk(Box<Download>),
    #[cfg(feature = "testing")]
    Fake(Reading),
}

impl Chunks {
    #[cfg(feature = "testing")]
    pub(super) fn of(reading: Reading) -> Self {
        Self(Source::Fake(reading))
    }

    /// The next bytes, at least one; `None` at the end of the object. A connection that breaks is made anew, and the
    /// object read on from the byte reached. After an error it may be called again, and tries to read on.
    ///
    /// # Errors
    /// `Permanent.ObjectChanged` if the object is another now, or gone: what was read is the beginning of one that is no
    /// more. `Retryable.ServerError` if the connection broke three times in a row without a byte coming through.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.0 {
            Source::Sdk(download) => download.next().await,
            #[cfg(feature = "testing")]
            Source::Fake(reading) => reading.next(),
        }
    }
}

/// A download through the AWS SDK.
pub(super) struct Download {
    bucket: SdkBucket,
    key: String,
    version_id: Option<String>,
    etag: String,
    size: u64,
    /// Bytes that were read.
    reached: u64,
    /// How often in a row it broke.
    breaks: u32,
    /// Nothing while there is no connection.
    body: Option<ByteStream>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("size", &self.size)
            .field("reached", &self.reached)
            .finish_non_exhaustive()
    }
}

impl Download {
    pub(super) async fn open(
        bucket: &SdkBucket,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Option<Opened>, Error> {
        let version = version_id.map(str::to_owned);
        let request =
            bucket.client.get_object().bucket(bucket.name()).key(key).set_version_id(version.clone());
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(sorted(OPERATION, &error)),
        };
        let size = output.content_length.and_then(|length| u64::try_from(length).ok());
        let (Some(size), Some(etag)) = (size, output.e_tag) else { return Err(incomplete(OPERATION)) };
        let download = Self {
            bucket: bucket.clone(),
            key: key.to_owned(),
            version_id: version,
            etag: etag.clone(),
            size,
            reached: 0,
            breaks: 0,
            body: Some(output.body),
        };
        Ok(Some(Opened {
            size,
            etag,
            version_id: output.version_id,
            content_type: output.content_type,
            body: Chunks(Source::Sdk(Box::new(download))),
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while self.reached < self.size {
            let Some(body) = &mut self.body else {
                self.body = Some(self.rest().await?);
                continue;
            };
            match body.next().await {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    self.reached += chunk.len() as u64;
                    self.breaks = 0;
                    return Ok(Some(chunk));
                }
                None | Some(Err(_)) => self.broke()?,
            }
        }
        Ok(None)
    }

    fn broke(&mut self) -> Result<(), Error> {
        self.body = None;
        self.breaks += 1;
        if self.breaks > MAX_BREAKS {
            self.breaks = 0;
            return Err(Error::retryable("ServerError", format!("`{OPERATION}` was cut short")));
        }
        tracing::info!(operation = OPERATION, reached = self.reached, "the connection broke: reading on");
        Ok(())
    }

    /// What was not read yet. The version that was asked for, not the one that was read: to name one takes another
    /// permission. The entity tag tells whether it is the same.
    async fn rest(&self) -> Result<ByteStream, Error> {
        let start = format!("bytes={}-", self.reached);
        let request = self.bucket.client.get_object().bucket(self.bucket.name()).key(&self.key);
        let request = request.set_version_id(self.version_id.clone()).if_match(&self.etag).range(start);
        match request.send().await {
            Ok(output) if self.is_the_rest(&output) => Ok(output.body),
            Ok(_) => Err(incomplete(OPERATION)),
            Err(error) => {
                let status = error.raw_response().map(|response| response.status().as_u16());
                // 416: it has become shorter, which can but happen where entity tags are not compared.
                if is_missing(&error) || matches!(status, Some(412 | 416)) {
                    return Err(Error::permanent("ObjectChanged", "the object changed while it was read"));
                }
                Err(sorted(OPERATION, &error))
            }
        }
    }

    fn is_the_rest(&self, output: &GetObjectOutput) -> bool {
        let range = format!("bytes {}-{}/{}", self.reached, self.size.saturating_sub(1), self.size);
        output.content_range.as_deref() == Some(&range) && output.e_tag.as_deref() == Some(&self.etag)
    }
}

/// An object of the fake's.
#[cfg(feature = "testing")]
pub(super) struct Reading {
    pub(super) body: Bytes,
    /// Bytes of a chunk.
    pub(super) chunk: usize,
    pub(super) reached: usize,
    /// What is due at which byte, in their order.
    pub(super) breaks: VecDeque<(usize, Error)>,
}

#[cfg(feature = "testing")]
impl Reading {
    fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let mut end = self.body.len().min(self.reached + self.chunk);
        match self.breaks.front() {
            Some((at, _)) if *at <= self.reached => {
                if let Some((_, error)) = self.breaks.pop_front() {
                    return Err(error);
                }
            }
            Some((at, _)) => end = end.min(*at),
            None => {}
        }
        let chunk = self.body.slice(self.reached..end);
        self.reached = end;
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

#[cfg(feature = "testing")]
impl fmt::Debug for Reading {
    /// Without the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("size", &self.body.len()).field("reached", &self.reached).finish()
    }
}
