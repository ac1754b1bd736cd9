use std::hash::{BuildHasher, RandomState};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// A key made of the parts of an event that tell one request from another, as JSON pointers: the SHA-256 of
/// their canonical JSON (object keys sorted), in hex.
///
/// # Errors
///
/// `Permanent.NoIdempotencyKey` if one of them is absent or null: half a key would take different requests
/// for one.
pub fn key_from(event: &Value, pointers: &[&str]) -> Result<String, Error> {
    let parts = pointers.iter().map(|pointer| {
        event.pointer(pointer).filter(|part| !part.is_null()).ok_or_else(|| {
            Error::permanent(
                "NoIdempotencyKey",
                format!("the event has no value at `{pointer}`, expected part of the idempotency key"),
            )
        })
    });
    digest_json(&parts.collect::<Result<Vec<_>, _>>()?)
}

/// Equal JSON has an equal digest, whatever the order of its keys.
pub(super) fn digest_json(value: &(impl Serialize + ?Sized)) -> Result<String, Error> {
    let mut value = serde_json::to_value(value).map_err(|error| {
        Error::permanent("UnhashablePayload", "the payload is not representable in JSON").with_source(error)
    })?;
    // A no-op unless some crate turns on serde_json's `preserve_order`.
    value.sort_all_objects();
    Ok(digest(value.to_string().as_bytes()))
}

pub(super) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// 128 bits that no other call, process or machine comes up with. `RandomState` is seeded by the operating
/// system.
pub(crate) fn nonce() -> String {
    format!("{:016x}{:016x}", RandomState::new().hash_one(0), RandomState::new().hash_one(1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_depend_on_the_chosen_parts_alone() {
        let event = json!({"id": "1", "detail": {"b": 1, "a": [2, {"d": 3, "c": 4}]}});
        let reordered: Value =
            serde_json::from_str(r#"{"detail": {"a": [2, {"c": 4, "d": 3}], "b": 1}, "id": "2"}"#).unwrap();
        let other = json!({"id": "1", "detail": {"b": 1, "a": [{"d": 3, "c": 4}, 2]}});
        let key = |event| key_from(event, &["/detail/a", "/detail/b"]).unwrap();
        assert_eq!(key(&event), key(&reordered));
        assert_ne!(key(&event), key(&other), "the order of a list matters");
        assert_ne!(key(&event), key_from(&event, &["/detail/b", "/detail/a"]).unwrap());
        assert_eq!(key(&event).len(), 64);
    }

    #[test]
    fn a_part_that_is_absent_or_null_makes_no_key() {
        let event = json!({"detail": {"order": null, "customer": "x"}});
        for pointer in ["/detail/order", "/detail/id", "/id"] {
            let error = key_from(&event, &["/detail/customer", pointer]).unwrap_err();
            assert_eq!(error.qualified_type(), "Permanent.NoIdempotencyKey");
            assert!(error.to_string().contains(&format!("`{pointer}`")), "{error}");
        }
    }

    #[test]
    fn nonces_differ() {
        let nonces: std::collections::HashSet<_> = (0..1000).map(|_| nonce()).collect();
        assert_eq!(nonces.len(), 1000);
        assert!(nonces.iter().all(|nonce| nonce.len() == 32));
    }
}
