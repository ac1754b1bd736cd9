//! The one error a handler returns: what went wrong, whose fault it is, and what should happen next.

use std::{borrow::Cow, fmt};

use lambda_runtime::Diagnostic;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Whose fault an error is, which decides what happens to the record or event that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The same input fails again however often it is tried: set it aside for a person.
    Permanent,
    /// The same input may succeed later: throttling, a time-out, a server error.
    Retryable,
    /// Not the input's fault: configuration, a missing permission, a dependency that is down. Every other
    /// record would meet it too, so a batch stops at once and is tried again later.
    Environment,
}

impl Class {
    /// The first half of a [`Diagnostic`]'s `error_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "Permanent",
            Self::Retryable => "Retryable",
            Self::Environment => "Environment",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure with a [`Class`] and a stable type.
///
/// `Display` gives the message and its causes, joined by colons. Messages are lower case without a full stop,
/// name the offending thing in backticks and say what was expected; they must never quote the content of an event,
/// because they are logged, put on queues and returned to callers.
///
/// ```
/// use eventide_kit::error::{Class, Error};
///
/// let error = Error::retryable("Throttled", "`StartInvestigation` was throttled");
/// assert_eq!(error.class(), Class::Retryable);
/// assert_eq!(error.to_string(), "`StartInvestigation` was throttled");
/// assert_eq!(lambda_runtime::Diagnostic::from(error).error_type, "Retryable.Throttled");
/// ```
#[derive(Debug)]
pub struct Error {
    class: Class,
    error_type: Cow<'static, str>,
    message: String,
    source: Option<Source>,
}

impl Error {
    /// An error of `class`. `error_type` is a stable name in UpperCamelCase, such as `InvalidEvent`, that alarms,
    /// dead-letter attributes and state machines may match on.
    pub fn new(class: Class, error_type: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { class, error_type: error_type.into(), message: message.into(), source: None }
    }

    /// An error that the same input meets every time.
    pub fn permanent(error_type: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Class::Permanent, error_type, message)
    }

    /// An error that may be gone at the next attempt.
    pub fn retryable(error_type: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Class::Retryable, error_type, message)
    }

    /// An error that is not the input's fault and would meet any other input as well.
    pub fn environment(error_type: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Class::Environment, error_type, message)
    }

    /// Adds the cause. Its `Display` becomes part of this error's, so it must be free of event content too.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whose fault it is.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The stable name, such as `InvalidEvent`, without the class.
    pub fn error_type(&self) -> &str {
        &self.error_type
    }

    /// Whether another attempt with the same input can succeed, which is so for every class but
    /// [`Class::Permanent`].
    pub fn is_retryable(&self) -> bool {
        self.class != Class::Permanent
    }

    /// Class and type as they appear in a [`Diagnostic`], in logs and in dead letters: `Permanent.InvalidEvent`.
    pub fn qualified_type(&self) -> String {
        format!("{}.{}", self.class, self.error_type)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            // A nested `Error` has already written its own causes.
            cause = if error.is::<Self>() { None } else { error.source() };
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// `error_type` is `Permanent.…`, `Retryable.…` or `Environment.…` followed by the error's own type. Both halves are
/// stable: Step Functions' `ErrorEquals`, alarms and on-failure destinations may match on them.
impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: error.qualified_type(), error_message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostics_carry_class_and_type() {
        let cases = [
            (Error::permanent("InvalidEvent", "x"), "Permanent.InvalidEvent", false),
            (Error::retryable("Throttled", "x"), "Retryable.Throttled", true),
            (Error::environment("AccessDenied", "x"), "Environment.AccessDenied", true),
        ];
        for (error, error_type, retryable) in cases {
            assert_eq!(error.is_retryable(), retryable, "{error_type}");
            assert_eq!(Diagnostic::from(error).error_type, error_type);
        }
    }

    #[test]
    fn causes_are_chained_once_each() {
        let io = std::io::Error::other("connection reset");
        let inner = Error::environment("Unreachable", "`sqs:SendMessage` did not answer").with_source(io);
        let outer = Error::retryable("NotQueued", "the finding was not queued").with_source(inner);
        assert_eq!(
            outer.to_string(),
            "the finding was not queued: `sqs:SendMessage` did not answer: connection reset"
        );
    }
}
