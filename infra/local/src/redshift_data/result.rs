//! `GetStatementResult` and `GetStatementResultV2`: pages of a result.
//!
//! A page ends at a number of bytes, and at a number of rows if control says so. The pages are written as text
//! at once, since results may be large.

use std::fmt::Write as _;
use std::sync::Arc;

use eventide_local_engine::{Column, ResultSet, Value as Field};
use serde_json::{Value, json};

use super::csv;
use super::describe::split;
use super::input::Input;
use super::page::{offset_of, token_for};
use super::refusal::{Outcome, Refusal};
use super::settings::Settings;
use super::statement::{Format, Status};
use super::{Context, RedshiftData};

/// How many rows are asked of a result at once.
const CHUNK: usize = 512;

/// What is to be fetched.
struct Asked {
    id: String,
    result: Arc<dyn ResultSet>,
    offset: usize,
    settings: Settings,
}

impl RedshiftData {
    /// The answer's body.
    pub(super) async fn fetch(&self, cx: &Context, input: Input<'_>, format: Format) -> Outcome<String> {
        let (id, seconds) = (input.id()?, input.wait()?);
        let token = input.text("NextToken")?.filter(|token| !token.is_empty());
        self.known(cx, id)?;
        self.wait(split(id).0, seconds).await?;
        let asked = self.asked(cx, id, token, format)?;
        // Out of the way of other calls: a page takes a while to write.
        let written = tokio::task::spawn_blocking(move || match format {
            Format::Json => json_page(&asked),
            Format::Csv => csv_page(&asked),
        });
        written.await.map_err(|error| Refusal::internal(error.to_string()))
    }

    fn asked(&self, cx: &Context, id: &str, token: Option<&str>, format: Format) -> Outcome<Asked> {
        let state = self.state();
        let statement = state.own(id, &cx.identity)?;
        if statement.format != format {
            return Err(Refusal::invalid(format!(
                "The statement's ResultFormat is {}: its result is fetched by {}.",
                statement.format.name(),
                operation(statement.format),
            )));
        }
        let (_, number) = split(id);
        let part = statement.part(number).filter(|part| part.status == Status::Finished);
        // The parts of a transaction have no results before it has committed, nor if it never does.
        let part = part.filter(|_| statement.status == Status::Finished || statement.keeps_each_part());
        let result = part.and_then(|part| part.result.clone()).ok_or_else(|| Refusal::no_result(id))?;
        let offset = token.map_or(Ok(0), |token| offset_of(token, id))?;
        Ok(Asked { id: id.to_owned(), result, offset, settings: state.settings.clone() })
    }
}

fn operation(format: Format) -> &'static str {
    match format {
        Format::Json => "GetStatementResult",
        Format::Csv => "GetStatementResultV2",
    }
}

fn json_page(asked: &Asked) -> String {
    let mut records = String::from("[");
    let next = write_rows(asked, &mut records, |out, row| {
        out.push_str(if out.len() > 1 { ",[" } else { "[" });
        for (index, field) in row.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_field(out, field);
        }
        out.push(']');
    });
    records.push(']');
    answer(asked, &records, Format::Json, next)
}

fn csv_page(asked: &Asked) -> String {
    let mut text = String::new();
    if csv::has_header(asked.settings.csv_header, asked.offset) {
        csv::write_header(&mut text, asked.result.columns());
    }
    let quotes = asked.settings.csv_quotes_empty_text;
    let next = write_rows(asked, &mut text, |out, row| csv::write_row(out, row, quotes));
    // An empty result has no records at all, not even a header: public code that reads this API counts on it.
    let records = if asked.result.row_count() == 0 { json!([]) } else { json!([{ "CSVRecords": text }]) };
    answer(asked, &records.to_string(), Format::Csv, next)
}

/// Writes rows until the page is full; where the next page begins, if there is one.
fn write_rows(asked: &Asked, out: &mut String, write: impl Fn(&mut String, &[Field])) -> Option<usize> {
    let total = usize::try_from(asked.result.row_count()).unwrap_or(usize::MAX);
    let most = asked.settings.page_rows.unwrap_or(usize::MAX);
    let end = asked.offset.saturating_add(most).min(total);
    let mut at = asked.offset;
    while at < end {
        let start = u64::try_from(at).unwrap_or(u64::MAX);
        let rows = asked.result.rows(start, CHUNK.min(end - at));
        if rows.is_empty() {
            return None;
        }
        for row in rows {
            write(out, &row);
            at += 1;
            if out.len() >= asked.settings.page_bytes {
                return (at < total).then_some(at);
            }
        }
    }
    (at < total).then_some(at)
}

fn answer(asked: &Asked, records: &str, format: Format, next: Option<usize>) -> String {
    let columns: Vec<Value> = asked.result.columns().iter().map(metadata).collect();
    let mut body = String::with_capacity(records.len() + 4096);
    let _ = write!(
        body,
        r#"{{"ColumnMetadata":{},"TotalNumRows":{},"Records":{records}"#,
        Value::Array(columns),
        asked.result.row_count(),
    );
    if format == Format::Csv {
        body.push_str(r#","ResultFormat":"CSV""#);
    }
    if let Some(next) = next {
        let _ = write!(body, r#","NextToken":"{}""#, token_for(next, &asked.id));
    }
    body.push('}');
    body
}

/// `Field` (Management Guide, "Mapping JDBC data types": numerics, dates and times are strings).
fn write_field(out: &mut String, field: &Field) {
    let _ = match field {
        Field::Null => write!(out, r#"{{"isNull":true}}"#),
        Field::Boolean(value) => write!(out, r#"{{"booleanValue":{value}}}"#),
        Field::Long(value) => write!(out, r#"{{"longValue":{value}}}"#),
        // JSON has no other numbers; AWS's protocols write these as text.
        Field::Double(value) if value.is_nan() => write!(out, r#"{{"doubleValue":"NaN"}}"#),
        Field::Double(value) if value.is_infinite() => {
            let sign = if *value < 0.0 { "-" } else { "" };
            write!(out, r#"{{"doubleValue":"{sign}Infinity"}}"#)
        }
        Field::Double(value) => write!(out, r#"{{"doubleValue":{value:?}}}"#),
        Field::Text(value) => write!(out, r#"{{"stringValue":{}}}"#, Value::from(value.as_str())),
    };
}

/// `ColumnMetadata`
pub(super) fn metadata(column: &Column) -> Value {
    let characters = matches!(column.type_name.as_str(), "varchar" | "bpchar" | "text" | "char");
    let numbers = ["int2", "int4", "int8", "float4", "float8", "numeric"];
    json!({
        "isCaseSensitive": characters,
        "isCurrency": false,
        "isSigned": numbers.contains(&column.type_name.as_str()),
        "label": column.name,
        "length": 0,
        "name": column.name,
        "nullable": i32::from(column.nullable),
        "precision": column.precision,
        "scale": column.scale,
        "schemaName": column.schema_name,
        "tableName": column.table_name,
        "typeName": column.type_name,
    })
}

/// The most bytes that a row can have by its columns' types.
pub(super) fn widest_row(result: &dyn ResultSet) -> u64 {
    let widths = result.columns().iter().map(|column| match column.type_name.as_str() {
        // A length of 0 is none.
        "varchar" | "bpchar" if column.precision > 0 => u64::try_from(column.precision).unwrap_or(u64::MAX),
        "varchar" | "bpchar" | "super" => u64::MAX,
        _ => 64,
    });
    widths.fold(0, u64::saturating_add)
}

/// The bytes of the largest row, counted as the text of its values.
pub(super) fn largest_row(result: &dyn ResultSet) -> u64 {
    let mut largest = 0;
    let mut start = 0;
    while start < result.row_count() {
        let rows = result.rows(start, CHUNK);
        if rows.is_empty() {
            break;
        }
        start += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let sizes = rows.iter().map(|row| row.iter().map(size).sum());
        largest = sizes.fold(largest, u64::max);
    }
    largest
}

fn size(field: &Field) -> u64 {
    match field {
        Field::Null => 0,
        Field::Boolean(_) => 1,
        Field::Long(_) | Field::Double(_) => 8,
        Field::Text(text) => u64::try_from(text.len()).unwrap_or(u64::MAX),
    }
}
