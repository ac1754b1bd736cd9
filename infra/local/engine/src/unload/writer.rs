//! One file of an `UNLOAD`.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use serde_json::Value as Json;

use crate::error::{Result, error};
use crate::parse::{Format, Unload};
use crate::result::rows_of;
use crate::types::timestamp;
use crate::values::{self, kept_as};
use crate::{Column, Value};

/// A file in the making.
pub(super) struct Writer {
    body: Body,
    columns: Vec<Column>,
    /// Lines or records, the header included, as in manifests.
    rows: u64,
}

enum Body {
    Parquet(Box<ArrowWriter<Vec<u8>>>, SchemaRef),
    Csv(Vec<u8>),
    Json(Vec<u8>),
}

impl Writer {
    pub(super) fn new(unload: &Unload, columns: &[Column], schema: &Schema) -> Result<Self> {
        let mut writer = Self { body: Body::Csv(Vec::new()), columns: columns.to_vec(), rows: 0 };
        match unload.format {
            Format::Parquet => {
                let schema = in_parquet(schema);
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                let parquet = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties));
                writer.body = Body::Parquet(Box::new(parquet.map_err(error)?), schema);
            }
            Format::Csv if unload.header => {
                let names = columns.iter().map(|column| Value::Text(column.name.clone()));
                writer.body = Body::Csv(csv(&names.collect::<Vec<_>>()).into_bytes());
                writer.rows = 1;
            }
            Format::Csv => {}
            Format::Json => writer.body = Body::Json(Vec::new()),
        }
        Ok(writer)
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += u64::try_from(batch.num_rows()).unwrap_or_default();
        match &mut self.body {
            Body::Parquet(writer, schema) => {
                let columns = batch.columns().iter().zip(schema.fields());
                let columns: std::result::Result<Vec<_>, _> =
                    columns.map(|(column, field)| cast(column, field.data_type())).collect();
                let batch =
                    RecordBatch::try_new(Arc::clone(schema), columns.map_err(error)?).map_err(error)?;
                writer.write(&batch).map_err(error)
            }
            Body::Csv(out) => {
                for row in rows_of(batch) {
                    out.extend_from_slice(csv(&row).as_bytes());
                }
                Ok(())
            }
            Body::Json(out) => {
                for row in rows_of(batch) {
                    writeln!(out, "{}", json(&self.columns, &row)).map_err(error)?;
                }
                Ok(())
            }
        }
    }

    /// Bytes so far, about.
    pub(super) fn size(&self) -> u64 {
        let size = match &self.body {
            Body::Parquet(writer, _) => writer.bytes_written() + writer.in_progress_size(),
            Body::Csv(out) | Body::Json(out) => out.len(),
        };
        u64::try_from(size).unwrap_or(u64::MAX)
    }

    /// The file and its rows.
    pub(super) fn finish(self) -> Result<(Bytes, u64)> {
        let body = match self.body {
            Body::Parquet(writer, _) => writer.into_inner().map_err(error)?,
            Body::Csv(out) | Body::Json(out) => out,
        };
        Ok((Bytes::from(body), self.rows))
    }
}

/// A result's types in Parquet. Time zones are not unloaded (Database Developer Guide, "UNLOAD", "FORMAT AS PARQUET").
fn in_parquet(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let kind = match kept_as(field.data_type()) {
            DataType::Timestamp(..) => timestamp(),
            DataType::Int8 | DataType::UInt8 => DataType::Int16,
            DataType::UInt16 => DataType::Int32,
            DataType::UInt32 => DataType::Int64,
            other => other,
        };
        datafusion::arrow::datatypes::Field::new(field.name(), kind, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A line. Fields are quoted where the format would break without.
fn csv(row: &[Value]) -> String {
    let mut line = String::new();
    for (place, value) in row.iter().enumerate() {
        if place > 0 {
            line.push(',');
        }
        let mut field = String::new();
        values::write(value, &mut field);
        if field.contains([',', '"', '\n', '\r']) {
            line.push('"');
            line.push_str(&field.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(&field);
        }
    }
    line.push('\n');
    line
}

/// An object with its members in the columns' order. Booleans are `t` and `f`.
fn json(columns: &[Column], row: &[Value]) -> String {
    let mut line = String::from("{");
    for (place, (column, value)) in columns.iter().zip(row).enumerate() {
        if place > 0 {
            line.push(',');
        }
        line.push_str(&Json::from(column.name.as_str()).to_string());
        line.push(':');
        match value {
            Value::Null => line.push_str("null"),
            Value::Double(value) if !value.is_finite() => line.push_str("null"),
            Value::Boolean(true) => line.push_str("\"t\""),
            Value::Boolean(false) => line.push_str("\"f\""),
            Value::Text(text) if !["numeric", "super"].contains(&column.type_name.as_str()) => {
                line.push_str(&Json::from(text.as_str()).to_string());
            }
            other => values::write(other, &mut line),
        }
    }
    line.push('}');
    line
}
