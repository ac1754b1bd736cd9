//! What is in memory does not grow with the result.

use eventide_clients::redshift_data::{Ending, Field, ResultSet, Rows};
use eventide_clients::s3::{Bucket as _, FakeBucket};
use eventide_types::mart::definition::Format;
use mart_deliver::encode::Encoder;
use mart_deliver::upload::Upload;
use serde_json::json;

use crate::support::{World, column, text};

const PART: usize = 8 * 1024 * 1024;

/// The parts that an object was made of.
async fn parts(bucket: &FakeBucket, key: &str) -> usize {
    let object = bucket.get(key, None, u64::MAX).await.unwrap().unwrap();
    object.etag.trim_matches('"').rsplit('-').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn no_more_than_a_part_and_a_page_waits_to_be_uploaded() {
    let columns = [column("id", "int8", 0, 0), column("words", "varchar", 0, 0)];
    let page = Rows::Fields((0..1_000).map(|id| vec![Field::Long(id), text(&"x".repeat(1_000))]).collect());
    let page_bytes = 1_100_000;
    for format in [Format::Csv, Format::Jsonl, Format::Parquet] {
        let bucket = FakeBucket::new("results");
        let mut encoder = Encoder::new(format, &columns).unwrap();
        let mut upload = Upload::begin(&bucket, "key", Encoder::content_type(format)).await.unwrap();
        // Parquet writes a row group at a time.
        let most = PART + if format == Format::Parquet { PART } else { page_bytes };
        for _ in 0..20 {
            encoder.page(&page, &mut upload.buffer).unwrap();
            assert!(upload.buffer.len() < most, "{format:?}");
            upload.flush().await.unwrap();
            assert!(upload.buffer.len() < PART, "{format:?}");
            assert!(upload.buffer.capacity() <= 2 * most, "{format:?}: {}", upload.buffer.capacity());
        }
        encoder.finish(&mut upload.buffer).unwrap();
        let uploaded = upload.finish().await.unwrap();
        assert_eq!(encoder.rows(), 20_000);
        assert_eq!(bucket.size("key").await.unwrap(), Some(uploaded.bytes));
        assert_eq!(parts(&bucket, "key").await, usize::try_from(uploaded.bytes).unwrap().div_ceil(PART));
    }
}

#[tokio::test]
async fn a_long_result_goes_up_in_parts() {
    let rows: Vec<_> = (0..9_000).map(|id| vec![Field::Long(id), text(&"x".repeat(1_000))]).collect();
    let columns = vec![column("id", "int8", 0, 0), column("words", "varchar", 0, 0)];
    let result = ResultSet { columns, rows, page_rows: 997, ..ResultSet::default() };
    let mut world = World::new();
    let record =
        world.ended(Ending::Finished(Some(result)), |record| record["row_cap"] = json!(1_000_000)).await;
    world.end_of(&record).await;
    let body = String::from_utf8(world.body(&record, "csv").unwrap()).unwrap();
    let mut lines = body.lines();
    assert_eq!(lines.next(), Some("id,words"));
    for id in 0..9_000 {
        let line = lines.next().unwrap();
        assert!(line.strip_prefix(&format!("{id},")).is_some_and(|words| words.len() == 1_000), "{id}");
    }
    assert_eq!(lines.next(), None);
    assert_eq!(parts(&world.fakes.bucket, &format!("{}.csv", record.key)).await, body.len().div_ceil(PART));
}
