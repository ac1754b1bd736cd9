//! Objects that are read chunk by chunk over connections that break, and lists of keys.

use std::time::Duration;

use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use eventide_clients::s3::{Bucket, Opened, SdkBucket};
use eventide_kit::error::Error;

use crate::raw::{Act, RawSeen, RawServer, http};
use crate::support::{Server, config, xml};

fn bucket(endpoint: &str) -> SdkBucket {
    SdkBucket::new(&config(endpoint), "campaigns")
}

/// `count` bytes that differ from their neighbours.
fn content(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at % 251) as u8).collect()
}

/// The byte that a request wants to begin with.
fn start(seen: &RawSeen) -> usize {
    seen.header("range").map_or(0, |range| {
        range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')).unwrap().parse().unwrap()
    })
}

/// What S3 answers from a byte on, of which `sent` bytes come through.
fn from(content: &[u8], start: usize, sent: usize) -> Vec<u8> {
    let rest = &content[start..];
    let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
    let headers = [("ETag", "\"e-1\""), ("Content-Type", "text/csv"), ("Content-Range", range.as_str())];
    let (status, headers) =
        if start == 0 { ("200 OK", &headers[..2]) } else { ("206 Partial", &headers[..]) };
    http(status, headers, rest.len(), &rest[..sent.min(rest.len())])
}

async fn read(opened: &mut Opened) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    while let Some(chunk) = opened.body.next().await? {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew_from_the_byte_reached() {
    let server = RawServer::start(|seen| {
        let content = content(100);
        match start(seen) {
            0 => Act::Close(from(&content, 0, 40)),
            40 => Act::Close(from(&content, 40, 30)),
            at => Act::Answer(from(&content, at, 100)),
        }
    })
    .await;
    let mut opened = bucket(&server.endpoint).open("a.csv", Some("v-1")).await.unwrap().unwrap();
    assert_eq!(
        (opened.size, opened.etag.as_str(), opened.content_type.as_deref()),
        (100, "\"e-1\"", Some("text/csv"))
    );
    assert!(read(&mut opened).await.unwrap() == content(100), "every byte once, in its order");
    let seen = server.seen();
    let asked: Vec<_> = seen.iter().map(|seen| (seen.header("range"), seen.header("if-match"))).collect();
    let etag = Some("\"e-1\"");
    assert_eq!(asked, [(None, None), (Some("bytes=40-"), etag), (Some("bytes=70-"), etag)]);
    assert!(seen.iter().all(|seen| seen.head.contains("versionid=v-1")), "{seen:?}");
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_one_that_broke() {
    // The server says how much there is, sends less, and keeps the connection.
    let server = RawServer::start(|seen| match start(seen) {
        0 => Act::Answer(from(&content(100), 0, 40)),
        at => Act::Answer(from(&content(100), at, 100)),
    })
    .await;
    // Five seconds if nothing is said.
    let grace = StalledStreamProtectionConfig::enabled().grace_period(Duration::from_millis(300)).build();
    let config = config(&server.endpoint).to_builder().stalled_stream_protection(grace).build();
    let mut opened = SdkBucket::new(&config, "campaigns").open("a.csv", None).await.unwrap().unwrap();
    assert!(read(&mut opened).await.unwrap() == content(100));
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn three_breaks_without_a_byte_are_too_many_and_then_it_may_be_tried_again() {
    let server = RawServer::start(|seen| match seen.number {
        0..4 => Act::Close(from(&content(100), start(seen), if seen.number == 0 { 10 } else { 0 })),
        _ => Act::Answer(from(&content(100), start(seen), 100)),
    })
    .await;
    let mut opened = bucket(&server.endpoint).open("a.csv", None).await.unwrap().unwrap();
    let mut whole = opened.body.next().await.unwrap().unwrap().to_vec();
    assert_eq!(whole, content(10));
    let failed = opened.body.next().await.unwrap_err();
    assert_eq!((failed.qualified_type().as_str(), server.hits()), ("Retryable.ServerError", 4));
    whole.extend(read(&mut opened).await.unwrap());
    assert!(whole == content(100));
}

#[tokio::test]
async fn breaks_with_progress_between_them_are_never_too_many() {
    let server = RawServer::start(|seen| Act::Close(from(&content(20), start(seen), 1))).await;
    let mut opened = bucket(&server.endpoint).open("a.csv", None).await.unwrap().unwrap();
    assert!(read(&mut opened).await.unwrap() == content(20));
    assert_eq!(server.hits(), 20);
}

#[tokio::test]
async fn an_object_that_changed_is_not_mixed_with_another() {
    let code = |code: &str| format!("<Error><Code>{code}</Code></Error>").into_bytes();
    let other = content(60);
    for (answer, expected) in [
        (http("412 Precondition Failed", &[], 45, &code("PreconditionFailed")), "Permanent.ObjectChanged"),
        (http("416 Range Not Satisfiable", &[], 39, &code("InvalidRange")), "Permanent.ObjectChanged"),
        (http("404 Not Found", &[], 36, &code("NoSuchKey")), "Permanent.ObjectChanged"),
        (http("403 Forbidden", &[], 39, &code("AccessDenied")), "Environment.AccessDenied"),
        // The whole again, of something else, or another part.
        (http("200 OK", &[("ETag", "\"e-1\"")], 60, &other), "Retryable.IncompleteAnswer"),
        (
            http("206 Partial", &[("ETag", "\"e-2\""), ("Content-Range", "bytes 40-99/100")], 60, &other),
            "Retryable.IncompleteAnswer",
        ),
        (
            http("206 Partial", &[("ETag", "\"e-1\""), ("Content-Range", "bytes 39-98/100")], 60, &other),
            "Retryable.IncompleteAnswer",
        ),
    ] {
        let server = RawServer::start(move |seen| match seen.number {
            0 => Act::Close(from(&content(100), 0, 40)),
            _ => Act::Close(answer.clone()),
        })
        .await;
        let mut opened = bucket(&server.endpoint).open("a.csv", None).await.unwrap().unwrap();
        assert_eq!(read(&mut opened).await.unwrap_err().qualified_type(), expected);
    }
}

#[tokio::test]
async fn what_is_not_there_cannot_be_opened() {
    for (status, code, expected) in [
        (404, "NoSuchKey", None),
        (404, "NoSuchBucket", Some("Environment.NoSuchBucket")),
        (403, "AccessDenied", Some("Environment.AccessDenied")),
    ] {
        let server = Server::start(move |_| xml(status, format!("<Error><Code>{code}</Code></Error>"))).await;
        let opened = bucket(&server.endpoint).open("a.csv", None).await;
        let failed = opened.map(|opened| assert!(opened.is_none())).err().map(|error| error.qualified_type());
        assert_eq!(failed.as_deref(), expected);
    }
}

#[tokio::test]
async fn a_large_object_comes_in_small_chunks_as_fast_as_it_is_read() {
    const SIZE: usize = 16 * 1024 * 1024;
    let server = RawServer::start(|_| Act::Answer(from(&content(SIZE), 0, SIZE))).await;
    let mut opened = bucket(&server.endpoint).open("a.csv", None).await.unwrap().unwrap();
    let expected = content(SIZE);
    let (mut reached, mut largest) = (0, 0);
    while let Some(chunk) = opened.body.next().await.unwrap() {
        assert!(chunk == expected[reached..reached + chunk.len()]);
        reached += chunk.len();
        largest = largest.max(chunk.len());
    }
    assert_eq!(reached, SIZE);
    assert!(largest <= 512 * 1024, "{largest}");
    assert!(format!("{opened:?}").len() < 500);
}

#[tokio::test]
async fn a_list_is_read_page_by_page_until_there_is_enough() {
    let keys: Vec<_> = (0..2_500).map(|number| format!("k/{number:04}")).collect();
    let listed = keys.clone();
    let server = Server::start(move |seen| {
        let parameter =
            |name: &str| seen.query.split('&').find_map(|pair| pair.strip_prefix(name)).map(str::to_owned);
        let from: usize = parameter("continuation-token=").map_or(0, |token| token.parse().unwrap());
        let most: usize = parameter("max-keys=").unwrap().parse().unwrap();
        let to = listed.len().min(from + most);
        let contents: String =
            listed[from..to].iter().map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
        let next = match to < listed.len() {
            true => {
                format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{to}</NextContinuationToken>")
            }
            false => "<IsTruncated>false</IsTruncated>".to_owned(),
        };
        xml(200, format!("<ListBucketResult>{next}{contents}</ListBucketResult>"))
    })
    .await;
    let bucket = bucket(&server.endpoint);
    for (most, expected, calls) in
        [(0, 0, 0), (1, 1, 1), (1_000, 1_000, 1), (1_001, 1_001, 2), (9_000, 2_500, 3)]
    {
        let before = server.hits();
        assert_eq!(bucket.list("k/", Some("a b"), most).await.unwrap(), keys[..expected]);
        assert_eq!(server.hits() - before, calls, "{most}");
    }
    let first = &server.seen()[0].query;
    assert!(first.contains("prefix=k%2F") && first.contains("start-after=a%20b"), "{first}");
}
