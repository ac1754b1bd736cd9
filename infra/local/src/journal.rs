//! The journal: what was called, by whom, and what came of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The oldest entries give way beyond this many.
const CAPACITY: usize = 100_000;

/// One API call. Bodies are kept only if the local cloud was started with `--journal-bodies`.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Counts up from 1, in the order in which calls ended.
    pub seq: u64,
    /// When the call arrived, RFC 3339, by the machine's clock.
    pub time: String,
    /// The signing name.
    pub service: String,
    /// The operation, such as `SendMessage`; for REST APIs that are not known by name the method and path.
    pub operation: String,
    /// The Region of the credential scope.
    pub region: String,
    /// The application id, else the access key id, else `anonymous`.
    pub caller: String,
    /// The access key id that signed the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    /// The role whose temporary key it is, where it was handed out here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// What the call names, such as `{"TableName": "…"}`.
    pub resources: BTreeMap<String, String>,
    /// Size of the request's body.
    pub request_bytes: usize,
    /// The HTTP status of the service's answer; `None` if the service was not called.
    pub status: Option<u16>,
    /// AWS's error code, where the answer is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// From the request's last byte to the answer's headers.
    pub duration_us: u64,
    /// The fault that was injected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The request's body, at most 64 KiB of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// Which entries are asked for; what is `None` matches all.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Exactly this caller.
    pub caller: Option<String>,
    /// Exactly this service.
    pub service: Option<String>,
    /// Exactly this operation.
    pub operation: Option<String>,
    /// Entries with a greater `seq`.
    pub since: u64,
}

impl Query {
    fn matches(&self, entry: &Entry) -> bool {
        let same =
            |wanted: &Option<String>, actual: &str| wanted.as_deref().is_none_or(|wanted| wanted == actual);
        entry.seq > self.since
            && same(&self.caller, &entry.caller)
            && same(&self.service, &entry.service)
            && same(&self.operation, &entry.operation)
    }
}

/// The entries, in memory.
#[derive(Debug, Default)]
pub struct Journal {
    entries: Mutex<(u64, VecDeque<Entry>)>,
}

impl Journal {
    /// Adds an entry and numbers it.
    pub fn record(&self, mut entry: Entry) {
        let (last, entries) = &mut *self.lock();
        *last += 1;
        entry.seq = *last;
        if entries.len() == CAPACITY {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    /// The entries that match, oldest first.
    #[must_use]
    pub fn find(&self, query: &Query) -> Vec<Entry> {
        self.lock().1.iter().filter(|entry| query.matches(entry)).cloned().collect()
    }

    /// Forgets all entries. Numbers go on.
    pub fn clear(&self) {
        self.lock().1.clear();
    }

    fn lock(&self) -> MutexGuard<'_, (u64, VecDeque<Entry>)> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
