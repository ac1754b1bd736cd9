use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use eventide_kit::error::Error;

use super::stream::Reading;
use super::{Bucket, Chunks, MIN_PART, Object, Opened, Part, Upload};
use crate::faults::Faults;

/// Longest life of a link, in seconds.
const MAX_LINK: u64 = 604_800;

/// Calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`Bucket::get`]
    Get,
    /// [`Bucket::open`]
    Open,
    /// [`Bucket::list`]
    List,
    /// [`Bucket::put`]
    Put,
    /// [`Bucket::begin`]
    Begin,
    /// [`Bucket::part`]
    Part,
    /// [`Bucket::complete`]
    Complete,
    /// [`Bucket::abort`]
    Abort,
    /// [`Bucket::size`]
    Size,
}

/// Bytes of a chunk, unless told otherwise: so few that nearly everything is cut in two.
const CHUNK: usize = 7;

/// [`Bucket`] in memory, versioned. Clones share their state.
#[derive(Clone)]
pub struct FakeBucket {
    name: String,
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for FakeBucket {
    /// Without the objects.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeBucket").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    /// The versions of each key, oldest first; `None` marks a deletion.
    objects: BTreeMap<String, Vec<Version>>,
    uploads: BTreeMap<String, Open>,
    faults: Faults<Operation>,
    /// Number of versions, parts and uploads so far, which makes their names.
    made: u64,
    /// 0: [`CHUNK`].
    chunk: usize,
    /// What breaks the reading of an object, by key.
    breaks: BTreeMap<String, VecDeque<(usize, Error)>>,
}

struct Version {
    id: String,
    etag: String,
    content_type: String,
    body: Option<Bytes>,
}

struct Open {
    key: String,
    content_type: String,
    parts: BTreeMap<i32, (String, Bytes)>,
}

impl FakeBucket {
    /// An empty bucket.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), state: Arc::default() }
    }

    /// Adds an object, or a version of it, and says which.
    pub fn add(&self, key: &str, body: impl Into<Bytes>) -> String {
        self.state().write(key, "application/octet-stream", Some(body.into()), None)
    }

    /// Deletes an object, whose versions stay.
    pub fn delete(&self, key: &str) {
        self.state().write(key, "", None, None);
    }

    /// The next call of `operation` without such a failure before it fails with `error`.
    pub fn fail_next(&self, operation: Operation, error: Error) {
        self.state().faults.push(operation, error);
    }

    /// What is opened from now on is read in chunks of so many bytes (7 by default).
    pub fn in_chunks_of(&self, bytes: usize) {
        self.state().chunk = bytes;
    }

    /// Whoever reads on at this byte of what is opened next under the key gets `error`, once; called again, the rest.
    pub fn break_next(&self, key: &str, at: usize, error: Error) {
        self.state().breaks.entry(key.to_owned()).or_default().push_back((at, error));
    }

    /// The content of an object, if there is one.
    pub fn body(&self, key: &str) -> Option<Bytes> {
        self.state().current(key)?.body.clone()
    }

    /// The type of an object's content.
    pub fn content_type(&self, key: &str) -> Option<String> {
        self.state().current(key).map(|version| version.content_type.clone())
    }

    /// The keys of all objects, in order.
    pub fn keys(&self) -> Vec<String> {
        let state = self.state();
        state.objects.keys().filter(|key| state.current(key).is_some()).cloned().collect()
    }

    /// The uploads that are neither complete nor given up.
    pub fn uploads(&self) -> Vec<Upload> {
        let open = |(id, open): (&String, &Open)| Upload { key: open.key.clone(), id: id.clone() };
        self.state().uploads.iter().map(open).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}-{}", self.made)
    }

    fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last().filter(|version| version.body.is_some())
    }

    /// An object, or a version of it, with its content.
    fn find(&self, key: &str, version_id: Option<&str>) -> Option<(&Version, Bytes)> {
        let version = match version_id {
            None => self.current(key),
            Some(id) => self.objects.get(key)?.iter().find(|version| version.id == id),
        }?;
        Some((version, version.body.clone()?))
    }

    fn write(&mut self, key: &str, content_type: &str, body: Option<Bytes>, parts: Option<usize>) -> String {
        let id = self.name("version");
        let of_parts = parts.map(|parts| format!("-{parts}")).unwrap_or_default();
        let etag = format!("\"{}{of_parts}\"", self.name("etag"));
        let version = Version { id: id.clone(), etag, content_type: content_type.to_owned(), body };
        self.objects.entry(key.to_owned()).or_default().push(version);
        id
    }
}

fn no_upload(operation: &str) -> Error {
    Error::permanent("NoSuchUpload", format!("`s3:{operation}` failed with `NoSuchUpload`"))
}

impl Bucket for FakeBucket {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(
        &self,
        key: &str,
        version_id: Option<&str>,
        max_bytes: u64,
    ) -> Result<Option<Object>, Error> {
        let mut state = self.state();
        state.faults.check(Operation::Get)?;
        let Some((version, body)) = state.find(key, version_id) else { return Ok(None) };
        super::sdk::check_size(body.len() as u64, max_bytes)?;
        let (version_id, etag) = (Some(version.id.clone()), version.etag.clone());
        Ok(Some(Object { body, version_id, etag }))
    }

    async fn open(&self, key: &str, version_id: Option<&str>) -> Result<Option<Opened>, Error> {
        let mut state = self.state();
        state.faults.check(Operation::Open)?;
        let breaks = state.breaks.get_mut(key).map(std::mem::take).unwrap_or_default();
        let chunk = if state.chunk == 0 { CHUNK } else { state.chunk };
        let Some((version, body)) = state.find(key, version_id) else { return Ok(None) };
        Ok(Some(Opened {
            size: body.len() as u64,
            etag: version.etag.clone(),
            version_id: Some(version.id.clone()),
            content_type: Some(version.content_type.clone()),
            body: Chunks::of(Reading { body, chunk, reached: 0, breaks }),
        }))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, most: usize) -> Result<Vec<String>, Error> {
        let mut state = self.state();
        state.faults.check(Operation::List)?;
        let wanted =
            |key: &&String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
        let keys = state.objects.keys().filter(|key| state.current(key).is_some());
        Ok(keys.filter(wanted).take(most).cloned().collect())
    }

    async fn put(&self, key: &str, content_type: &str, body: Bytes) -> Result<(), Error> {
        let mut state = self.state();
        state.faults.check(Operation::Put)?;
        state.write(key, content_type, Some(body), None);
        Ok(())
    }

    async fn begin(&self, key: &str, content_type: &str) -> Result<Upload, Error> {
        let mut state = self.state();
        state.faults.check(Operation::Begin)?;
        let id = state.name("upload");
        let open =
            Open { key: key.to_owned(), content_type: content_type.to_owned(), parts: BTreeMap::new() };
        state.uploads.insert(id.clone(), open);
        Ok(Upload { key: key.to_owned(), id })
    }

    async fn part(&self, upload: &Upload, number: i32, body: Bytes) -> Result<Part, Error> {
        let mut state = self.state();
        state.faults.check(Operation::Part)?;
        if !(1..=super::MAX_PARTS).contains(&number) {
            return Err(Error::permanent("InvalidArgument", "`s3:UploadPart` failed with `InvalidArgument`"));
        }
        let etag = format!("\"{}\"", state.name("etag"));
        let open = state.uploads.get_mut(&upload.id).ok_or_else(|| no_upload("UploadPart"))?;
        open.parts.insert(number, (etag.clone(), body));
        Ok(Part { number, etag })
    }

    async fn complete(&self, upload: &Upload, parts: &[Part]) -> Result<(), Error> {
        const OPERATION: &str = "CompleteMultipartUpload";
        let invalid =
            |code: &'static str| Error::permanent(code, format!("`s3:{OPERATION}` failed with `{code}`"));
        let mut state = self.state();
        state.faults.check(Operation::Complete)?;
        let Some(open) = state.uploads.get(&upload.id) else {
            let current = state.current(&upload.key);
            let same = current.is_some_and(|object| super::sdk::is_of_parts(&object.etag, parts.len()));
            return if same { Ok(()) } else { Err(no_upload(OPERATION)) };
        };
        if parts.is_empty() {
            return Err(invalid("MalformedXML"));
        }
        if !parts.is_sorted_by(|a, b| a.number < b.number) {
            return Err(invalid("InvalidPartOrder"));
        }
        let mut whole = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let known = open.parts.get(&part.number).filter(|(etag, _)| *etag == part.etag);
            let (_, body) = known.ok_or_else(|| invalid("InvalidPart"))?;
            if body.len() < MIN_PART && index + 1 < parts.len() {
                return Err(invalid("EntityTooSmall"));
            }
            whole.extend_from_slice(body);
        }
        let (key, content_type) = (open.key.clone(), open.content_type.clone());
        state.uploads.remove(&upload.id);
        state.write(&key, &content_type, Some(whole.into()), Some(parts.len()));
        Ok(())
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Error> {
        let mut state = self.state();
        state.faults.check(Operation::Abort)?;
        state.uploads.remove(&upload.id);
        Ok(())
    }

    async fn size(&self, key: &str) -> Result<Option<u64>, Error> {
        let mut state = self.state();
        state.faults.check(Operation::Size)?;
        Ok(state.current(key).and_then(|version| Some(version.body.as_ref()?.len() as u64)))
    }

    async fn presigned(&self, key: &str, valid_for: Duration) -> Result<String, Error> {
        let seconds = valid_for.as_secs();
        if seconds > MAX_LINK {
            return Err(super::sdk::too_long(valid_for));
        }
        Ok(format!("https://{}.s3.example/{key}?X-Amz-Expires={seconds}", self.name))
    }
}
