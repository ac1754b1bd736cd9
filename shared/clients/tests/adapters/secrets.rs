use std::sync::Arc;
use std::time::Duration;

use eventide_clients::secrets::{SdkSecrets, Secrets};
use serde_json::json;

use crate::support::{Server, clock, error, ok};

#[tokio::test]
async fn a_secret_is_read_again_once_its_time_is_over() {
    for lifetime in [None, Some(Duration::from_secs(20))] {
        let server = Server::start(|seen| ok(json!({"SecretString": format!("s-{}", seen.number)}))).await;
        let clock = clock();
        let mut secrets = SdkSecrets::new(&server.config(), Arc::new(clock.clone()));
        if let Some(lifetime) = lifetime {
            secrets = secrets.keeping_for(lifetime);
        }
        let other = secrets.clone();
        let lifetime = lifetime.unwrap_or(Duration::from_secs(300));
        for expected in ["s-0", "s-1"] {
            assert!(secrets.get("links").await.unwrap().expose() == expected);
            clock.advance(lifetime - Duration::from_millis(1));
            assert!(other.get("links").await.unwrap().expose() == expected);
            clock.advance(Duration::from_millis(1));
        }
        assert_eq!(server.hits(), 2);
        assert_eq!(server.seen()[0].json, json!({"SecretId": "links"}));
        assert!(!format!("{secrets:?}").contains("s-1"));
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_no_records_fault_and_is_asked_for_again() {
    for (status, code, expected, hits) in [
        (400, "ResourceNotFoundException", "Environment.ResourceNotFound", 1),
        (400, "InvalidRequestException", "Environment.InvalidRequest", 1),
        (400, "DecryptionFailure", "Environment.DecryptionFailure", 1),
        (400, "AccessDeniedException", "Environment.AccessDenied", 1),
        (400, "ThrottlingException", "Retryable.Throttled", 3),
        (500, "InternalServiceError", "Retryable.ServerError", 3),
    ] {
        let server = Server::start(move |_| error(status, code)).await;
        let secrets = SdkSecrets::new(&server.config(), Arc::new(clock()));
        for asked in 1..3 {
            let failed = secrets.get("links").await.unwrap_err();
            assert_eq!((failed.qualified_type().as_str(), server.hits()), (expected, asked * hits), "{code}");
        }
    }
    let server = Server::start(|_| ok(json!({"SecretBinary": "AAAA"}))).await;
    let failed = SdkSecrets::new(&server.config(), Arc::new(clock())).get("links").await.unwrap_err();
    assert_eq!(failed.qualified_type(), "Environment.SecretWithoutText");
}
