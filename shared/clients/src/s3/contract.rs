//! What every [`Bucket`] does, checked against the fake and against the local cloud.

use std::time::Duration;

use bytes::Bytes;
use eventide_kit::error::Error;

use super::{Bucket, MIN_PART, Opened};

/// A key with what has to be escaped in it.
const KEY: &str = "hr/über all/a+b=c&d.csv";
const LARGE: &str = "hr/large.csv";

/// Checks all of it, on an empty bucket that keeps versions. `fetched` gets what is at a link, or `None` where there is
/// no way to find out.
///
/// # Errors
/// Whatever a call that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<B, F>(bucket: &B, fetched: F) -> Result<(), Error>
where
    B: Bucket,
    F: AsyncFn(String) -> Option<Bytes>,
{
    assert!(bucket.list("", None, 10).await?.is_empty(), "an empty bucket");
    small_objects(bucket, fetched).await?;
    streams(bucket).await?;
    lists(bucket).await?;
    uploads(bucket).await?;
    uploads_given_up(bucket).await
}

fn missing() -> Error {
    Error::permanent("Missing", "the object should be there")
}

/// The type of the error, or nothing.
fn refused<T>(result: Result<T, Error>) -> String {
    result.err().map(|error| error.qualified_type()).unwrap_or_default()
}

async fn small_objects<B, F>(bucket: &B, fetched: F) -> Result<(), Error>
where
    B: Bucket,
    F: AsyncFn(String) -> Option<Bytes>,
{
    assert_eq!(bucket.get(KEY, None, 10).await?, None);
    assert_eq!(bucket.size(KEY).await?, None);

    let mut versions = Vec::new();
    for text in ["first", "second"] {
        bucket.put(KEY, "text/csv", Bytes::from_static(text.as_bytes())).await?;
        let object = bucket.get(KEY, None, 6).await?.ok_or_else(missing)?;
        assert_eq!(object.body, text);
        versions.push(object.version_id.ok_or_else(missing)?);
    }
    for (version, text) in versions.iter().zip(["first", "second"]) {
        let object = bucket.get(KEY, Some(version), 6).await?.ok_or_else(missing)?;
        assert_eq!((object.body.as_ref(), object.version_id.as_ref()), (text.as_bytes(), Some(version)));
    }
    assert_eq!(bucket.size(KEY).await?, Some(6));
    assert_eq!(refused(bucket.get(KEY, None, 5).await), "Permanent.ObjectTooLarge");

    let link = bucket.presigned(KEY, Duration::from_secs(60)).await?;
    assert!(link.starts_with("http") && link.contains("X-Amz-Expires=60"), "{link}");
    if let Some(body) = fetched(link).await {
        assert_eq!(body, "second", "a link needs no credentials");
    }
    let week = Duration::from_secs(7 * 86_400);
    bucket.presigned(KEY, week).await?;
    let longer = bucket.presigned(KEY, week + Duration::from_secs(1)).await;
    assert_eq!(refused(longer), "Permanent.InvalidRequest");
    Ok(())
}

async fn whole(opened: &mut Opened) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    while let Some(chunk) = opened.body.next().await? {
        assert!(!chunk.is_empty());
        whole.extend_from_slice(&chunk);
    }
    assert!(opened.body.next().await?.is_none(), "the end stays the end");
    Ok(whole)
}

async fn streams<B: Bucket>(bucket: &B) -> Result<(), Error> {
    assert!(bucket.open("hr/missing.csv", None).await?.is_none());
    let numbers: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    for body in [numbers, Vec::new()] {
        let key = "hr/stream.csv";
        bucket.put(key, "text/csv", body.clone().into()).await?;
        let object = bucket.get(key, None, body.len() as u64).await?.ok_or_else(missing)?;
        for version_id in [None, object.version_id.as_deref()] {
            let mut opened = bucket.open(key, version_id).await?.ok_or_else(missing)?;
            assert_eq!((opened.size, &opened.etag), (body.len() as u64, &object.etag));
            assert_eq!(
                (opened.version_id.as_ref(), opened.content_type.as_deref()),
                (object.version_id.as_ref(), Some("text/csv"))
            );
            assert!(whole(&mut opened).await? == body, "every byte once, in its order");
        }
    }
    let mut first = bucket.open(KEY, None).await?.ok_or_else(missing)?;
    bucket.put(KEY, "text/csv", Bytes::from_static(b"third!")).await?;
    assert_eq!(whole(&mut first).await?, b"second", "what was opened is what is read");
    Ok(())
}

async fn lists<B: Bucket>(bucket: &B) -> Result<(), Error> {
    let keys: Vec<_> = (0..12).map(|number| format!("lists/{number:02}")).collect();
    for key in keys.iter().rev().chain([&"lists-not/a".to_owned()]) {
        bucket.put(key, "text/plain", Bytes::from_static(b"x")).await?;
    }
    for (prefix, after, most, expected) in [
        ("lists/", None, 100, 0..12),
        ("lists/", None, 5, 0..5),
        ("lists/", None, 0, 0..0),
        ("lists/", Some("lists/04"), 3, 5..8),
        ("lists/", Some("lists/045"), 100, 5..12),
        ("lists/", Some("lists/11"), 100, 0..0),
        ("lists/0", None, 100, 0..10),
        ("nothing/", None, 100, 0..0),
    ] {
        let listed = bucket.list(prefix, after, most).await?;
        assert_eq!(Some(listed.as_slice()), keys.get(expected), "{prefix} {after:?} {most}");
    }
    Ok(())
}

async fn uploads<B: Bucket>(bucket: &B) -> Result<(), Error> {
    let upload = bucket.begin(LARGE, "text/csv").await?;
    let first = Bytes::from(vec![b'a'; MIN_PART]);
    // In any order, and a part that is sent anew replaces the former.
    let second = bucket.part(&upload, 2, Bytes::from_static(b"end")).await?;
    bucket.part(&upload, 1, Bytes::from_static(b"overwritten")).await?;
    let parts = [bucket.part(&upload, 1, first.clone()).await?, second];
    assert_eq!(bucket.size(LARGE).await?, None, "nothing is seen before the upload is complete");
    for _ in 0..2 {
        bucket.complete(&upload, &parts).await?;
        let max_bytes = MIN_PART as u64 + 3;
        let object = bucket.get(LARGE, None, max_bytes).await?.ok_or_else(missing)?;
        assert_eq!(object.body.len() as u64, max_bytes);
        assert_eq!(
            (object.body.slice(..MIN_PART), object.body.slice(MIN_PART..)),
            (first.clone(), "end".into())
        );
    }
    // It is complete: there is nothing to give up, and nothing is lost.
    bucket.abort(&upload).await?;
    assert_eq!(bucket.size(LARGE).await?, Some(MIN_PART as u64 + 3));
    Ok(())
}

async fn uploads_given_up<B: Bucket>(bucket: &B) -> Result<(), Error> {
    let key = "hr/given-up.csv";
    let upload = bucket.begin(key, "text/csv").await?;
    let part = bucket.part(&upload, 1, Bytes::from_static(b"only")).await?;
    bucket.abort(&upload).await?;
    bucket.abort(&upload).await?;
    let late = bucket.part(&upload, 2, Bytes::from_static(b"late")).await;
    assert_eq!(refused(late), "Permanent.NoSuchUpload");
    let completed = bucket.complete(&upload, std::slice::from_ref(&part)).await;
    assert_eq!(refused(completed), "Permanent.NoSuchUpload");
    assert_eq!(bucket.size(key).await?, None);

    // Another upload has put an object of as many parts under the key: the same delivery, done twice.
    let other = bucket.begin(key, "text/csv").await?;
    let only = bucket.part(&other, 1, Bytes::from_static(b"whole")).await?;
    bucket.complete(&other, &[only]).await?;
    bucket.complete(&upload, &[part]).await
}
