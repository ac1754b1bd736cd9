//! What every [`Connect`] does, checked against the fake and against the local cloud.

use std::collections::BTreeMap;

use eventide_kit::error::Error;

use super::{Connect, NewCall, NewChat, Standing};

/// What the checks need to be there.
#[derive(Debug)]
pub struct Given {
    /// A flow for chats and calls.
    pub flow_id: String,
    /// The id of a flow that there is not.
    pub missing_flow_id: String,
    /// A number that may be called.
    pub to: String,
    /// A number of the instance's.
    pub from: String,
    /// Voice contacts: one that waits, one that an agent has, and one that has ended.
    pub contacts: [String; 3],
    /// The id of a contact that there is not.
    pub missing_contact_id: String,
}

impl Given {
    fn chat(&self, client_token: &str) -> NewChat {
        NewChat {
            flow_id: self.flow_id.clone(),
            display_name: "Ann Ü".to_owned(),
            attributes: BTreeMap::from([("source".to_owned(), "voice-to-chat".to_owned())]),
            related_contact_id: self.contacts.first().cloned(),
            client_token: client_token.to_owned(),
            duration_minutes: 60,
            initial_message: Some("I was waiting on the telephone".to_owned()),
        }
    }

    fn call(&self, client_token: &str) -> NewCall {
        NewCall {
            flow_id: self.flow_id.clone(),
            to: self.to.clone(),
            from: Some(self.from.clone()),
            queue_id: None,
            attributes: BTreeMap::new(),
            related_contact_id: self.contacts.first().cloned(),
            client_token: client_token.to_owned(),
        }
    }
}

/// Checks all of it. The contact that waits has ended afterwards.
///
/// # Errors
/// Whatever a call that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<C: Connect>(connect: &C, given: &Given) -> Result<(), Error> {
    chats(connect, given).await?;
    limits(connect, given).await;
    calls(connect, given).await?;
    contacts(connect, given).await
}

async fn chats<C: Connect>(connect: &C, given: &Given) -> Result<(), Error> {
    let first = connect.start_chat(&given.chat("eventide-1")).await?;
    let again = connect.start_chat(&given.chat("eventide-1")).await?;
    assert_eq!(again.contact_id, first.contact_id, "the same token is the same chat");
    assert_eq!(again.participant_id, first.participant_id);
    assert!(!first.participant_token.is_empty() && !again.participant_token.is_empty());
    let second = connect.start_chat(&given.chat("eventide-2")).await?;
    assert_ne!(second.contact_id, first.contact_id);
    assert_eq!(connect.standing(&first.contact_id).await?, Standing::Waiting);
    connect.stop(&first.contact_id).await?;
    assert_eq!(connect.standing(&first.contact_id).await?, Standing::Ended);
    assert_eq!(connect.standing(&second.contact_id).await?, Standing::Waiting);

    let least = NewChat { related_contact_id: None, initial_message: None, ..given.chat("eventide-3") };
    let least = connect.start_chat(&NewChat { attributes: BTreeMap::new(), ..least }).await?;
    assert_ne!(least.contact_id, first.contact_id);
    let nowhere = NewChat { flow_id: given.missing_flow_id.clone(), ..given.chat("eventide-4") };
    assert_eq!(refused(connect.start_chat(&nowhere).await), "Environment.ResourceNotFound");
    Ok(())
}

async fn limits<C: Connect>(connect: &C, given: &Given) {
    let good = given.chat("eventide-5");
    let named = |name: &str, length| BTreeMap::from([(name.to_owned(), "x".repeat(length))]);
    for bad in [
        NewChat { display_name: String::new(), ..good.clone() },
        NewChat { display_name: "ü".repeat(257), ..good.clone() },
        NewChat { attributes: named("a", 32_768), ..good.clone() },
        NewChat { attributes: named("a b", 1), ..good.clone() },
        NewChat { client_token: "x".repeat(501), ..good.clone() },
        NewChat { duration_minutes: 59, ..good.clone() },
        NewChat { duration_minutes: 10_081, ..good.clone() },
        NewChat { initial_message: Some("x".repeat(16_385)), ..good },
    ] {
        assert_eq!(refused(connect.start_chat(&bad).await), "Permanent.InvalidRequest", "{bad:?}");
    }
}

async fn calls<C: Connect>(connect: &C, given: &Given) -> Result<(), Error> {
    let first = connect.start_call(&given.call("eventide-call-1")).await?;
    assert_eq!(connect.start_call(&given.call("eventide-call-1")).await?, first);
    assert_ne!(connect.start_call(&given.call("eventide-call-2")).await?, first);
    let nowhere = NewCall { flow_id: given.missing_flow_id.clone(), ..given.call("eventide-call-3") };
    assert_eq!(refused(connect.start_call(&nowhere).await), "Environment.ResourceNotFound");
    Ok(())
}

async fn contacts<C: Connect>(connect: &C, given: &Given) -> Result<(), Error> {
    let [waiting, with_agent, ended] = &given.contacts;
    let missing = &given.missing_contact_id;
    for (contact, expected) in [
        (waiting, Standing::Waiting),
        (with_agent, Standing::WithAgent),
        (ended, Standing::Ended),
        (missing, Standing::Ended),
    ] {
        assert_eq!(connect.standing(contact).await?, expected, "{contact}");
    }
    for contact in [waiting, waiting, ended, missing] {
        connect.stop(contact).await?;
        assert_eq!(connect.standing(contact).await?, Standing::Ended, "{contact}");
    }
    Ok(())
}

fn refused<T>(result: Result<T, Error>) -> String {
    result.err().map(|error| error.qualified_type()).unwrap_or_default()
}
