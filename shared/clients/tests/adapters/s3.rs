use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;
use eventide_clients::s3::{Bucket, Part, SdkBucket, Upload};

use crate::support::{Reply, Server, xml};

fn bucket(server: &Server) -> SdkBucket {
    SdkBucket::new(&server.config(), "results")
}

fn upload() -> Upload {
    Upload { key: "hr/a.csv".to_owned(), id: "u-1".to_owned() }
}

fn parts(count: i32) -> Vec<Part> {
    (1..=count).map(|number| Part { number, etag: format!("\"etag-{number}\"") }).collect()
}

fn refused(status: u16, code: &str) -> Reply {
    xml(status, format!("<Error><Code>{code}</Code><Message>secret</Message></Error>"))
}

#[tokio::test]
async fn an_upload_is_signed_with_its_content_and_has_no_second_sum() {
    let server = Server::start(|_| xml(200, "").with_etag("\"e\"")).await;
    let body = Bytes::from_static(b"a,b\r\n");
    bucket(&server).put("hr/a.csv", "text/csv", body.clone()).await.unwrap();
    let part = bucket(&server).part(&upload(), 3, body).await.unwrap();
    assert_eq!(part, Part { number: 3, etag: "\"e\"".to_owned() });
    let seen = server.seen();
    assert_eq!(
        (seen[0].header("content-type"), seen[0].query.as_str()),
        (Some("text/csv"), "x-id=PutObject")
    );
    assert_eq!(seen[1].query, "x-id=UploadPart&partNumber=3&uploadId=u-1");
    for seen in seen {
        // An address cannot have the bucket's name before it.
        assert_eq!((seen.method.clone(), seen.path.as_str()), (Method::PUT, "/results/hr/a.csv"));
        assert_eq!(seen.text, "a,b\r\n", "in one piece");
        let sha256 = "fbf6b30113a4b6418c623a96ed6844f17ef5751b908a16abaa919d0bcd6b7784";
        assert_eq!(seen.header("x-amz-content-sha256"), Some(sha256));
        let sums: Vec<_> = seen.headers.keys().filter(|name| name.as_str().contains("checksum")).collect();
        assert!(sums.is_empty() && seen.header("x-amz-trailer").is_none(), "{sums:?}");
    }
}

#[tokio::test]
async fn completing_again_is_no_error_if_the_object_is_there() {
    let etag = "\"d41d8cd98f00b204e9800998ecf8427e-2\"";
    for (head, count, expected) in
        [(200, 2, None), (200, 3, Some("Permanent.NoSuchUpload")), (404, 2, Some("Permanent.NoSuchUpload"))]
    {
        let server = Server::start(move |seen| match seen.method {
            Method::HEAD => xml(head, "").with_etag(etag),
            _ => refused(404, "NoSuchUpload"),
        })
        .await;
        let completed = bucket(&server).complete(&upload(), &parts(count)).await;
        let error = completed.err().map(|error| error.qualified_type());
        assert_eq!(error.as_deref(), expected, "{head} {count}");
        assert_eq!(server.hits(), 2);
    }
}

#[tokio::test]
async fn completing_sends_the_parts_and_reads_errors_in_a_successful_answer() {
    let done = "<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag></CompleteMultipartUploadResult>";
    for (code, expected, hits) in
        [("InternalError", None, 2), ("InvalidPart", Some("Permanent.InvalidPart"), 1)]
    {
        let server = Server::start(move |seen| match seen.number {
            0 => refused(200, code),
            _ => xml(200, done),
        })
        .await;
        let completed = bucket(&server).complete(&upload(), &parts(2)).await;
        assert_eq!(completed.err().map(|error| error.qualified_type()).as_deref(), expected);
        assert_eq!(server.hits(), hits);
        let seen = server.seen();
        assert!(
            seen[0].text.contains("<Part><ETag>&quot;etag-1&quot;</ETag><PartNumber>1</PartNumber></Part>"),
            "{}",
            seen[0].text
        );
        assert_eq!(seen[0].text.matches("<Part>").count(), 2);
    }
}

#[tokio::test]
async fn giving_up_twice_is_no_error() {
    for (status, code, expected) in
        [(404, "NoSuchUpload", None), (403, "AccessDenied", Some("Environment.AccessDenied"))]
    {
        let server = Server::start(move |_| refused(status, code)).await;
        let given_up = bucket(&server).abort(&upload()).await;
        assert_eq!(given_up.err().map(|error| error.qualified_type()).as_deref(), expected);
        assert_eq!(server.seen()[0].query, "x-id=AbortMultipartUpload&uploadId=u-1");
    }
}

#[tokio::test]
async fn what_is_not_there_is_none_and_what_is_denied_is_not() {
    for (status, code, expected) in [
        (404, "NoSuchKey", None),
        (404, "NoSuchVersion", None),
        (405, "MethodNotAllowed", None),
        (404, "NoSuchBucket", Some("Environment.NoSuchBucket")),
        (403, "AccessDenied", Some("Environment.AccessDenied")),
        (403, "ExpiredToken", Some("Environment.ExpiredToken")),
        (400, "InvalidArgument", Some("Permanent.InvalidArgument")),
        (503, "SlowDown", Some("Retryable.Throttled")),
    ] {
        let server = Server::start(move |_| refused(status, code)).await;
        let got = bucket(&server).get("a", Some("v"), 10).await;
        let error = got.map(|object| assert_eq!(object, None)).err();
        assert_eq!(error.as_ref().map(|error| error.qualified_type()).as_deref(), expected, "{code}");
        assert!(error.is_none_or(|error| !error.to_string().contains("secret")));
        assert_eq!(server.seen()[0].query, "x-id=GetObject&versionId=v");
    }
    for (status, expected) in [(404, None), (403, Some("Environment.Refused"))] {
        let server = Server::start(move |_| xml(status, "")).await;
        let size = bucket(&server).size("a").await;
        let error = size.map(|size| assert_eq!(size, None)).err().map(|error| error.qualified_type());
        assert_eq!(error.as_deref(), expected, "{status}");
    }
}

#[tokio::test]
async fn a_link_is_made_without_a_call() {
    let server = Server::start(|_| refused(500, "InternalError")).await;
    let link = bucket(&server).presigned("hr/a b.csv", Duration::from_secs(900)).await.unwrap();
    let start = format!("{}/results/hr/a%20b.csv?", server.endpoint);
    assert!(link.starts_with(&start), "{link}");
    for part in ["X-Amz-Expires=900", "X-Amz-SignedHeaders=host&", "X-Amz-Signature="] {
        assert!(link.contains(part), "{link} without {part}");
    }
    assert_eq!(server.hits(), 0);
}
