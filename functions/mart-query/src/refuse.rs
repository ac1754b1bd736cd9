//! What is said to whoever asked by event for what is not carried out.
//!
//! Nobody reads the answer to an event. So who asked is told by `Data Mart Failed`, as of every other failure, and the
//! event goes into the failed queue with the reason, where somebody looks: a schedule of a mart that was renamed would
//! fail unnoticed, where nobody listens for the one or the other. Then the event is dealt with. As an error it would come
//! back twice, be refused for the same reason, and be told of each time.

use std::collections::BTreeMap;

use eventide_clients::event_bus::{Event as BusEvent, EventBus as _};
use eventide_kit::sqs::{DeadLetters as _, Record as Message};
use eventide_kit::{Class, Error, Invocation};
use eventide_types::mart::delivery::{Failed, SOURCE, event};

use crate::answer::{Refusal, Response};
use crate::event::{Asked, Event};
use crate::query::{MartQuery, Ports};

/// Why a request is not accepted.
pub(crate) struct Refused {
    pub(crate) error: Error,
    /// The team behind the mart, where the mart is known.
    pub(crate) owner: Option<String>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, owner: None }
    }
}

impl<P: Ports> MartQuery<P> {
    /// A request that came as `event`.
    pub(crate) async fn ask_by_event(
        &self,
        event: &Event,
        asked: Asked,
        invocation: &Invocation,
    ) -> Result<Response, Error> {
        let (mart, request_id) = (asked.request.mart.clone(), asked.request.request_id.clone());
        let Refused { error, owner } = match self.take(asked, invocation).await {
            Ok((record, mart)) => {
                return self.carry_on(record, &mart, invocation).await.map(Response::Direct);
            }
            Err(refused) => refused,
        };
        if error.class() != Class::Permanent {
            return Err(error);
        }
        let failed = Failed {
            mart,
            owner,
            request_id,
            // There is no request that it could lead to, or another one.
            token: None,
            statement_id: None,
            error_class: error.error_type().to_owned(),
            reason: error.to_string(),
            warehouse_error: None,
        };
        self.ports.event_bus().send(&BusEvent::new(SOURCE, event::FAILED, &failed)?).await?;
        let letter = Message {
            message_id: invocation.request_id.clone(),
            body: event.get().to_owned(),
            receive_count: 1,
            sent_at: None,
            group: None,
            attributes: BTreeMap::new(),
        };
        self.ports.dead_letters().send(&letter, &error).await?;
        tracing::error!(error_type = error.qualified_type(), "request refused");
        invocation.metrics.count("RequestsRefused", 1, &[("Reason", error.error_type())]);
        Ok(Response::Refused(Refusal::from(&error)))
    }
}
