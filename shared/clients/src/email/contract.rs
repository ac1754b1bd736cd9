//! What every [`Email`] does, checked against the fake and against the local cloud.

use std::collections::BTreeSet;

use eventide_kit::error::Error;

use super::{Email, Mail, Sent};

/// Checks all of it. `mail` can be sent as it is, and has text and HTML. `accepted` tells recipient and subject of the
/// email that was accepted under an id.
///
/// # Errors
/// Whatever a call that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<E, A>(email: &E, mail: &Mail, accepted: A) -> Result<(), Error>
where
    E: Email,
    A: AsyncFn(String) -> Option<(String, String)>,
{
    let quota = email.quota().await?;
    assert!(quota.max_per_second > 0.0 && quota.sending_enabled, "{quota:?}");

    let variants = [
        mail.clone(),
        mail.clone(),
        Mail { html: None, subject: "Größe \u{1F600}".to_owned(), ..mail.clone() },
        Mail { text: None, ..mail.clone() },
    ];
    let mut ids = BTreeSet::new();
    for mail in &variants {
        let id = match email.send(mail).await? {
            Sent::Accepted { message_id } => message_id,
            other => {
                return Err(Error::permanent("NotAccepted", format!("expected to be accepted: {other:?}")));
            }
        };
        assert!(ids.insert(id.clone()), "each has an id of its own");
        let expected = Some((mail.to.clone(), mail.subject.clone()));
        assert!(accepted(id).await == expected, "it is what was handed over");
    }

    let headers = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for bad in [
        Mail { text: None, html: None, ..mail.clone() },
        Mail { headers: headers("X-Note", "a\r\nBcc: b@example.com"), ..mail.clone() },
        Mail { headers: headers("X Note", "a"), ..mail.clone() },
        Mail { headers: headers("X-Note", &"a".repeat(996)), ..mail.clone() },
        Mail { headers: vec![("X-Note".to_owned(), "a".to_owned()); 16], ..mail.clone() },
    ] {
        let sent = email.send(&bad).await?;
        assert!(matches!(sent, Sent::Refused { .. }), "{sent:?} for {bad:?}");
    }
    Ok(())
}
