//! An object that is read line by line.

use bytes::Bytes;
use eventide_kit::error::Error;

use super::{Bucket, Chunks};

/// The longest line.
const MAX_LINE: usize = 8 * 1024 * 1024;

/// The lines of an object, without their ends. Empty lines are passed over.
#[derive(Debug)]
pub struct Lines {
    chunks: Chunks,
    chunk: Bytes,
    /// The beginning of a line whose end is in a later chunk.
    begun: Vec<u8>,
    is_whole: bool,
}

impl Lines {
    /// The lines of an object that was opened.
    pub fn new(chunks: Chunks) -> Self {
        Self { chunks, chunk: Bytes::new(), begun: Vec::new(), is_whole: false }
    }

    /// The lines of the object under that key, if there is one.
    ///
    /// # Errors
    /// Those of [`Bucket::open`].
    pub async fn open(bucket: &impl Bucket, key: &str) -> Result<Option<Self>, Error> {
        Ok(bucket.open(key, None).await?.map(|opened| Self::new(opened.body)))
    }

    /// The next line that is not empty; `None` at the end.
    ///
    /// # Errors
    /// Those of [`Chunks::next`]; `Permanent.LineTooLong` above 8 MiB.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(line) = self.take() {
                if line.is_empty() {
                    continue;
                }
                return Ok(Some(line));
            }
            if self.begun.len() > MAX_LINE {
                return Err(Error::permanent(
                    "LineTooLong",
                    format!("a line has more than {MAX_LINE} bytes"),
                ));
            }
            match self.chunks.next().await? {
                Some(chunk) => self.chunk = chunk,
                None if self.is_whole => return Ok(None),
                None => {
                    self.is_whole = true;
                    let rest = std::mem::take(&mut self.begun);
                    return Ok((!rest.is_empty()).then(|| rest.into()));
                }
            }
        }
    }

    /// A line that ends in this chunk; what is left of the chunk is put by if none does.
    fn take(&mut self) -> Option<Bytes> {
        let Some(end) = self.chunk.iter().position(|byte| *byte == b'\n') else {
            self.begun.extend_from_slice(&self.chunk);
            self.chunk.clear();
            return None;
        };
        let line = self.chunk.split_to(end);
        // The line end itself.
        let _ = self.chunk.split_to(1);
        if self.begun.is_empty() {
            return Some(line);
        }
        self.begun.extend_from_slice(&line);
        Some(std::mem::take(&mut self.begun).into())
    }
}
