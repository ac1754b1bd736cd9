//! Result sets: the engine's batches, from which rows are made on demand.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::common::TableReference;

use crate::error::{Result, error};
use crate::plan::label;
use crate::types;
use crate::values;
use crate::{Column, ResultSet, Value};

/// A result as the engine gave it.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    columns: Vec<Column>,
    batches: Vec<RecordBatch>,
    /// The rows up to and with each batch.
    ends: Vec<u64>,
    size: u64,
}

impl Batches {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// Adds rows.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = kept(batch)?;
        self.size += batch.columns().iter().map(values::size).sum::<u64>();
        self.ends.push(self.row_count() + u64::try_from(batch.num_rows()).unwrap_or_default());
        self.batches.push(batch);
        Ok(())
    }
}

/// A batch in types that have a text.
pub(crate) fn kept(batch: &RecordBatch) -> Result<RecordBatch> {
    let wanted: Vec<DataType> =
        batch.columns().iter().map(|column| values::kept_as(column.data_type())).collect();
    let same = batch.columns().iter().zip(&wanted).all(|(column, wanted)| column.data_type() == wanted);
    if same {
        return Ok(batch.clone());
    }
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(&wanted);
    let fields: Vec<_> =
        fields.map(|(field, wanted)| field.as_ref().clone().with_data_type(wanted.clone())).collect();
    let columns: std::result::Result<Vec<ArrayRef>, _> =
        batch.columns().iter().zip(&wanted).map(|(column, wanted)| cast(column, wanted)).collect();
    let columns = columns.map_err(error)?;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(error)
}

impl ResultSet for Batches {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn row_count(&self) -> u64 {
        self.ends.last().copied().unwrap_or_default()
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn rows(&self, start: u64, count: usize) -> Vec<Vec<Value>> {
        let mut rows: Vec<Vec<Value>> = Vec::new();
        let first = self.ends.partition_point(|end| *end <= start);
        let mut begin = first.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        for batch in self.batches.iter().skip(first) {
            let skip =
                usize::try_from(start.saturating_sub(begin)).unwrap_or(usize::MAX).min(batch.num_rows());
            let take = (batch.num_rows() - skip).min(count - rows.len());
            rows.extend(rows_of(&batch.slice(skip, take)));
            if rows.len() == count {
                break;
            }
            begin += u64::try_from(batch.num_rows()).unwrap_or_default();
        }
        rows
    }
}

/// The rows of a batch of kept types.
pub(crate) fn rows_of(batch: &RecordBatch) -> Vec<Vec<Value>> {
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for column in batch.columns() {
        for (row, value) in rows.iter_mut().zip(values::values(column)) {
            row.push(value);
        }
    }
    rows
}

/// The columns of a plan.
pub(crate) fn columns(schema: &DFSchema) -> Vec<Column> {
    schema
        .iter()
        .map(|(table, field)| {
            let (type_name, precision, scale) = types::described(field);
            let schema_name = table.and_then(TableReference::schema);
            Column {
                name: label(field.name()).to_owned(),
                type_name: type_name.to_owned(),
                nullable: field.is_nullable(),
                precision,
                scale,
                schema_name: schema_name.unwrap_or_default().to_owned(),
                // Without its schema it may be an alias.
                table_name: table
                    .filter(|_| schema_name.is_some())
                    .map_or("", TableReference::table)
                    .to_owned(),
            }
        })
        .collect()
}

/// A plan's schema with the labels that users see.
pub(crate) fn labelled(schema: &DFSchema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_name(label(field.name())));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
