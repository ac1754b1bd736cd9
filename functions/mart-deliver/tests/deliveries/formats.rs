//! Results in each format, value by value.

use eventide_clients::redshift_data::{Ending, Field, ResultSet};
use eventide_types::mart::request::State;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{FEW, MART, NOW, World, column, few, finished, id, text, usual};

/// A column of each kind of type, two rows of values and one of nulls.
fn every_type() -> ResultSet {
    let columns = [
        ("small", "int2", 0, 0, Field::Long(-32_768), Field::Long(32_767)),
        ("whole", "int4", 0, 0, Field::Long(i64::from(i32::MIN)), Field::Long(i64::from(i32::MAX))),
        ("big", "int8", 0, 0, Field::Long(i64::MIN), Field::Long(i64::MAX)),
        ("rate", "numeric", 10, 4, text("12.5000"), text("-0.0001")),
        (
            "wide",
            "numeric",
            38,
            10,
            text("9999999999999999999999999999.9999999999"),
            text("-9999999999999999999999999999.9999999999"),
        ),
        ("half", "float4", 0, 0, Field::Double(0.5), Field::Double(-1.25)),
        ("double", "float8", 0, 0, Field::Double(0.1), Field::Double(1e300)),
        ("flag", "bool", 0, 0, Field::Boolean(true), Field::Boolean(false)),
        ("day", "date", 0, 0, text("2026-11-23"), text("1969-12-31")),
        ("clock", "time", 0, 0, text("23:59:59.999999"), text("00:00:00")),
        ("moment", "timestamp", 0, 0, text("2026-11-23 12:00:00.123456"), text("1969-12-31 23:59:59")),
        ("zoned", "timestamptz", 0, 0, text("2026-11-23 12:00:00.5+00"), text("2026-11-23 12:00:00+05:30")),
        ("words", "varchar", 0, 0, text("it's, \"so\"\n\u{1f600}"), text("")),
    ];
    let mut result =
        ResultSet { rows: vec![Vec::new(), Vec::new(), Vec::new()], page_rows: 2, ..ResultSet::default() };
    for (name, type_name, precision, scale, first, second) in columns {
        result.columns.push(column(name, type_name, precision, scale));
        result.rows[0].push(first);
        result.rows[1].push(Field::Null);
        result.rows[2].push(second);
    }
    result
}

/// The file that a result is delivered as.
async fn delivered(result: ResultSet, format: &str) -> Vec<u8> {
    let mut world = World::new();
    let record = world.ended(Ending::Finished(Some(result)), |record| record["format"] = json!(format)).await;
    world.end_of(&record).await;
    assert_eq!(world.state().await, State::Delivered);
    world.body(&record, format).unwrap()
}

#[tokio::test]
async fn csv_has_redshifts_own_records() {
    assert_eq!(delivered(few(), "csv").await, FEW);
    let file = String::from_utf8(delivered(every_type(), "csv").await).unwrap();
    assert_eq!(
        file,
        "small,whole,big,rate,wide,half,double,flag,day,clock,moment,zoned,words\r\n\
         -32768,-2147483648,-9223372036854775808,12.5000,9999999999999999999999999999.9999999999,0.5,0.1,true,\
         2026-11-23,23:59:59.999999,2026-11-23 12:00:00.123456,2026-11-23 12:00:00.5+00,\"it's, \"\"so\"\"\n\u{1f600}\"\r\n\
         ,,,,,,,,,,,,\r\n"
            .to_owned()
            + "32767,2147483647,9223372036854775807,-0.0001,-9999999999999999999999999999.9999999999,-1.25,"
            + &1e300_f64.to_string()
            + ",false,1969-12-31,00:00:00,1969-12-31 23:59:59,2026-11-23 12:00:00+05:30,\"\"\r\n"
    );
}

#[tokio::test]
async fn json_lines_keep_numbers_that_json_has_and_write_out_the_others() {
    let file = String::from_utf8(delivered(every_type(), "jsonl").await).unwrap();
    let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    let names = every_type().columns.into_iter().map(|column| column.name);
    assert_eq!(lines[1], names.map(|name| (name, Value::Null)).collect::<Value>());
    assert_eq!(
        lines[0],
        json!({
            "small": -32768, "whole": i32::MIN, "big": i64::MIN, "rate": "12.5000",
            "wide": "9999999999999999999999999999.9999999999", "half": 0.5, "double": 0.1, "flag": true,
            "day": "2026-11-23", "clock": "23:59:59.999999", "moment": "2026-11-23 12:00:00.123456",
            "zoned": "2026-11-23 12:00:00.5+00", "words": "it's, \"so\"\n\u{1f600}"
        })
    );
    assert_eq!((&lines[2]["big"], &lines[2]["words"]), (&json!(i64::MAX), &json!("")));
}

#[tokio::test]
async fn parquet_has_types_and_values_of_its_own() {
    let file = bytes::Bytes::from(delivered(every_type(), "parquet").await);
    let reader = SerializedFileReader::new(file).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    let logical: Vec<Option<LogicalType>> =
        (0..schema.num_columns()).map(|index| schema.column(index).logical_type_ref().cloned()).collect();
    let micros = TimeUnit::MICROS;
    assert_eq!(
        logical,
        [
            None,
            None,
            None,
            Some(LogicalType::decimal(4, 10)),
            Some(LogicalType::decimal(10, 38)),
            None,
            None,
            None,
            Some(LogicalType::Date),
            Some(LogicalType::time(false, micros)),
            Some(LogicalType::timestamp(false, micros)),
            Some(LogicalType::timestamp(true, micros)),
            Some(LogicalType::String),
        ]
    );
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
    let shown =
        |row: usize| rows[row].get_column_iter().map(|(_, field)| format!("{field:?}")).collect::<Vec<_>>();
    assert_eq!(rows.len(), 3);
    assert_eq!(shown(1), ["Null"; 13]);
    // Milliseconds are all that this reader shows of the moments; their microseconds are read below.
    let first = shown(0);
    for (index, expected) in [
        (0, "Int(-32768)"),
        (1, "Int(-2147483648)"),
        (2, "Long(-9223372036854775808)"),
        (5, "Float(0.5)"),
        (6, "Double(0.1)"),
        (7, "Bool(true)"),
        (12, "Str(\"it's, \\\"so\\\"\\n\u{1f600}\")"),
    ] {
        assert_eq!(first[index], expected);
    }
    assert_eq!(shown(2)[12], "Str(\"\")");
    let words =
        |row: usize| rows[row].get_column_iter().map(|(_, field)| field.to_string()).collect::<Vec<_>>();
    assert_eq!(words(0)[3..5], ["12.5000", "9999999999999999999999999999.9999999999"]);
    assert_eq!(words(2)[3..5], ["-0.0001", "-9999999999999999999999999999.9999999999"]);
    assert_eq!((words(0)[8].as_str(), words(2)[8].as_str()), ("2026-11-23", "1969-12-31"));
    for (column, expected) in [
        (9, [86_399_999_999, 0]),
        (10, [1_795_435_200_123_456, -1_000_000]),
        (11, [1_795_435_200_500_000, 1_795_435_200_000_000 - 19_800_000_000]),
    ] {
        assert_eq!(longs(&reader, column), expected, "column {column}");
    }
}

/// The numbers of a column, nulls left out.
fn longs(reader: &SerializedFileReader<bytes::Bytes>, column: usize) -> Vec<i64> {
    use parquet::column::reader::ColumnReader;
    let group = reader.get_row_group(0).unwrap();
    let ColumnReader::Int64ColumnReader(mut values) = group.get_column_reader(column).unwrap() else {
        panic!()
    };
    let (mut read, mut levels) = (Vec::new(), Vec::new());
    values.read_records(10, Some(&mut levels), None, &mut read).unwrap();
    assert_eq!(levels, [1, 0, 1]);
    read
}

#[tokio::test]
async fn no_rows_are_a_result_too() {
    let empty = || ResultSet { rows: Vec::new(), ..few() };
    assert_eq!(delivered(empty(), "csv").await, b"department,changes\r\n");
    assert_eq!(delivered(empty(), "jsonl").await, b"");
    let reader = SerializedFileReader::new(bytes::Bytes::from(delivered(empty(), "parquet").await)).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    assert_eq!(reader.metadata().file_metadata().schema_descr().num_columns(), 2);
}

#[tokio::test]
async fn manifest_event_and_record_say_what_was_delivered() {
    let mut world = World::new();
    let record = world.ended(finished(), usual).await;
    world.clock.advance(std::time::Duration::from_secs(3));
    world.end_of(&record).await;
    let (file, manifest) = (format!("{}.csv", record.key), format!("{}.manifest.json", record.key));
    assert_eq!(world.fakes.bucket.keys(), [file.clone(), manifest.clone()]);
    assert_eq!(world.fakes.bucket.content_type(&file).as_deref(), Some("text/csv; charset=utf-8"));
    assert_eq!(
        world.manifest(&record),
        json!({
            "mart": MART, "version": "v1", "requestId": "r-1", "token": "4f1c", "statementId": id(&record),
            "queryId": 1, "format": "csv", "bucket": "results",
            "files": [{"key": file, "bytes": FEW.len(), "rows": 3, "sha256": hex::encode(Sha256::digest(FEW))}],
            "columns": [
                {"name": "department", "type": "varchar", "nullable": true, "precision": 50, "scale": 0},
                {"name": "changes", "type": "int8", "nullable": true, "precision": 19, "scale": 0}
            ],
            "rows": 3, "bytes": FEW.len(), "parameters": {"department": "Sales"},
            "submittedAt": "2026-11-23T12:00:00Z", "deliveredAt": "2026-11-23T12:00:03Z", "durationMs": 1500
        })
    );
    let ready = json!({
        "mart": MART, "owner": "humanresources", "requestId": "r-1", "token": "4f1c", "statementId": id(&record),
        "bucket": "results", "manifest": manifest, "keys": [file], "format": "csv", "rows": 3, "bytes": FEW.len()
    });
    assert_eq!(world.events(), [("Data Mart Ready".to_owned(), ready)]);
    let after = world.record("4f1c").await;
    assert_eq!((after.state, after.updated_at), (State::Delivered, NOW + time::Duration::seconds(3)));
    let metrics = &world.invocation.metrics;
    let of = [("Mart", MART), ("Owner", "humanresources")];
    let sums = ["ResultsDelivered", "RowsDelivered", "SecondsToDelivery", "Statements", "StatementSeconds"];
    assert_eq!(sums.map(|name| metrics.sum(name, &of)), [1.0, 3.0, 3.0, 1.0, 1.5]);
}
