//! What every [`Queue`] does, checked against the fake and against the local cloud.

use eventide_kit::error::{Class, Error};

use super::{Outgoing, Queue};

/// Checks all of it, on an empty queue. `received` takes what can be received now off the queue, in any order and
/// without delays, waiting for at least `expected` messages.
///
/// # Errors
/// Whatever a send that should succeed fails with.
///
/// # Panics
/// If the implementation breaks the contract.
pub async fn check<Q, R>(queue: &Q, received: R) -> Result<(), Error>
where
    Q: Queue,
    R: AsyncFn(usize) -> Vec<Outgoing>,
{
    assert!(queue.send(Vec::new()).await?.is_empty(), "nothing to send");

    let message = |number: usize| Outgoing {
        body: format!("{{\"number\":{number},\"text\":\"ü\"}}"),
        delay_seconds: 0,
        attributes: [("number".to_owned(), number.to_string()), ("kind".to_owned(), "test".to_owned())]
            .into(),
    };
    let messages: Vec<_> = (0..23).map(message).collect();
    let mut ids = queue.send(messages.clone()).await?.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(ids.len(), messages.len());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), messages.len(), "each message has an id of its own");
    assert_eq!(by_body(received(messages.len()).await), by_body(messages), "all of them, as they were sent");

    let with_bad_ones = vec![
        message(0),
        Outgoing { body: "x".repeat(1_048_577), ..Outgoing::default() },
        Outgoing { delay_seconds: 901, ..message(1) },
        Outgoing::default(),
        message(2),
    ];
    let results = queue.send(with_bad_ones).await?;
    let classes: Vec<_> = results.iter().map(|result| result.as_ref().err().map(Error::class)).collect();
    let permanent = Some(Class::Permanent);
    assert_eq!(classes, [None, permanent, permanent, permanent, None]);
    assert_eq!(by_body(received(2).await), by_body(vec![message(0), message(2)]), "the good ones");
    Ok(())
}

fn by_body(mut messages: Vec<Outgoing>) -> Vec<Outgoing> {
    messages.sort_unstable_by(|a, b| a.body.cmp(&b.body));
    messages
}
