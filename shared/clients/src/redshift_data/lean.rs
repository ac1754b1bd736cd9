//! Reads pages of results straight into ours.
//!
//! A result is up to 500 MB. The SDK reads JSON token by token and looks at each character of a text twice: built for
//! size, as functions are, it takes 6 ms of a core for a megabyte of CSV, and serde_json 1.2 ms. That is half of what
//! delivering a megabyte may take in all.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_redshiftdata::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_redshiftdata::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_redshiftdata::error::BoxError;
use aws_sdk_redshiftdata::operation::get_statement_result::GetStatementResultOutput;
use aws_sdk_redshiftdata::operation::get_statement_result_v2::GetStatementResultV2Output;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::base64;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::{Column, Field, Page, ResultFormat, Rows};

/// Makes a `GetStatementResult` or `GetStatementResultV2` read its answer this way. The SDK's own output stays empty.
#[derive(Clone, Debug)]
pub(super) struct Lean {
    format: ResultFormat,
    page: Arc<Mutex<Option<Page>>>,
}

impl Lean {
    pub(super) fn new(format: ResultFormat) -> Self {
        Self { format, page: Arc::default() }
    }

    /// The page that was read.
    pub(super) fn take(&self) -> Option<Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for Lean {
    fn name(&self) -> &'static str {
        "Lean"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Errors are left to the SDK.
        if context.response().status().is_success() {
            cfg.interceptor_state().store_put(SharedResponseDeserializer::new(self.clone()));
        }
        Ok(())
    }
}

impl DeserializeResponse for Lean {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let body = response.body().bytes().unwrap_or_default();
        let page = read(body, self.format).map_err(OrchestratorError::other)?;
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(page);
        match self.format {
            ResultFormat::Json => {
                let empty = GetStatementResultOutput::builder().set_records(Some(Vec::new())).build();
                empty.map(Output::erase).map_err(OrchestratorError::other)
            }
            ResultFormat::Csv => {
                let empty = GetStatementResultV2Output::builder().set_records(Some(Vec::new())).build();
                empty.map(Output::erase).map_err(OrchestratorError::other)
            }
        }
    }
}

fn read(body: &[u8], format: ResultFormat) -> Result<Page, serde_json::Error> {
    match format {
        ResultFormat::Json => {
            let answer: Answer<Table> = serde_json::from_slice(body)?;
            Ok(answer.page(|Table(rows)| Rows::Fields(rows)))
        }
        ResultFormat::Csv => {
            let answer: Answer<Vec<QueryRecords>> = serde_json::from_slice(body)?;
            Ok(answer.page(|records| Rows::Csv(records.into_iter().map(|records| records.csv).collect())))
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<R> {
    records: R,
    column_metadata: Option<Vec<ColumnMetadata>>,
    total_num_rows: Option<i64>,
    next_token: Option<String>,
}

impl<R> Answer<R> {
    fn page(self, rows: impl FnOnce(R) -> Rows) -> Page {
        Page {
            columns: self.column_metadata.unwrap_or_default().into_iter().map(Into::into).collect(),
            rows: rows(self.records),
            total_rows: self.total_num_rows.and_then(|rows| rows.try_into().ok()).unwrap_or(0),
            next_token: self.next_token.filter(|token| !token.is_empty()),
        }
    }
}

/// The rows of a page. Each is as wide as the one before and gets just that room: vectors that grow would have a third
/// to spare, and a page lies in memory together with its JSON.
struct Table(Vec<Vec<Field>>);

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(TableVisitor)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = Table;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Table, A::Error> {
        let mut rows: Vec<Vec<Field>> = Vec::new();
        while let Some(row) = sequence.next_element_seed(Row { width: rows.last().map_or(0, Vec::len) })? {
            rows.push(row);
        }
        Ok(Table(rows))
    }
}

struct Row {
    width: usize,
}

impl<'de> DeserializeSeed<'de> for Row {
    type Value = Vec<Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Field>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row {
    type Value = Vec<Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<Field>, A::Error> {
        let mut fields = Vec::with_capacity(self.width);
        while let Some(field) = sequence.next_element()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

#[derive(serde::Deserialize)]
struct QueryRecords {
    #[serde(rename = "CSVRecords")]
    csv: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ColumnMetadata {
    label: Option<String>,
    name: Option<String>,
    type_name: Option<String>,
    nullable: Option<i32>,
    precision: Option<i32>,
    scale: Option<i32>,
}

impl From<ColumnMetadata> for Column {
    fn from(column: ColumnMetadata) -> Self {
        let label = column.label.filter(|label| !label.is_empty());
        Self {
            name: label.or(column.name).unwrap_or_default(),
            type_name: column.type_name.unwrap_or_default(),
            // As in JDBC, 0 means that it holds none, 1 that it may, 2 that it is not known.
            nullable: column.nullable != Some(0),
            precision: column.precision.unwrap_or(0),
            scale: column.scale.unwrap_or(0),
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Member {
    IsNull,
    BooleanValue,
    LongValue,
    DoubleValue,
    StringValue,
    BlobValue,
    #[serde(other)]
    Unknown,
}

/// A double, which AWS's JSON protocols write as text where JSON has no number for it.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Double {
    Number(f64),
    Text(String),
}

impl Double {
    fn value(self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(value),
            Self::Text(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                _ => None,
            },
        }
    }
}

/// `Field` is a union: an object with one member, besides which there may be others that are null.
impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field with a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
        let mut field = None;
        while let Some(member) = map.next_key::<Member>()? {
            let value = match member {
                Member::IsNull => map.next_value::<Option<bool>>()?.filter(|null| *null).map(|_| Field::Null),
                Member::BooleanValue => map.next_value::<Option<bool>>()?.map(Field::Boolean),
                Member::LongValue => map.next_value::<Option<i64>>()?.map(Field::Long),
                Member::StringValue => map.next_value::<Option<String>>()?.map(Field::Text),
                Member::DoubleValue => match map.next_value::<Option<Double>>()?.map(Double::value) {
                    Some(None) => return Err(A::Error::custom("expected a number")),
                    value => value.flatten().map(Field::Double),
                },
                Member::BlobValue => match map.next_value::<Option<String>>()?.map(base64::decode) {
                    Some(Err(_)) => return Err(A::Error::custom("expected Base64")),
                    value => value.and_then(Result::ok).map(Field::Blob),
                },
                Member::Unknown => map.next_value::<IgnoredAny>().map(|_| None)?,
            };
            field = field.or(value);
        }
        field.ok_or_else(|| A::Error::custom("expected a field with a value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn page(answer: Value, format: ResultFormat) -> Result<Page, serde_json::Error> {
        read(answer.to_string().as_bytes(), format)
    }

    #[test]
    fn fields_of_every_kind_are_read() {
        for (field, expected) in [
            (json!({"isNull": true}), Some(Field::Null)),
            (json!({"booleanValue": false}), Some(Field::Boolean(false))),
            (json!({"longValue": i64::MIN}), Some(Field::Long(i64::MIN))),
            (json!({"doubleValue": 0.1}), Some(Field::Double(0.1))),
            (json!({"doubleValue": 1}), Some(Field::Double(1.0))),
            (json!({"doubleValue": "-Infinity"}), Some(Field::Double(f64::NEG_INFINITY))),
            (json!({"stringValue": ""}), Some(Field::Text(String::new()))),
            (json!({"stringValue": "ü\"\n"}), Some(Field::Text("ü\"\n".to_owned()))),
            (json!({"blobValue": "AAH/"}), Some(Field::Blob(vec![0, 1, 255]))),
            (
                json!({"isNull": null, "stringValue": "a", "longValue": null}),
                Some(Field::Text("a".to_owned())),
            ),
            (json!({"isNull": false, "longValue": 7, "new": {}}), Some(Field::Long(7))),
            (json!({"doubleValue": "1.5"}), None),
            (json!({"longValue": 1.5}), None),
            (json!({"blobValue": "?"}), None),
            (json!({"new": 1}), None),
            (json!({}), None),
            (json!(null), None),
        ] {
            let read = page(json!({"Records": [[field]], "TotalNumRows": 1}), ResultFormat::Json).ok();
            let expected = expected.map(|field| Rows::Fields(vec![vec![field]]));
            assert!(read.map(|page| page.rows) == expected, "{field}");
        }
    }

    #[test]
    fn rows_take_no_more_room_than_they_need() {
        let field = |number: i64| json!({ "longValue": number });
        let records = json!([[], [field(1)], [field(2), field(3)], [field(4), field(5)], []]);
        let page = page(json!({"Records": records, "TotalNumRows": 5}), ResultFormat::Json).unwrap();
        let Rows::Fields(rows) = page.rows else { panic!("not fields") };
        let longs = |numbers: &[i64]| numbers.iter().copied().map(Field::Long).collect::<Vec<_>>();
        assert!(rows == [longs(&[]), longs(&[1]), longs(&[2, 3]), longs(&[4, 5]), longs(&[])]);
        assert_eq!(rows[3].capacity(), 2);
    }

    #[test]
    fn a_page_of_csv_is_kept_as_it_came() {
        let text = "a,b\r\n1,\"x\"\"y\u{1F600}\"\r\n";
        let answer = json!({"Records": [{"CSVRecords": text}], "TotalNumRows": 2, "NextToken": "t",
            "ResultFormat": "CSV", "ColumnMetadata": [
                {"label": "A", "name": "a", "typeName": "int8", "nullable": 0, "precision": 19, "scale": 0},
                {"label": "", "name": "b", "typeName": "varchar", "nullable": 2, "precision": 9},
                {"name": "c", "length": 0}]});
        let column = |name: &str, type_name: &str, nullable, precision| Column {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            nullable,
            precision,
            scale: 0,
        };
        let expected = Page {
            columns: vec![
                column("A", "int8", false, 19),
                column("b", "varchar", true, 9),
                column("c", "", true, 0),
            ],
            rows: Rows::Csv(vec![text.to_owned()]),
            total_rows: 2,
            next_token: Some("t".to_owned()),
        };
        assert!(page(answer, ResultFormat::Csv).unwrap() == expected);
    }

    #[test]
    fn the_last_page_has_no_token_and_an_answer_without_records_is_none() {
        for last in [json!({"Records": [], "NextToken": ""}), json!({"Records": [], "NextToken": null})] {
            let page = page(last, ResultFormat::Csv).unwrap();
            assert!(page.next_token.is_none() && page.rows == Rows::Csv(Vec::new()));
        }
        for bad in [json!({}), json!({"Records": null}), json!([])] {
            assert!(page(bad, ResultFormat::Json).is_err());
        }
    }
}
