//! Names of statements, and the event that tells of their end.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the names of statements begin that answer a request: `eventide/query/<mart>/<token>`. The rules of the template
/// match these prefixes.
pub const QUERY: &str = "eventide/query/";
/// How the names of statements begin that deploy a mart: `eventide/deploy/<mart>/<step>/<digest>`.
pub const DEPLOY: &str = "eventide/deploy/";
/// How the names of statements begin that refresh a mart: `eventide/refresh/<mart>/<run>`.
pub const REFRESH: &str = "eventide/refresh/";

/// The `detail-type` of the event.
pub const STATUS_CHANGE: &str = "Redshift Data Statement Status Change";
/// The `source` of the event.
pub const SOURCE: &str = "aws.redshift-data";

/// What a statement's name says: whose it is, and where its end leads.
///
/// ```
/// use eventide_types::mart::statement::StatementName;
///
/// let name = StatementName::Query { mart: "rates".into(), token: "4f1c".into() };
/// assert_eq!(name.to_string(), "eventide/query/rates/4f1c");
/// assert_eq!(StatementName::parse("eventide/query/rates/4f1c"), Some(name));
/// assert_eq!(StatementName::parse("nightly-load"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementName {
    /// It answers a request.
    Query {
        /// The mart's name.
        mart: String,
        /// The request's token.
        token: String,
    },
    /// It is a step of a mart's deployment.
    Deploy {
        /// The mart's name.
        mart: String,
        /// The step.
        step: String,
        /// The digest of the mart's file.
        digest: String,
    },
    /// It refreshes a mart.
    Refresh {
        /// The mart's name.
        mart: String,
        /// What tells this refresh from others.
        run: String,
    },
}

impl StatementName {
    /// Reads a name. `None`: the statement is not one of ours.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix(QUERY) {
            let [mart, token] = parts(rest)?;
            return Some(Self::Query { mart, token });
        }
        if let Some(rest) = name.strip_prefix(DEPLOY) {
            let [mart, step, digest] = parts(rest)?;
            return Some(Self::Deploy { mart, step, digest });
        }
        let [mart, run] = parts(name.strip_prefix(REFRESH)?)?;
        Some(Self::Refresh { mart, run })
    }

    /// The mart that the statement works for.
    pub fn mart(&self) -> &str {
        match self {
            Self::Query { mart, .. } | Self::Deploy { mart, .. } | Self::Refresh { mart, .. } => mart,
        }
    }
}

/// Exactly `N` parts between slashes, none of them empty.
fn parts<const N: usize>(text: &str) -> Option<[String; N]> {
    let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
    parts.try_into().ok().filter(|parts: &[String; N]| parts.iter().all(|part| !part.is_empty()))
}

impl fmt::Display for StatementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query { mart, token } => write!(f, "{QUERY}{mart}/{token}"),
            Self::Deploy { mart, step, digest } => write!(f, "{DEPLOY}{mart}/{step}/{digest}"),
            Self::Refresh { mart, run } => write!(f, "{REFRESH}{mart}/{run}"),
        }
    }
}

/// An event `Redshift Data Statement Status Change` (Redshift Management Guide, "Monitoring events for the Amazon
/// Redshift Data API in Amazon EventBridge"). It says nothing about why a statement failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// The event's id.
    #[serde(default)]
    pub id: String,
    /// What happened.
    pub detail: Ended,
}

/// The `detail` of a [`StatusChange`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// The statement's id.
    pub statement_id: String,
    /// The statement's name; empty if it has none.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub statement_name: String,
    /// How it ended.
    pub state: EndState,
    /// ARN of who submitted it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub principal: String,
    /// Redshift's own id of the query; `None` where the event says -1.
    #[serde(default, with = "lenient::count")]
    pub redshift_query_id: Option<u64>,
    /// Rows of the result; `None` where the event says -1.
    #[serde(default, with = "lenient::count")]
    pub rows: Option<u64>,
    /// When the result expires, in seconds since 1970.
    #[serde(default, with = "lenient::count")]
    pub expire_at: Option<u64>,
}

impl Ended {
    /// What the statement's name says. `None`: it is not one of ours.
    pub fn name(&self) -> Option<StatementName> {
        StatementName::parse(&self.statement_name)
    }
}

/// How a statement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EndState {
    /// It succeeded.
    Finished,
    /// It failed.
    Failed,
    /// It was cancelled.
    Aborted,
}

/// Members that may be null or say -1 for "none".
mod lenient {
    use serde::{Deserialize, Deserializer};

    pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: Deserialize<'de> + Default,
    {
        Ok(Option::deserialize(deserializer)?.unwrap_or_default())
    }

    pub(super) mod count {
        use serde::{Deserialize, Deserializer, Serializer};

        pub(in super::super) fn serialize<S: Serializer>(
            value: &Option<u64>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => serializer.serialize_u64(*value),
                None => serializer.serialize_i64(-1),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<u64>, D::Error> {
            let value: Option<i64> = Option::deserialize(deserializer)?;
            Ok(value.and_then(|value| u64::try_from(value).ok()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn only_our_names_are_read() {
        for other in [
            "",
            "eventide/query/",
            "eventide/query/m",
            "eventide/query//t",
            "eventide/query/m/",
            "eventide/query/m/t/x",
            "eventide/deploy/m/s",
            "eventide/deploy/m/s/d/x",
            "eventide/refresh/m",
            "eventide/other/m/t",
            " eventide/query/m/t",
        ] {
            assert_eq!(StatementName::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn names_are_read_as_they_were_written(which in 0..3, a in "[^/]{1,9}", b in "[^/]{1,9}", c in "[^/]{1,9}") {
            let name = match which {
                0 => StatementName::Query { mart: a.clone(), token: b },
                1 => StatementName::Deploy { mart: a.clone(), step: b, digest: c },
                _ => StatementName::Refresh { mart: a.clone(), run: b },
            };
            prop_assert_eq!(name.mart(), &a);
            prop_assert_eq!(StatementName::parse(&name.to_string()), Some(name));
        }
    }

    /// The sample of the Management Guide, with a name of ours.
    fn sample() -> serde_json::Value {
        json!({
            "version": "0",
            "id": "18e7079c-dd49-dd64-caf9-e5a31640dab0",
            "detail-type": STATUS_CHANGE,
            "source": SOURCE,
            "account": "111122223333",
            "time": "2026-11-01T21:14:26Z",
            "region": "us-east-1",
            "resources": ["arn:aws:redshift:us-east-1:111122223333:cluster:t44"],
            "detail": {
                "principal": "arn:aws:iam::111122223333:role/query",
                "statementName": "eventide/query/rates/4f1c",
                "statementId": "dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a",
                "redshiftQueryId": -1,
                "state": "FINISHED",
                "rows": 1,
                "expireAt": 1_793_653_266
            }
        })
    }

    #[test]
    fn the_event_is_read_and_its_detail_written_as_it_was() {
        let event: StatusChange = serde_json::from_value(sample()).unwrap();
        assert_eq!(event.id, "18e7079c-dd49-dd64-caf9-e5a31640dab0");
        assert_eq!(event.detail.statement_id, "dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a");
        assert_eq!(event.detail.state, EndState::Finished);
        assert_eq!((event.detail.redshift_query_id, event.detail.rows), (None, Some(1)));
        let name = StatementName::Query { mart: "rates".to_owned(), token: "4f1c".to_owned() };
        assert_eq!(event.detail.name(), Some(name));
        assert_eq!(serde_json::to_value(&event.detail).unwrap(), sample()["detail"]);
    }

    #[test]
    fn only_id_and_state_are_needed() {
        for (detail, expected) in [
            (json!({"statementId": "i", "state": "ABORTED"}), Some(EndState::Aborted)),
            (
                json!({"statementId": "i", "state": "FAILED", "statementName": null, "principal": null, "rows": null,
                    "redshiftQueryId": null, "expireAt": null, "new": {}}),
                Some(EndState::Failed),
            ),
            (json!({"statementId": "i", "state": "STARTED"}), None),
            (json!({"state": "FAILED"}), None),
        ] {
            let ended = serde_json::from_value::<Ended>(detail.clone()).ok();
            assert_eq!(ended.as_ref().map(|ended| ended.state), expected, "{detail}");
            assert_eq!(ended.and_then(|ended| ended.name()), None);
        }
    }
}
