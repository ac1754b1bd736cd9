//! A kit made for tests.

#![cfg(feature = "testing")]

use std::sync::Arc;

use eventide_kit::{Kit, clock::ManualClock, env::Vars};
use time::macros::datetime;

const LAMBDA: [(&str, &str); 4] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "example"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
];

#[test]
fn a_test_decides_what_a_function_is_built_from() {
    let now = datetime!(2026-11-23 09:00 UTC);
    let kit = Kit::for_tests("greet", Vars::from_pairs(LAMBDA), Arc::new(ManualClock::new(now))).unwrap();
    assert_eq!(&**kit.function_name(), "greet");
    assert_eq!(kit.clock().now(), now);
    #[cfg(feature = "aws")]
    {
        assert_eq!(kit.sdk_config().region().map(AsRef::as_ref), Some("eu-central-1"));
        assert_eq!(kit.sdk_config().endpoint_url(), Some("http://127.0.0.1:9"));
    }
}

#[cfg(feature = "aws")]
#[test]
fn what_an_environment_lacks_is_named() {
    let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 09:00 UTC)));
    let error = Kit::for_tests("greet", Vars::from_pairs(LAMBDA.into_iter().skip(1)), clock).unwrap_err();
    assert_eq!(error.to_string(), "configuration: `AWS_REGION` is missing, expected an AWS Region");
}
