//! What every [`EventBus`] does, checked against the fake and against the local cloud.

use eventide_kit::error::Error;
use serde_json::json;

use super::{Event, EventBus};

/// Checks all of it, on a bus without events. `received` takes the events off that came through, in any order, waiting
/// for at least `expected`.
///
/// # Errors
/// Whatever a send that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<B, R>(bus: &B, received: R) -> Result<(), Error>
where
    B: EventBus,
    R: AsyncFn(usize) -> Vec<Event>,
{
    let event = Event {
        source: "eventide.data-marts".to_owned(),
        detail_type: "Data Mart Ready".to_owned(),
        detail: json!({"mart": "rates", "rows": 18_446_744_073_709_551_615_u64, "text": "ü \"quoted\"", "none": null}),
        resources: vec!["arn:aws:s3:::results/a".to_owned()],
    };
    bus.send(&event).await?;
    assert_eq!(received(1).await, std::slice::from_ref(&event), "as it was sent");

    let larger = Event { detail: json!({"text": "x".repeat(1_048_576)}), ..event.clone() };
    let array = Event { detail: json!([1]), ..event.clone() };
    for (bad, expected) in [(larger, "Permanent.EventTooLarge"), (array, "Permanent.InvalidEvent")] {
        let refused = bus.send(&bad).await.err().map(|error| error.qualified_type());
        assert_eq!(refused.as_deref(), Some(expected));
    }
    bus.send(&event).await?;
    assert_eq!(received(1).await, [event], "and none of those refused");
    Ok(())
}
