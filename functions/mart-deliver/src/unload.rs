//! Results that the warehouse wrote itself.

use eventide_clients::redshift_data::Column;
use eventide_clients::s3::Bucket as _;
use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::mart::request::Record;
use serde::Deserialize;

use crate::deliver::{Delivered, DeliveredFile, MartDeliver, Ports};

/// The largest manifest that is read: one of some 10,000 files.
const MAX_MANIFEST: u64 = 4 * 1024 * 1024;

/// What `UNLOAD … MANIFEST VERBOSE` writes beside its files (Redshift developer guide, UNLOAD).
#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    entries: Vec<Entry>,
    schema: Option<Schema>,
    meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    url: String,
    meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    #[serde(default)]
    content_length: u64,
    #[serde(default)]
    record_count: u64,
}

#[derive(Debug, Deserialize)]
struct Schema {
    #[serde(default)]
    elements: Vec<Element>,
}

#[derive(Debug, Deserialize)]
struct Element {
    name: String,
    #[serde(rename = "type")]
    kind: Base,
}

#[derive(Debug, Deserialize)]
struct Base {
    base: String,
}

impl<P: Ports> MartDeliver<P> {
    /// Reads what the warehouse wrote, by its manifest.
    pub(crate) async fn unloaded(&self, request: &Record) -> Result<Delivered, Error> {
        let key = format!("{}manifest", request.unload_prefix());
        let Some(object) = self.ports.bucket().get(&key, None, MAX_MANIFEST).await? else {
            return Err(Error::retryable("ManifestMissing", "the warehouse wrote no manifest"));
        };
        let manifest: Manifest = parse(&object.body).map_err(|error| {
            Error::permanent("UnexpectedManifest", "the warehouse's manifest").with_source(error)
        })?;
        let start = format!("s3://{}/", self.ports.bucket().name());
        let files: Result<Vec<DeliveredFile>, Error> =
            manifest.entries.iter().map(|entry| file(entry, &start)).collect();
        let files = files?;
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let bytes = files.iter().map(|file| file.bytes).sum();
        if let Some(total) = manifest.meta.filter(|total| total.record_count != rows) {
            let message = format!("the warehouse's files have {rows} rows, expected {}", total.record_count);
            return Err(Error::retryable("RowsMissing", message));
        }
        let elements = manifest.schema.map(|schema| schema.elements).unwrap_or_default();
        let columns = elements.into_iter().map(|element| Column {
            name: element.name,
            type_name: element.kind.base,
            nullable: true,
            precision: 0,
            scale: 0,
        });
        Ok(Delivered { columns: columns.collect(), files, rows, bytes })
    }
}

fn file(entry: &Entry, start: &str) -> Result<DeliveredFile, Error> {
    let key = entry.url.strip_prefix(start).ok_or_else(|| {
        Error::permanent(
            "UnexpectedManifest",
            "the warehouse's manifest names a file elsewhere, expected the result bucket",
        )
    })?;
    let (bytes, rows) = entry.meta.as_ref().map_or((0, 0), |meta| (meta.content_length, meta.record_count));
    Ok(DeliveredFile { key: key.to_owned(), bytes, rows, sha256: None })
}
