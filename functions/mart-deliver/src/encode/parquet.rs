//! Apache Parquet, written a row group at a time.

mod types;

use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use eventide_clients::redshift_data::{Column, Field};
use eventide_kit::Error;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use self::types::Values;
use super::names::distinct;
use super::unexpected;

/// Bytes of values that make a row group. Readers like larger ones; what is gathered here is memory, and the bytes it
/// becomes are held once more while they are written.
const ROW_GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Rows that make a row group, however short.
const ROW_GROUP_ROWS: usize = 131_072;

/// Columns have Redshift's own types: decimals, dates and times are no texts in it, and nulls are nulls.
pub struct Parquet {
    file: Option<SerializedFileWriter<Shared>>,
    written: Shared,
    columns: Vec<Values>,
    gathered_rows: usize,
    gathered_bytes: usize,
    rows: u64,
}

impl fmt::Debug for Parquet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parquet")
            .field("columns", &self.columns.len())
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// What the writer has written and nobody has taken yet.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn drain(&self, out: &mut Vec<u8>) {
        out.append(&mut mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Parquet {
    pub(super) fn new(columns: &[Column]) -> Result<Self, Error> {
        let values: Vec<Values> = columns.iter().map(Values::of).collect();
        let schema = types::schema(&distinct(columns), &values).map_err(|error| unwritable(&error))?;
        // Snappy is what every reader has. Statistics are kept per row group, where readers skip by them.
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let written = Shared::default();
        let file = SerializedFileWriter::new(written.clone(), Arc::new(schema), Arc::new(properties))
            .map_err(|error| unwritable(&error))?;
        Ok(Self { file: Some(file), written, columns: values, gathered_rows: 0, gathered_bytes: 0, rows: 0 })
    }

    pub(super) fn page(&mut self, rows: &[Vec<Field>], out: &mut Vec<u8>) -> Result<(), Error> {
        for row in rows {
            if row.len() != self.columns.len() {
                return Err(unexpected(format!(
                    "a row has {} values, expected {}",
                    row.len(),
                    self.columns.len()
                )));
            }
            for (values, field) in self.columns.iter_mut().zip(row) {
                self.gathered_bytes += values.push(field)?;
            }
            self.gathered_rows += 1;
            self.rows += 1;
            if self.gathered_bytes >= ROW_GROUP_BYTES || self.gathered_rows >= ROW_GROUP_ROWS {
                self.row_group(out)?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.gathered_rows > 0 {
            self.row_group(out)?;
        }
        if let Some(file) = self.file.take() {
            file.close().map_err(|error| unwritable(&error))?;
        }
        self.written.drain(out);
        Ok(())
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    fn row_group(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Err(unexpected("rows came after the end")) };
        let mut group = file.next_row_group().map_err(|error| unwritable(&error))?;
        for values in &mut self.columns {
            let Some(mut column) = group.next_column().map_err(|error| unwritable(&error))? else { break };
            values.write(&mut column).map_err(|error| unwritable(&error))?;
            column.close().map_err(|error| unwritable(&error))?;
        }
        group.close().map_err(|error| unwritable(&error))?;
        self.gathered_rows = 0;
        self.gathered_bytes = 0;
        self.written.drain(out);
        Ok(())
    }
}

fn unwritable(error: &parquet::errors::ParquetError) -> Error {
    // The writer's own words may quote a value.
    let kind = match error {
        parquet::errors::ParquetError::NYI(_) => "not supported",
        parquet::errors::ParquetError::EOF(_) => "unexpected end",
        _ => "refused by the writer",
    };
    Error::permanent("UnwritableParquet", format!("the result cannot be written as Parquet: {kind}"))
}
