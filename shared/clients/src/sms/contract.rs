//! What every [`Sms`] does, checked against the fake and against the local cloud.

use std::collections::BTreeSet;

use eventide_kit::error::Error;

use super::{OPTED_OUT, Sent, Sms, TextMessage};

/// Checks all of it. `message` can be sent as it is; `opted_out` is the number of somebody who has opted out. `accepted`
/// tells recipient and text of the message that was accepted under an id.
///
/// # Errors
/// Whatever a call that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<S, A>(sms: &S, message: &TextMessage, opted_out: &str, accepted: A) -> Result<(), Error>
where
    S: Sms,
    A: AsyncFn(String) -> Option<(String, String)>,
{
    let mut ids = BTreeSet::new();
    for body in [message.body.as_str(), message.body.as_str(), "Größe \u{1F600}"] {
        let message = TextMessage { body: body.to_owned(), ..message.clone() };
        let id = match sms.send(&message).await? {
            Sent::Accepted { message_id } => message_id,
            other => {
                return Err(Error::permanent("NotAccepted", format!("expected to be accepted: {other:?}")));
            }
        };
        assert!(ids.insert(id.clone()), "each has an id of its own");
        let expected = Some((message.to, message.body));
        assert!(accepted(id).await == expected, "it is what was handed over");
    }
    let to_nobody = TextMessage { to: opted_out.to_owned(), ..message.clone() };
    assert_eq!(sms.send(&to_nobody).await?, Sent::Refused { reason: OPTED_OUT.to_owned() });
    for body in [" \n".to_owned(), "x".repeat(1_601)] {
        let sent = sms.send(&TextMessage { body, ..message.clone() }).await?;
        assert!(matches!(sent, Sent::Refused { .. }), "{sent:?}");
    }
    Ok(())
}
