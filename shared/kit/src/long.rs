//! Long answers.
//!
//! `lambda_runtime` copies an answer into the request that brings it to Lambda, so that one of 6 MB would lie in memory
//! twice. Long answers are sent from here, as they are; all others and all errors are left to the runtime.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, Method};
use lambda_runtime::{LambdaInvocation, Service};
use lambda_runtime_api_client::{BoxError, PooledClient, body::Body, build_request};
use serde_json::value::RawValue;

use crate::{
    error::Error,
    run::{Function, Invoker},
};

/// Answers of so many bytes and more are long.
const LONG: usize = 1_000_000;
/// What comes with an event and has to go back with its answer.
const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");

/// What an invocation came to.
pub(crate) type Outcome = Result<Box<RawValue>, Error>;

/// Where the runtime finds what it is to send.
#[derive(Clone)]
pub(crate) struct Slot(Arc<Mutex<Outcome>>);

impl Default for Slot {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Ok(RawValue::NULL.to_owned()))))
    }
}

impl Slot {
    fn put(&self, outcome: Outcome) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    }

    /// What was put in last, once.
    pub(crate) fn take(&self) -> Outcome {
        let mut outcome = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *outcome, Ok(RawValue::NULL.to_owned()))
    }
}

/// Has invocations carried out, and answers itself where the answer is long. `S` is the runtime, which sends what it
/// finds in the slot.
pub(crate) struct Answering<F, S> {
    pub(crate) invoker: Arc<Invoker<F>>,
    pub(crate) slot: Slot,
    pub(crate) runtime: S,
}

impl<F, S> Service<LambdaInvocation> for Answering<F, S>
where
    F: Function,
    S: Service<LambdaInvocation, Response = (), Error = BoxError>,
    S::Future: 'static,
{
    type Response = ();
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<(), BoxError>>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.runtime.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        // The runtime parses a payload itself, and its errors quote the content. So it is given `null`.
        let payload = std::mem::replace(&mut invocation.body, Bytes::from_static(b"null"));
        let context = invocation.context.clone();
        let id = invocation.parts.headers.get(&INVOCATION_ID).cloned();
        let (invoker, slot) = (Arc::clone(&self.invoker), self.slot.clone());
        // Nothing of it happens before it is awaited.
        let runtime = self.runtime.call(invocation);
        Box::pin(async move {
            let path = format!("/2018-06-01/runtime/invocation/{}/response", context.request_id);
            match invoker.invoke(payload, context).await {
                Ok(answer) if answer.get().len() >= LONG => {
                    let mut request = build_request().method(Method::POST).uri(path);
                    if let Some(id) = id {
                        request = request.header(INVOCATION_ID, id);
                    }
                    send(request.body(Body::from(Box::<str>::from(answer).into_string()))?).await
                }
                outcome => {
                    slot.put(outcome);
                    runtime.await
                }
            }
        })
    }
}

/// Sends an answer on a connection of its own: by the time of the next long one it may have been frozen for hours.
async fn send(request: http::Request<Body>) -> Result<(), BoxError> {
    let client = PooledClient::builder().with_pool_size(0).build();
    let status = client.call(request).await?.status();
    if !status.is_success() {
        // As of other answers: the next event is served.
        tracing::error!(status = status.as_u16(), "the Lambda Runtime API refused the answer");
    }
    Ok(())
}
