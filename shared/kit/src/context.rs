//! What a function is given: the kit once, at start-up, and an invocation each time it is called.

use std::sync::Arc;

use crate::{
    clock::{Clock, SystemClock},
    deadline::Deadline,
    early::{Backlog, Early},
    env::Vars,
    metrics::Metrics,
};

/// What [`Function::build`](crate::Function::build) makes clients from, once per execution environment.
#[derive(Debug, Clone)]
pub struct Kit {
    function_name: Arc<str>,
    clock: Arc<dyn Clock>,
    backlog: Backlog,
    #[cfg(feature = "aws")]
    sdk_config: aws_types::SdkConfig,
}

impl Kit {
    /// The kit of this process; `None` if a fault was recorded in `vars`.
    #[cfg_attr(not(feature = "aws"), expect(unused_variables, reason = "only the SDK is configured"))]
    pub(crate) fn from_env(function_name: &str, vars: &mut Vars) -> Option<Self> {
        let backlog = Backlog::default();
        Some(Self {
            function_name: function_name.into(),
            clock: Arc::new(SystemClock),
            #[cfg(feature = "aws")]
            sdk_config: crate::aws::configure(vars, &backlog)?,
            backlog,
        })
    }

    /// A kit with `vars` for an environment and this clock, for tests of [`Function::build`](crate::Function::build).
    ///
    /// # Errors
    ///
    /// What the kit needs of the environment and does not find there: with the feature `aws`, what
    /// `aws::sdk_config` reads.
    #[cfg(any(test, feature = "testing"))]
    pub fn for_tests(
        function_name: &str,
        mut vars: Vars,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, crate::env::ConfigError> {
        let kit = Self::from_env(function_name, &mut vars).map(|kit| Self { clock, ..kit });
        vars.finish(kit)
    }

    /// The name of the Lambda function.
    pub fn function_name(&self) -> &Arc<str> {
        &self.function_name
    }

    /// The clock to give to whatever needs the time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// A value that is made once, while the function polls for its first event, or when it is first needed: clients
    /// and what holds them.
    pub fn early<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T + Send + 'static) -> Early<T> {
        Early::queued(&self.backlog, make)
    }

    pub(crate) fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// The configuration that every AWS client shares, and with it one HTTP client.
    #[cfg(feature = "aws")]
    pub fn sdk_config(&self) -> &aws_types::SdkConfig {
        &self.sdk_config
    }

    /// The same configuration, HTTP client included, for another Region.
    #[cfg(feature = "aws")]
    pub fn sdk_config_for_region(&self, region: &str) -> aws_types::SdkConfig {
        crate::aws::for_region(&self.sdk_config, region)
    }
}

/// One call of the function.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Invocation {
    /// Lambda's id of this invocation; a retry of an asynchronous event has the same one.
    pub request_id: String,
    /// When Lambda ends the invocation.
    pub deadline: Deadline,
    /// Whether this is the first invocation of its execution environment.
    pub cold_start: bool,
    /// The root of the X-Ray trace, `1-…`, if the invocation has one.
    pub trace_id: Option<String>,
    /// What [`Function::correlation_id`](crate::Function::correlation_id) found in the event.
    pub correlation_id: Option<String>,
    /// Where measurements go; they are written out when the invocation ends, well or badly.
    pub metrics: Metrics,
}

impl Invocation {
    /// A warm invocation that ends at `deadline`, for tests of handlers. What it measures can be read with
    /// [`Metrics::sum`].
    #[cfg(any(test, feature = "testing"))]
    pub fn for_tests(request_id: &str, deadline: Deadline) -> Self {
        Self {
            request_id: request_id.to_owned(),
            deadline,
            cold_start: false,
            trace_id: None,
            correlation_id: None,
            metrics: Metrics::new("Test", "test"),
        }
    }
}
