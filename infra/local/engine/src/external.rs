//! Tables of the data lake: Parquet files below a prefix, as Redshift Spectrum reads them.
//!
//! Files are read anew for each statement, so that what was written since is seen.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::Lake;
use crate::catalog::{Id, Location, Rows};
use crate::error::{Result, SqlError, error, unsupported};
use crate::types;
use crate::values;

/// Reads a table.
pub(crate) async fn read(lake: &dyn Lake, id: &Id, location: &Location) -> Result<Rows> {
    let (bucket, prefix) = location;
    let spectrum = |failure: String| error(format_args!("S3ServiceException: {failure} (table {})", id.name));
    let mut keys = lake.list(bucket, prefix).await.map_err(spectrum)?;
    keys.sort();
    let mut rows: Option<Rows> = None;
    for (key, size) in keys {
        // Spectrum ignores hidden files (Database Developer Guide, "CREATE EXTERNAL TABLE", LOCATION).
        let file = key.rsplit('/').next().unwrap_or(&key);
        if size == 0 || file.is_empty() || file.starts_with(['_', '.', '#']) || file.ends_with('~') {
            continue;
        }
        let bytes = lake.get(bucket, &key).await.map_err(spectrum)?;
        let bad = |failure: &dyn std::fmt::Display| -> SqlError {
            error(format_args!(
                "Spectrum Scan Error: file s3://{bucket}/{key} is not a valid Parquet file: {failure}"
            ))
        };
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|failure| bad(&failure))?;
        let schema = match &rows {
            Some(rows) => Arc::clone(&rows.schema),
            None => columns(builder.schema())?,
        };
        let all = rows.get_or_insert_with(|| Rows { schema: Arc::clone(&schema), batches: Vec::new() });
        for batch in builder.build().map_err(|failure| bad(&failure))? {
            let batch = batch.map_err(|failure| bad(&failure))?;
            all.batches.push(fitted(&batch, &schema).map_err(|failure| bad(&failure))?);
            // One batch at a time, so that a cancelled statement stops here.
            tokio::task::yield_now().await;
        }
    }
    rows.ok_or_else(|| {
        error(format_args!(
            "external table \"{}\" has no files below s3://{bucket}/{prefix}, and the local warehouse knows its \
             columns by them alone",
            id.name
        ))
    })
}

/// The table's columns: names in lower case, types that Redshift has.
fn columns(found: &Schema) -> Result<SchemaRef> {
    let fields = found.fields().iter().map(|field| {
        let kind = match field.data_type() {
            DataType::Timestamp(..) => types::timestamp(),
            DataType::Int8 | DataType::UInt8 => DataType::Int16,
            DataType::UInt16 => DataType::Int32,
            DataType::UInt32 => DataType::Int64,
            DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
            nested if nested.is_nested() => {
                return Err(unsupported(format_args!("the type of column \"{}\" in Parquet", field.name())));
            }
            other => values::kept_as(other),
        };
        Ok(Field::new(field.name().to_ascii_lowercase(), kind, true))
    });
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?)))
}

/// A batch with the table's columns. A column that a file lacks is null.
fn fitted(batch: &RecordBatch, schema: &SchemaRef) -> std::result::Result<RecordBatch, String> {
    let found = batch.schema();
    let names: Vec<String> = found.fields().iter().map(|field| field.name().to_ascii_lowercase()).collect();
    let columns: std::result::Result<Vec<ArrayRef>, String> = schema
        .fields()
        .iter()
        .map(|field| {
            let place = names.iter().position(|name| name == field.name());
            match place.and_then(|place| batch.columns().get(place)) {
                Some(column) => cast(column, field.data_type()).map_err(|failure| failure.to_string()),
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            }
        })
        .collect();
    RecordBatch::try_new(Arc::clone(schema), columns?).map_err(|failure| failure.to_string())
}
