//! What mart-query and mart-deliver tell each other through their queues.

use serde::{Deserialize, Serialize};

/// To mart-query: a request is to be submitted (again).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postponed {
    /// The request's token.
    pub token: String,
    /// How often Redshift has had no room for it.
    pub refusals: u32,
}

/// To mart-deliver: a result is to be delivered or, with an error, there will be none. Events of statements that ended
/// come through the same queue; they have a `detail`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The request's token.
    pub token: String,
    /// A stable name of the kind of failure, if the request could not be submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_class: Option<String>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Delivery {
    /// A result is to be delivered.
    pub fn of(token: &str) -> Self {
        Self { token: token.to_owned(), error_class: None, reason: String::new() }
    }
}

impl std::fmt::Debug for Delivery {
    /// Without the reason, which may be content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("token", &self.token)
            .field("error_class", &self.error_class)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_messages_keep_their_shape() {
        let failed = Delivery {
            error_class: Some("NotSubmitted".into()),
            reason: "too late".into(),
            ..Delivery::of("4f1c")
        };
        for (message, shape) in [
            (
                serde_json::to_value(Postponed { token: "4f1c".into(), refusals: 2 }),
                json!({"token": "4f1c", "refusals": 2}),
            ),
            (serde_json::to_value(Delivery::of("4f1c")), json!({"token": "4f1c"})),
            (
                serde_json::to_value(&failed),
                json!({"token": "4f1c", "errorClass": "NotSubmitted", "reason": "too late"}),
            ),
        ] {
            assert_eq!(message.unwrap_or(Value::Null), shape);
        }
        let read: Delivery = serde_json::from_value(json!({"token": "4f1c"})).unwrap();
        assert_eq!(read, Delivery::of("4f1c"));
    }
}
