use http::Method;

use super::*;

const SCOPE: &str = "AWS4-HMAC-SHA256 Credential=444455556666/20260101/eu-west-1/SERVICE/aws4_request, \
                     SignedHeaders=host, Signature=0";

fn read(method: Method, uri: &str, headers: &[(&'static str, &str)], body: &str) -> Facts {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    let body = body.to_owned().into();
    let inbound = Inbound { method, uri: uri.parse().unwrap(), headers: map, body, connection: None };
    let settings =
        Settings { account: "111122223333".into(), region: "us-east-1".into(), journal_bodies: false };
    Facts::read(&inbound, &settings)
}

#[test]
fn json_protocol() {
    let headers = [
        ("authorization", &*SCOPE.replace("SERVICE", "dynamodb")),
        ("x-amz-target", "DynamoDB_20120810.GetItem"),
        ("user-agent", "aws-sdk-rust/1.3 os/linux app/finding-enrich"),
    ];
    let facts = read(Method::POST, "/", &headers, r#"{"TableName":"ledger","Key":{}}"#);
    assert_eq!((facts.service.as_str(), facts.operation.as_str()), ("dynamodb", "GetItem"));
    assert_eq!((facts.region.as_str(), facts.account.as_str()), ("eu-west-1", "444455556666"));
    assert_eq!(facts.caller.name(), "finding-enrich");
    assert_eq!(facts.protocol, Protocol::Json);
    assert_eq!(facts.resources, BTreeMap::from([("TableName".into(), "ledger".into())]));
}

#[test]
fn query_protocol() {
    let headers = [
        ("authorization", &*SCOPE.replace("SERVICE", "sts").replace("444455556666", "AKIAEXAMPLE")),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
    ];
    let body = "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Fr&RoleSessionName=a+b";
    let facts = read(Method::POST, "/", &headers, body);
    assert_eq!((facts.service.as_str(), facts.operation.as_str()), ("sts", "AssumeRole"));
    assert_eq!(facts.protocol, Protocol::Query);
    assert_eq!((facts.caller.name(), facts.account.as_str()), ("AKIAEXAMPLE", "111122223333"));
    assert_eq!(facts.resources["RoleArn"], "arn:aws:iam::444455556666:role/r");
}

#[test]
fn presigned_urls_and_s3() {
    let cases = [
        (Method::GET, "/b/a%20b/c", "GetObject", Some("a b/c")),
        (Method::PUT, "/b", "CreateBucket", None),
        (Method::PUT, "/b/k", "PutObject", Some("k")),
        (Method::PUT, "/b/k?partNumber=1&uploadId=u", "UploadPart", Some("k")),
        (Method::POST, "/b/k?uploads", "CreateMultipartUpload", Some("k")),
        (Method::POST, "/b/k?uploadId=u", "CompleteMultipartUpload", Some("k")),
        (Method::GET, "/b?list-type=2", "ListObjectsV2", None),
        (Method::HEAD, "/b/k", "HeadObject", Some("k")),
        (Method::POST, "/b?delete", "DeleteObjects", None),
        (Method::DELETE, "/b/k", "DeleteObject", Some("k")),
    ];
    for (method, uri, operation, key) in cases {
        let separator = if uri.contains('?') { '&' } else { '?' };
        let credential = "X-Amz-Credential=AKIA%2F20260101%2Fus-east-1%2Fs3%2Faws4_request";
        let facts = read(method, &format!("{uri}{separator}{credential}"), &[], "");
        assert_eq!((facts.service.as_str(), facts.operation.as_str()), ("s3", operation), "{uri}");
        assert_eq!(facts.resources.get("Key").map(String::as_str), key, "{uri}");
        assert_eq!(facts.resources["Bucket"], "b");
    }
}

#[test]
fn presigned_urls_of_signature_version_2() {
    let facts = read(Method::GET, "/b/k?AWSAccessKeyId=AKIA&Signature=x&Expires=1", &[], "");
    assert_eq!((facts.service.as_str(), facts.operation.as_str()), ("s3", "GetObject"));
    assert_eq!(facts.caller.name(), "AKIA");
}

#[test]
fn lambda_operations() {
    let cases = [
        (Method::POST, "/2015-03-31/functions/f/invocations", "Invoke"),
        (Method::GET, "/2015-03-31/functions/f", "GetFunction"),
        (Method::GET, "/2015-03-31/functions/f/configuration", "GetFunctionConfiguration"),
        (Method::PUT, "/2015-03-31/functions/f/code", "UpdateFunctionCode"),
        (Method::GET, "/2015-03-31/functions/f/policy", "GetPolicy"),
        (Method::POST, "/2015-03-31/event-source-mappings/", "CreateEventSourceMapping"),
        (Method::GET, "/2019-09-30/functions/f/concurrency", "GET /2019-09-30/functions/f/concurrency"),
    ];
    for (method, uri, operation) in cases {
        let facts = read(method, uri, &[("authorization", &SCOPE.replace("SERVICE", "lambda"))], "");
        assert_eq!(facts.operation, operation, "{uri}");
        assert_eq!(facts.resources.contains_key("FunctionName"), uri.contains("functions"), "{uri}");
    }
}

#[test]
fn unsigned_calls_are_anonymous() {
    let facts = read(Method::GET, "/", &[("host", "abc.lambda-url.us-east-1.localhost:4566")], "");
    assert_eq!((facts.service.as_str(), facts.caller.name()), ("lambda-url", "anonymous"));
    let facts = read(Method::POST, "/", &[("x-amz-target", "AmazonSQS.SendMessage")], "{}");
    assert_eq!((facts.service.as_str(), facts.operation.as_str()), ("sqs", "SendMessage"));
    assert_eq!(read(Method::GET, "/", &[], "").service, "unknown");
}

#[test]
fn percent_decoding_leaves_what_is_no_escape() {
    for (text, expected) in
        [("a%2Fb", "a/b"), ("100%", "100%"), ("%zz%41", "%zzA"), ("%C3%A9", "é"), ("%é", "%é")]
    {
        assert_eq!(percent_decode(text), expected);
    }
}

#[test]
fn an_object_is_named_with_the_version_that_is_asked_for() {
    let headers = [("authorization", &*SCOPE.replace("SERVICE", "s3"))];
    for (uri, version) in [("/b/k?versionId=v%2F1", Some("v/1")), ("/b/k", None)] {
        let facts = read(Method::GET, uri, &headers, "");
        assert_eq!(facts.resources.get("VersionId").map(String::as_str), version, "{uri}");
    }
}
