//! Results of statements, as the pages that the Redshift Data API answers with, made beforehand.

use std::fmt::Write as _;

use axum::body::Bytes;
use eventide_types::mart::definition::Format;
use serde_json::{Value, json};

/// Rows of a page fetched as CSV, which has about 1 MB.
const CSV_ROWS: u64 = 20_000;
/// Rows of a page fetched as values, which has about 1 MB, too.
const FIELD_ROWS: u64 = 7_000;
/// Pages with rows of their own; a longer result goes through them again.
const PAGES: u64 = 20;

const DEPARTMENTS: [&str; 8] = [
    "Production Control",
    "Quality Assurance",
    "Research and Development",
    "Shipping, Receiving",
    "Information Services",
    "Facilities and Maintenance",
    "Document Control",
    "Human Resources",
];

/// A result. A row of it has five values and 49 bytes of CSV.
#[derive(Debug)]
pub struct Results {
    /// How it is to be delivered, which decides how it is fetched.
    pub format: Format,
    /// How many rows it has.
    pub rows: u64,
    pages: Vec<Bytes>,
    last: Bytes,
    count: usize,
}

impl Results {
    /// So many rows for a delivery in this format.
    #[must_use]
    pub fn new(format: Format, rows: u64) -> Self {
        let page_rows = if format == Format::Csv { CSV_ROWS } else { FIELD_ROWS };
        let count = rows.div_ceil(page_rows).max(1);
        let page = |number: u64| {
            let first = number * page_rows;
            body(format, first..rows.min(first + page_rows), rows, number + 1 < count)
        };
        Self {
            format,
            rows,
            pages: (0..PAGES.min(count - 1)).map(page).collect(),
            last: page(count - 1),
            count: usize::try_from(count).unwrap_or(usize::MAX),
        }
    }

    /// The page of this number, from 0 on.
    #[must_use]
    pub fn page(&self, number: usize) -> Option<Bytes> {
        if number + 1 == self.count {
            return Some(self.last.clone());
        }
        self.pages.get(number % self.pages.len().max(1)).filter(|_| number < self.count).cloned()
    }
}

/// How many of the rows an answer carries at most that may have so many bytes: as mart-query counts them, with another
/// for each quote that a text around it would escape.
#[must_use]
pub fn rows_within(bytes: usize) -> u64 {
    // The array's own brackets, less the comma behind the last row.
    let mut used = 1;
    for number in 0.. {
        let Row { id, department, changed, rate, salaried } = row(number);
        let text = format!("[{id},\"{department}\",\"{changed}\",\"{rate}\",{salaried}],");
        used += text.len() + text.matches('"').count();
        if used > bytes {
            return number;
        }
    }
    u64::MAX
}

fn body(format: Format, numbers: std::ops::Range<u64>, total: u64, more: bool) -> Bytes {
    let records: Vec<Value> = match format {
        Format::Csv if numbers.is_empty() => Vec::new(),
        Format::Csv => vec![json!({ "CSVRecords": csv(numbers) })],
        Format::Jsonl | Format::Parquet => numbers.map(fields).collect(),
    };
    let mut answer = json!({ "Records": records, "ColumnMetadata": columns(), "TotalNumRows": total });
    if let Some(members) = answer.as_object_mut().filter(|_| more) {
        // As long as the service's own tokens are.
        members.insert("NextToken".to_owned(), json!("n".repeat(200)));
    }
    Bytes::from(answer.to_string())
}

fn columns() -> Value {
    let column = |name: &str, type_name: &str, precision: u32, scale: u32| {
        json!({
            "label": name, "name": name, "typeName": type_name, "nullable": 1, "precision": precision,
            "scale": scale, "length": 0, "schemaName": "", "tableName": "", "isCaseSensitive": false,
            "isCurrency": false, "isSigned": true
        })
    };
    json!([
        column("id", "int8", 19, 0),
        column("department", "varchar", 50, 0),
        column("changed", "date", 13, 0),
        column("rate", "numeric", 10, 2),
        column("salaried", "bool", 1, 0)
    ])
}

struct Row {
    id: u64,
    department: &'static str,
    changed: String,
    rate: String,
    salaried: bool,
}

fn row(number: u64) -> Row {
    let department = usize::try_from(number % 8).ok().and_then(|index| DEPARTMENTS.get(index));
    Row {
        id: 1_000_000 + number,
        department: department.copied().unwrap_or_default(),
        changed: format!("20{:02}-{:02}-{:02}", number % 26, number % 12 + 1, number % 28 + 1),
        rate: format!("{}.{:02}", number % 150 + 10, number % 100),
        salaried: number.is_multiple_of(3),
    }
}

fn csv(numbers: std::ops::Range<u64>) -> String {
    let mut text = String::new();
    for number in numbers {
        let Row { id, department, changed, rate, salaried } = row(number);
        let quote = if department.contains(',') { "\"" } else { "" };
        let salaried = if salaried { "t" } else { "f" };
        let _ = write!(text, "{id},{quote}{department}{quote},{changed},{rate},{salaried}\r\n");
    }
    text
}

fn fields(number: u64) -> Value {
    let Row { id, department, changed, rate, salaried } = row(number);
    json!([
        { "longValue": id }, { "stringValue": department }, { "stringValue": changed }, { "stringValue": rate },
        { "booleanValue": salaried }
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_filled_with_rows() {
        let length = |rows: u64| {
            let value = |field: &Value| field.as_object().and_then(|field| field.values().next()).cloned();
            let row =
                |number| fields(number).as_array().into_iter().flatten().filter_map(value).collect::<Value>();
            let text = (0..rows).map(row).collect::<Value>().to_string();
            text.len() + text.matches('"').count()
        };
        for bytes in [1, 2, 100, 10_000, 10_001, 10_100] {
            let rows = rows_within(bytes);
            assert!(rows == 0 || length(rows) <= bytes, "{rows} rows in {bytes} bytes");
            assert!(length(rows + 1) > bytes, "{rows} rows in {bytes} bytes");
        }
    }

    #[test]
    fn a_result_has_its_rows_on_so_many_pages() {
        for (format, rows, pages) in [
            (Format::Csv, 0, 1),
            (Format::Csv, 20_000, 1),
            (Format::Csv, 20_001, 2),
            (Format::Csv, 500_000, 25),
            (Format::Parquet, 14_500, 3),
        ] {
            let results = Results::new(format, rows);
            let bodies: Vec<Value> = (0..pages)
                .map(|page| serde_json::from_slice(&results.page(page).unwrap()).unwrap())
                .collect();
            assert_eq!(results.page(pages), None);
            let counted: usize = bodies
                .iter()
                .map(|body| match format {
                    Format::Csv => {
                        body["Records"][0]["CSVRecords"].as_str().map_or(0, |text| text.lines().count())
                    }
                    _ => body["Records"].as_array().map_or(0, Vec::len),
                })
                .sum();
            assert_eq!(counted as u64, rows);
            let tokens = bodies.iter().filter(|body| body["NextToken"].is_string()).count();
            assert_eq!(tokens, pages - 1);
        }
    }
}
