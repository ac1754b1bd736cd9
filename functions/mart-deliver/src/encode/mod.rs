//! Rows into bytes, a page at a time, so that memory does not grow with the result.

mod csv;
mod jsonl;
mod names;
mod parquet;
mod text;

use eventide_clients::redshift_data::{Column, Rows};
use eventide_kit::Error;
use eventide_types::mart::definition::Format;

pub use self::csv::Csv;
pub use self::jsonl::JsonLines;
pub use self::parquet::Parquet;

/// One of the formats.
#[derive(Debug)]
pub enum Encoder {
    /// CSV.
    Csv(Csv),
    /// JSON Lines.
    JsonLines(JsonLines),
    /// Apache Parquet.
    Parquet(Box<Parquet>),
}

impl Encoder {
    /// An encoder of rows with these columns.
    ///
    /// # Errors
    ///
    /// Columns that the format cannot hold.
    pub fn new(format: Format, columns: &[Column]) -> Result<Self, Error> {
        Ok(match format {
            Format::Csv => Self::Csv(Csv::new(columns)),
            Format::Jsonl => Self::JsonLines(JsonLines::new(columns)),
            Format::Parquet => Self::Parquet(Box::new(Parquet::new(columns)?)),
        })
    }

    /// The media type of the file.
    pub fn content_type(format: Format) -> &'static str {
        match format {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Jsonl => "application/jsonl",
            Format::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// Adds a page's rows to `out`.
    ///
    /// # Errors
    ///
    /// `UnexpectedRows` if the rows are of another kind than was asked for, or a value is not what its column's type says.
    pub fn page(&mut self, rows: &Rows, out: &mut Vec<u8>) -> Result<(), Error> {
        match (self, rows) {
            (Self::Csv(csv), Rows::Csv(records)) => {
                csv.page(records, out);
                Ok(())
            }
            (Self::Csv(csv), Rows::Fields(rows)) => {
                csv.fields(rows, out);
                Ok(())
            }
            (Self::JsonLines(lines), Rows::Fields(rows)) => lines.page(rows, out),
            (Self::Parquet(parquet), Rows::Fields(rows)) => parquet.page(rows, out),
            (Self::JsonLines(_) | Self::Parquet(_), Rows::Csv(_)) => {
                Err(unexpected("Redshift answered with CSV, expected values"))
            }
        }
    }

    /// Adds what ends the file.
    ///
    /// # Errors
    ///
    /// As [`page`](Self::page).
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Self::Csv(csv) => csv.finish(),
            Self::JsonLines(_) => Ok(()),
            Self::Parquet(parquet) => parquet.finish(out),
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        match self {
            Self::Csv(csv) => csv.rows(),
            Self::JsonLines(lines) => lines.rows(),
            Self::Parquet(parquet) => parquet.rows(),
        }
    }
}

pub(crate) fn unexpected(what: impl Into<String>) -> Error {
    Error::permanent("UnexpectedRows", what)
}
