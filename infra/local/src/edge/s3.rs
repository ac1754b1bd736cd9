//! A bucket as an origin, read with an origin access control.

use bytes::Bytes;
use eventide_testing::Aws;
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::answer::{Answer, Request, is_of_connection, page, xml};

/// Headers of the viewer that S3 gets.
const CONDITIONAL: [&str; 6] =
    ["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"];

/// The bucket of an origin's domain: `NAME.s3.us-east-1.amazonaws.com` or `NAME.s3.amazonaws.com`.
pub(super) fn bucket(domain: &str) -> Option<&str> {
    let (name, rest) = domain.split_once(".s3.")?;
    (!name.is_empty() && rest.ends_with("amazonaws.com")).then_some(name)
}

/// Reads the object of a path.
pub(super) async fn fetch(aws: &Aws, bucket: &str, path: &str, request: &Request) -> Answer {
    // The access control lets CloudFront read objects, nothing else; who may not list a bucket does not hear which
    // objects there are.
    let denied = || xml(403, "AccessDenied", "Access Denied");
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return denied();
    }
    let headers: Vec<(&str, &str)> = CONDITIONAL
        .into_iter()
        .filter_map(|name| Some((name, request.headers.get(name)?.to_str().ok()?)))
        .collect();
    let object = format!("/{bucket}{path}");
    match aws.send("s3", request.method.clone(), &object, &headers, Bytes::new()).await {
        Ok(found) if matches!(found.status, 403 | 404) => denied(),
        Ok(found) => {
            let mut answer = Answer::new(found.body);
            *answer.status_mut() = StatusCode::from_u16(found.status).unwrap_or(StatusCode::BAD_GATEWAY);
            *answer.headers_mut() = of_object(found.headers);
            answer
        }
        Err(_) => page(502, "CloudFront wasn't able to connect to the origin."),
    }
}

/// What S3 says of an object, without what the emulator says of itself.
fn of_object(mut headers: HeaderMap) -> HeaderMap {
    let own: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            is_of_connection(name)
                || name.as_str().starts_with("access-control-")
                || ["date", "server", "vary"].contains(&name.as_str())
        })
        .cloned()
        .collect();
    for name in own {
        headers.remove(name);
    }
    headers.insert("server", http::HeaderValue::from_static("AmazonS3"));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_read_from_their_domains() {
        for (domain, expected) in [
            ("widget-1.s3.us-east-1.amazonaws.com", Some("widget-1")),
            ("a.b.s3.amazonaws.com", Some("a.b")),
            ("abc.execute-api.us-east-1.amazonaws.com", None),
            (".s3.amazonaws.com", None),
            ("widget.s3.example.com", None),
        ] {
            assert_eq!(bucket(domain), expected, "{domain}");
        }
    }
}
