//! A response headers policy.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::values::{flag, list, number, refuse, required};

/// The headers that it sets and removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ResponseHeaders {
    /// With whether the origin's own is replaced.
    set: Vec<(HeaderName, HeaderValue, bool)>,
    removed: Vec<HeaderName>,
}

impl ResponseHeaders {
    /// Reads a `ResponseHeadersPolicyConfig`.
    pub(super) fn parse(config: &Value) -> Result<Self, String> {
        refuse(config, "a response headers policy", &["CorsConfig", "ServerTimingHeadersConfig"])?;
        let mut own = Self::default();
        let security = config.get("SecurityHeadersConfig").cloned().unwrap_or_default();
        for (member, name, value) in [
            ("ContentSecurityPolicy", "content-security-policy", "ContentSecurityPolicy"),
            ("FrameOptions", "x-frame-options", "FrameOption"),
            ("ReferrerPolicy", "referrer-policy", "ReferrerPolicy"),
        ] {
            if let Some(header) = security.get(member) {
                own.set(name, required(header, value)?, flag(header, "Override"))?;
            }
        }
        if let Some(header) = security.get("ContentTypeOptions") {
            own.set("x-content-type-options", "nosniff", flag(header, "Override"))?;
        }
        if let Some(header) = security.get("StrictTransportSecurity") {
            let age = number(header, "AccessControlMaxAgeSec")?.ok_or("no `AccessControlMaxAgeSec`")?;
            let mut value = format!("max-age={age}");
            for (member, word) in [("IncludeSubdomains", "; includeSubDomains"), ("Preload", "; preload")] {
                if flag(header, member) {
                    value.push_str(word);
                }
            }
            own.set("strict-transport-security", &value, flag(header, "Override"))?;
        }
        if let Some(header) = security.get("XSSProtection") {
            let value = match (flag(header, "Protection"), flag(header, "ModeBlock")) {
                (true, true) => "1; mode=block",
                (true, false) => "1",
                (false, _) => "0",
            };
            own.set("x-xss-protection", value, flag(header, "Override"))?;
        }
        let items = config.pointer("/CustomHeadersConfig/Items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            own.set(required(item, "Header")?, required(item, "Value")?, flag(item, "Override"))?;
        }
        let items = config.pointer("/RemoveHeadersConfig/Items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            own.removed.push(name(required(item, "Header")?)?);
        }
        Ok(own)
    }

    fn set(&mut self, header: &str, value: &str, overrides: bool) -> Result<(), String> {
        let value = value.parse().map_err(|_| format!("value of header `{header}`: `{value}`"))?;
        self.set.push((name(header)?, value, overrides));
        Ok(())
    }

    /// Changes an answer's headers.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        for removed in &self.removed {
            headers.remove(removed);
        }
        for (name, value, overrides) in &self.set {
            if *overrides || !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
    }
}

fn name(text: &str) -> Result<HeaderName, String> {
    text.parse().map_err(|_| format!("header `{text}`"))
}

/// The methods of a behaviour, `GET` and `HEAD` unless it says more.
pub(super) fn methods(behaviour: &Value) -> Vec<String> {
    let named = list(behaviour, "AllowedMethods");
    if named.is_empty() { vec!["GET".into(), "HEAD".into()] } else { named }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn headers_are_set_kept_and_removed() {
        let config = json!({
            "SecurityHeadersConfig": {
                "ContentSecurityPolicy": { "ContentSecurityPolicy": "default-src 'none'", "Override": true },
                "ContentTypeOptions": { "Override": "true" },
                "FrameOptions": { "FrameOption": "DENY", "Override": false },
                "ReferrerPolicy": { "ReferrerPolicy": "no-referrer", "Override": true },
                "StrictTransportSecurity": {
                    "AccessControlMaxAgeSec": "63072000", "IncludeSubdomains": true, "Override": true,
                },
            },
            "CustomHeadersConfig": { "Items": [{ "Header": "Cache-Control", "Value": "no-store", "Override": true }] },
            "RemoveHeadersConfig": { "Items": [{ "Header": "Server" }] },
        });
        let policy = ResponseHeaders::parse(&config).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("server", "AmazonS3"), ("cache-control", "max-age=60"), ("x-frame-options", "SAMEORIGIN")]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        policy.apply(&mut headers);
        for (name, value) in [
            ("content-security-policy", "default-src 'none'"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "SAMEORIGIN"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(headers.get(name).and_then(|value| value.to_str().ok()), Some(value), "{name}");
        }
        assert_eq!(headers.len(), 6);
    }

    #[test]
    fn what_is_not_covered_is_refused() {
        let config = json!({ "CorsConfig": { "OriginOverride": true } });
        assert!(ResponseHeaders::parse(&config).unwrap_err().contains("`CorsConfig`"));
    }
}
