//! `UNLOAD`: a query's rows as files in the data lake.
//!
//! Names and manifest are as documented (Database Developer Guide, "UNLOAD" and "UNLOAD examples"). The
//! documentation does not say what an empty result leaves: here, nothing but the manifest.

mod writer;

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Value as Json, json};

use crate::error::{Result, SqlError, error, translated};
use crate::parse::{Format, Manifest, Unload};
use crate::plan::Plan;
use crate::result::{self, kept, labelled};
use crate::types::sql_name;
use crate::{Column, Lake};
use writer::Writer;

/// How many slices the local warehouse has. Each writes its own files.
const SLICES: usize = 2;
/// Rows between two looks at a file's size.
const STEP: usize = 512;

/// A file that was written.
struct File {
    key: String,
    bytes: u64,
    rows: u64,
}

/// A slice's file in the making, and how many it has written.
struct Slice {
    writer: Option<Writer>,
    parts: usize,
}

/// Writes a query's rows. Returns how many.
pub(crate) async fn run(plan: &Plan, unload: &Unload, lake: &dyn Lake) -> Result<u64> {
    make_room(unload, lake).await?;
    let columns = result::columns(plan.logical.schema());
    let schema = labelled(plan.logical.schema());
    let count = if unload.parallel { SLICES } else { 1 };
    let mut slices: Vec<Slice> = (0..count).map(|_| Slice { writer: None, parts: 0 }).collect();
    let mut files = Vec::new();
    let mut stream = plan.stream().await?;
    let mut turn = 0;
    while let Some(batch) = stream.next().await {
        let batch = kept(&translated(batch)?)?;
        if batch.num_rows() == 0 {
            continue;
        }
        let number = turn % count;
        turn += 1;
        let Some(slice) = slices.get_mut(number) else { continue };
        for start in (0..batch.num_rows()).step_by(STEP) {
            let step = batch.slice(start, STEP.min(batch.num_rows() - start));
            if slice.writer.is_none() {
                slice.writer = Some(Writer::new(unload, &columns, &schema)?);
            }
            let Some(writer) = &mut slice.writer else { continue };
            let before = writer.size();
            writer.write(&step)?;
            // Another step like this one would be too much.
            if writer.size() * 2 - before > unload.max_file_size {
                files.extend(close(slice, number, unload, lake).await?);
            }
            tokio::task::yield_now().await;
        }
    }
    for (number, slice) in slices.iter_mut().enumerate() {
        files.extend(close(slice, number, unload, lake).await?);
    }
    files.sort_by(|left: &File, right| left.key.cmp(&right.key));
    if unload.manifest != Manifest::None {
        let body = serde_json::to_vec_pretty(&manifest(unload, &files, &columns)).map_err(error)?;
        let key = format!("{}manifest", unload.prefix);
        lake.put(&unload.bucket, &key, Bytes::from(body)).await.map_err(s3)?;
    }
    let header = if unload.header { u64::try_from(files.len()).unwrap_or_default() } else { 0 };
    Ok(files.iter().map(|file| file.rows).sum::<u64>() - header)
}

/// By default nothing may be there that could be overwritten.
async fn make_room(unload: &Unload, lake: &dyn Lake) -> Result<()> {
    if unload.overwrite {
        return Ok(());
    }
    let existing = lake.list(&unload.bucket, &unload.prefix).await.map_err(s3)?;
    if !existing.is_empty() && !unload.clean {
        return Err(error(
            "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually \
             removing the target files in S3, or using the ALLOWOVERWRITE option.",
        ));
    }
    for (key, _) in existing {
        lake.delete(&unload.bucket, &key).await.map_err(s3)?;
    }
    Ok(())
}

async fn close(slice: &mut Slice, number: usize, unload: &Unload, lake: &dyn Lake) -> Result<Option<File>> {
    let Some(writer) = slice.writer.take() else { return Ok(None) };
    let part = slice.parts;
    slice.parts += 1;
    let name = if unload.parallel { format!("{number:04}_part_{part:02}") } else { format!("{part:03}") };
    let extension = if unload.format == Format::Parquet { ".parquet" } else { "" };
    let key = format!("{}{name}{extension}", unload.prefix);
    let (body, rows) = writer.finish()?;
    let bytes = u64::try_from(body.len()).unwrap_or_default();
    lake.put(&unload.bucket, &key, body).await.map_err(s3)?;
    Ok(Some(File { key, bytes, rows }))
}

fn manifest(unload: &Unload, files: &[File], columns: &[Column]) -> Json {
    let verbose = unload.manifest == Manifest::Verbose;
    let entries = files.iter().map(|file| {
        let url = format!("s3://{}/{}", unload.bucket, file.key);
        if verbose {
            return json!({ "url": url, "meta": { "content_length": file.bytes, "record_count": file.rows } });
        }
        // Columnar files need it when they are loaded (Database Developer Guide, "COPY from columnar data formats").
        match unload.format {
            Format::Parquet => json!({ "url": url, "meta": { "content_length": file.bytes } }),
            Format::Csv | Format::Json => json!({ "url": url }),
        }
    });
    let mut manifest = json!({ "entries": entries.collect::<Vec<_>>() });
    if let (true, Some(members)) = (verbose, manifest.as_object_mut()) {
        let elements: Vec<Json> = columns.iter().map(element).collect();
        let (bytes, rows) = files.iter().fold((0, 0), |sum, file| (sum.0 + file.bytes, sum.1 + file.rows));
        members.insert("schema".into(), json!({ "elements": elements }));
        members.insert("meta".into(), json!({ "content_length": bytes, "record_count": rows }));
        members.insert("author".into(), json!({ "name": "Amazon Redshift", "version": "1.0.0" }));
    }
    manifest
}

/// A column. The documentation's example gives lengths without a name, which is no JSON; the names are ours.
fn element(column: &Column) -> Json {
    let base = sql_name(&column.type_name);
    let kind = match column.type_name.as_str() {
        "varchar" | "bpchar" => json!({ "base": base, "length": column.precision }),
        "numeric" => json!({ "base": base, "precision": column.precision, "scale": column.scale }),
        _ => json!({ "base": base }),
    };
    json!({ "name": column.name, "type": kind })
}

fn s3(failure: String) -> SqlError {
    error(format_args!("S3ServiceException: {failure}"))
}
