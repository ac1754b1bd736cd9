//! The events of a function that has a queue and a schedule.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::parse;
use crate::error::Error;
use crate::sqs::SqsEvent;

/// What wakes a function that a queue feeds and that a schedule sends to look after what is overdue.
#[derive(Debug)]
pub enum Trigger {
    /// Messages of the queue.
    Queue(SqsEvent),
    /// The schedule, whose input is `{"sweep": true}`.
    Sweep,
}

impl Trigger {
    /// Reads an event: a batch if it has `Records`, else the schedule's input. Other members do not matter.
    ///
    /// # Errors
    ///
    /// As [`parse`]; `Permanent.InvalidEvent` too if the event is neither a batch nor `{"sweep": true}`.
    pub fn read(event: &RawValue) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Form {
            #[serde(rename = "Records")]
            records: Option<IgnoredAny>,
            sweep: Option<bool>,
        }

        let payload = event.get().as_bytes();
        match parse(payload)? {
            Form { records: Some(_), .. } => parse(payload).map(Self::Queue),
            Form { sweep: Some(true), .. } => Ok(Self::Sweep),
            Form { .. } => Err(Error::permanent(
                "InvalidEvent",
                "event does not parse: expected a batch of SQS or `{\"sweep\": true}`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(event: &str) -> Result<Trigger, Error> {
        let event: Box<RawValue> = serde_json::from_str(event).expect("an event of the test is JSON");
        Trigger::read(&event)
    }

    #[test]
    fn an_event_is_a_batch_or_a_sweep() {
        let batch = read(r#"{"Records": [{"messageId": "m-1", "body": "b"}], "sweep": true}"#);
        assert!(matches!(batch, Ok(Trigger::Queue(batch)) if batch.records.len() == 1));
        assert!(matches!(read(r#"{"Records": []}"#), Ok(Trigger::Queue(batch)) if batch.records.is_empty()));
        for event in
            [r#"{"sweep": true}"#, r#"{"sweep": true, "more": 1}"#, r#"{"Records": null, "sweep": true}"#]
        {
            assert!(matches!(read(event), Ok(Trigger::Sweep)), "{event}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_without_its_content() {
        let neither = ": expected a batch of SQS or `{\"sweep\": true}`";
        for (event, expected) in [
            ("{}", neither),
            (r#"{"sweep": false}"#, neither),
            (r#"{"sweep": null}"#, neither),
            (r#"{"detail-type": "secret"}"#, neither),
            (r#"{"sweep": "secret"}"#, " at `sweep`: expected a boolean"),
            (r#"{"Records": "secret"}"#, " at `Records`: expected a sequence"),
            (r#""secret""#, ": expected struct Form"),
        ] {
            let error = read(event).expect_err("is neither");
            assert_eq!(error.qualified_type(), "Permanent.InvalidEvent", "{event}");
            assert_eq!(error.to_string(), format!("event does not parse{expected}"), "{event}");
        }
        assert!(read("[]").is_err());
    }
}
