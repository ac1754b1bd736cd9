//! Start-up and the invocation loop.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures_util::FutureExt;
use lambda_runtime::{Context, LambdaEvent, Runtime, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tower::layer::layer_fn;
use tracing::Instrument;

use crate::{
    context::{Invocation, Kit},
    deadline::Deadline,
    env::{FromEnv, Vars},
    error::Error,
    event,
    init::{self, Lambda},
    log,
    long::{Answering, Slot},
    metrics::Metrics,
};

/// A Lambda function: its configuration, its events and what it does with one.
pub trait Function: Sized + Send + Sync + 'static {
    /// What it reads from environment variables; `()` if nothing.
    type Config: FromEnv;
    /// The event it is invoked with.
    type Event: DeserializeOwned + Send;
    /// What it answers.
    type Response: Serialize;

    /// The CloudWatch namespace of its metrics, such as `Eventide/FindingEnrichment`.
    const NAMESPACE: &'static str;

    /// Makes the function once per execution environment; its clients best by [`Kit::early`].
    ///
    /// # Errors
    ///
    /// An error ends the process; Lambda tries again with the next event. So does a panic, as `Environment.Panic`.
    fn build(config: Self::Config, kit: &Kit) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Handles one event.
    ///
    /// # Errors
    ///
    /// An error is logged, becomes the invocation's error and keeps the process alive. So does a panic, as
    /// `Permanent.Panic`: the same event would meet the same bug. `self` is used again afterwards.
    fn handle(
        &self,
        event: Self::Event,
        invocation: &Invocation,
    ) -> impl Future<Output = Result<Self::Response, Error>> + Send;

    /// The response as JSON. A function whose responses are long hands over the text that it has, so that it does not
    /// lie in memory twice.
    ///
    /// # Errors
    ///
    /// If the response does not serialize, which is `Permanent.InvalidResponse`.
    fn json(response: Self::Response) -> serde_json::Result<Box<RawValue>> {
        serde_json::value::to_raw_value(&response)
    }

    /// The id that ties this invocation's logs to the event's other traces: the top-level `id`, as EventBridge sets it,
    /// unless a function knows better. It is taken from the raw payload, before parsing, so that the logs of an event
    /// that does not parse have it too. In batches each record has its own ([`sqs::each`](crate::sqs::each)).
    fn correlation_id(payload: &[u8]) -> Option<String> {
        event::top_level_id(payload)
    }
}

/// Runs `F` as this process's Lambda function; the whole of `main`.
///
/// Start-up reads the configuration and builds the function. If that fails, or panics, one log line names every fault,
/// Lambda is told, and the exit code is not zero. Then it handles one event at a time for as long as Lambda lets it.
///
/// Everything runs on one thread, because an execution environment handles one event at a time and a second
/// thread would cost memory and start-up time to wait for the same network. Only what [`Kit::early`] was given is made
/// on another, which ends when that is done.
pub fn run<F: Function>() -> ExitCode {
    let mut vars = Vars::from_process();
    let lambda = Lambda::from_env(&mut vars);
    let settings = log::Settings::from_env(&mut vars);
    // The logs must work to say what else is wrong, be it these very settings.
    let lambda = lambda.unwrap_or_default();
    log::init(settings.unwrap_or_default(), &lambda.function_name, &lambda.version);
    init::report_panics();
    let started = init::guard(|| start::<F>(vars, &lambda.function_name));
    match started.and_then(|(runtime, invoker)| runtime.block_on(serve(invoker))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            init::report_failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn start<F: Function>(
    mut vars: Vars,
    function_name: &str,
) -> Result<(tokio::runtime::Runtime, Arc<Invoker<F>>), Error> {
    let config = F::Config::from_env(&mut vars);
    let kit = Kit::from_env(function_name, &mut vars);
    let (config, kit) = vars.finish(config.zip(kit))?;
    let backlog = kit.backlog().clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || backlog.rest())
        .build()
        .map_err(|error| {
            Error::environment("Runtime", "the async runtime did not start").with_source(error)
        })?;
    let function = runtime.block_on(F::build(config, &kit))?;
    Ok((runtime, Arc::new(Invoker { function, kit, warm: AtomicBool::new(false) })))
}

/// Polls for events until the Runtime API goes away.
async fn serve<F: Function>(invoker: Arc<Invoker<F>>) -> Result<(), Error> {
    // Invocations are carried out before the runtime's own handler is called, which only finds what came of them.
    let backlog = invoker.kit.backlog().clone();
    let slot = Slot::default();
    let found = slot.clone();
    let handler = service_fn(move |_: LambdaEvent<()>| {
        let found = found.clone();
        async move { found.take() }
    });
    let answering =
        layer_fn(move |runtime| Answering { invoker: Arc::clone(&invoker), slot: slot.clone(), runtime });
    backlog.polling();
    let polling = AssertUnwindSafe(async { Runtime::new(handler).layer(answering).run().await });
    match polling.catch_unwind().await {
        Ok(Ok(())) => Ok(()),
        // The cause is left out: a header that does not parse is quoted in it, and headers carry the caller's content.
        // The panic is `lambda_runtime`'s, about a header that is not there; its line is logged.
        Ok(Err(_)) | Err(_) => {
            let message = "the Lambda Runtime API failed, or sent a header that is missing or malformed";
            Err(Error::environment("RuntimeApi", message))
        }
    }
}

pub(crate) struct Invoker<F> {
    function: F,
    kit: Kit,
    warm: AtomicBool,
}

impl<F: Function> Invoker<F> {
    /// One invocation from payload to answer, with its log span and metrics around it.
    pub(crate) async fn invoke(&self, payload: Bytes, context: Context) -> Result<Box<RawValue>, Error> {
        let cold_start = !self.warm.swap(true, Ordering::Relaxed);
        let trace_id = context.xray_trace_id.as_deref().and_then(trace_root);
        let metrics = Metrics::new(F::NAMESPACE, Arc::clone(self.kit.function_name()));
        if cold_start {
            metrics.count("ColdStart", 1, &[]);
        }
        // At ERROR, so that no log level turns off what every line of the invocation must carry.
        let span = tracing::error_span!(
            "invocation",
            cold_start,
            request_id = context.request_id,
            xray_trace_id = trace_id,
            correlation_id = tracing::field::Empty,
        );
        let mut invocation = Invocation {
            request_id: context.request_id,
            deadline: Deadline::from_epoch_millis(context.deadline),
            cold_start,
            trace_id,
            correlation_id: None,
            metrics: metrics.clone(),
        };
        let in_span = span.clone();
        let work = async move {
            invocation.correlation_id = F::correlation_id(&payload);
            in_span.record("correlation_id", invocation.correlation_id.as_deref());
            let event = event::parse(&payload)?;
            drop(payload);
            let response = self.function.handle(event, &invocation).await?;
            F::json(response).map_err(|error| {
                Error::permanent("InvalidResponse", "the response does not serialize").with_source(error)
            })
        };
        let work = AssertUnwindSafe(work.instrument(span.clone())).catch_unwind().await;
        let result = work.unwrap_or_else(|_| Err(Error::permanent("Panic", "the handler panicked")));
        if let Err(error) = &result {
            let error_type = error.qualified_type();
            span.in_scope(|| tracing::error!(error_type, retryable = error.is_retryable(), "{error}"));
        }
        for line in metrics.take_lines(self.kit.clock().now()) {
            log::write_line(&line);
        }
        result
    }
}

/// The `Root` of an X-Ray trace header such as `Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1`.
fn trace_root(header: &str) -> Option<String> {
    header.split(';').find_map(|part| part.trim().strip_prefix("Root=")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_are_the_root_of_the_header() {
        let cases = [
            (
                "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
                Some("1-5759e988-bd862e3fe1be46a994272793"),
            ),
            ("Sampled=0; Root=1-a-b", Some("1-a-b")),
            ("Sampled=1", None),
            ("", None),
        ];
        for (header, root) in cases {
            assert_eq!(trace_root(header).as_deref(), root, "{header}");
        }
    }
}
