//! Logs as JSON lines on standard output, written by a small `tracing` layer.
//!
//! Every line has `timestamp`, `level`, `message`, `function`, `version` and `target`; within an invocation also
//! `cold_start`, `request_id`, `xray_trace_id` and `correlation_id`. Fields of the event and of all spans around it
//! stand beside them at the top level; of two fields of one name the inner one counts.

use std::{
    fmt::{self, Write as _},
    io::Write as _,
    str::FromStr,
    sync::Arc,
};

use serde_json::Value;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

use crate::env::{FromEnv, Vars};

/// Longest text of one field, in characters: a log line is no place for a payload.
const LONGEST_TEXT: usize = 2048;

/// Crates that are part of the machinery. Below WARN they are of interest only when everything is (`TRACE`), and
/// never at TRACE itself: there the SDK writes down whole response bodies.
const MACHINERY: [&str; 10] = [
    "h2",
    "hyper",
    "hyper_rustls",
    "hyper_util",
    "lambda_runtime",
    "lambda_runtime_api_client",
    "rustls",
    "tokio",
    "tower",
    "want",
];

/// How the SDK's crates begin.
const SDK: [&str; 6] =
    ["aws_credential_types", "aws_runtime", "aws_sdk_", "aws_sigv4", "aws_smithy_", "aws_types"];

fn is_machinery(target: &str) -> bool {
    let krate = target.split("::").next().unwrap_or(target);
    MACHINERY.contains(&krate) || SDK.iter().any(|prefix| krate.starts_with(prefix))
}

/// The runtime's own report of a failed invocation. [`run`](crate::run) has reported it already, with its fields.
const REPORTED: &str = "lambda_runtime::layers::panic";

const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// What Lambda's logging configuration of the function says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    level: Threshold,
    format: Format,
}

impl Default for Settings {
    fn default() -> Self {
        Self { level: Threshold(LevelFilter::INFO), format: Format::Json }
    }
}

impl FromEnv for Settings {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let Self { level, format } = Self::default();
        let level = vars.optional("AWS_LAMBDA_LOG_LEVEL", "TRACE, DEBUG, INFO, WARN, ERROR or FATAL", level);
        let format = vars.optional("AWS_LAMBDA_LOG_FORMAT", "JSON or Text", format);
        Some(Self { level: level?, format: format? })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Threshold(LevelFilter);

impl FromStr for Threshold {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let level = match text.to_ascii_uppercase().as_str() {
            "TRACE" => LevelFilter::TRACE,
            "DEBUG" => LevelFilter::DEBUG,
            "INFO" => LevelFilter::INFO,
            "WARN" => LevelFilter::WARN,
            // `tracing` knows nothing more severe than an error.
            "ERROR" | "FATAL" => LevelFilter::ERROR,
            _ => return Err(()),
        };
        Ok(Self(level))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Text,
}

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_uppercase().as_str() {
            "JSON" => Ok(Self::Json),
            "TEXT" => Ok(Self::Text),
            _ => Err(()),
        }
    }
}

/// Sends everything that this process logs from now on to standard output.
pub(crate) fn init(settings: Settings, function: &str, version: &str) {
    let lines = Lines::new(settings, function, version, Arc::new(write_line));
    // Fails only if somebody has set up logging already, who then keeps it.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(lines));
}

/// Writes one line to standard output. Nobody is left to tell if that fails.
pub(crate) fn write_line(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(line.as_bytes());
    let _ = stdout.write_all(b"\n");
    let _ = stdout.flush();
}

type Sink = Arc<dyn Fn(&str) + Send + Sync>;

struct Lines {
    settings: Settings,
    function: String,
    version: String,
    sink: Sink,
}

/// Fields in the order of their recording; a later value replaces an earlier one of the same name.
#[derive(Debug, Clone, Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn set(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    fn text(&mut self, name: &'static str, text: impl fmt::Display) {
        let mut cut = Cut { text: String::new(), left: LONGEST_TEXT };
        if write!(cut, "{text}").is_err() {
            cut.text.push('…');
        }
        self.set(name, Value::String(cut.text));
    }
}

/// Takes a limited number of characters and then refuses, so that a huge value is not even formatted.
struct Cut {
    text: String,
    left: usize,
}

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(character);
        }
        Ok(())
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let Threshold(threshold) = self.settings.level;
        let target = metadata.target();
        *metadata.level() <= threshold
            && target != REPORTED
            // Their debug lines show the id of the access key that a call is signed with.
            && !target.starts_with("aws_smithy_runtime::client::orchestrator::")
            && (*metadata.level() <= Level::WARN
                || (threshold == LevelFilter::TRACE && *metadata.level() <= Level::DEBUG)
                || !is_machinery(target))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.settings.level.0)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                outer.0.iter().for_each(|(name, value)| fields.set(name, value.clone()));
            }
        }
        // A span may not lend its events a message.
        fields.0.retain(|(name, _)| *name != "message");
        event.record(&mut fields);
        (self.sink)(&self.line(OffsetDateTime::now_utc(), event.metadata(), fields));
    }
}

impl Lines {
    fn new(settings: Settings, function: &str, version: &str, sink: Sink) -> Self {
        Self { settings, function: function.to_owned(), version: version.to_owned(), sink }
    }

    fn line(&self, now: OffsetDateTime, metadata: &Metadata<'_>, Fields(mut fields): Fields) -> String {
        let timestamp = now.format(TIMESTAMP).unwrap_or_default();
        let message = fields.iter().position(|(name, _)| *name == "message").map(|at| fields.remove(at).1);
        let message = message.unwrap_or_else(|| Value::String(String::new()));
        let head = [
            ("timestamp", Value::String(timestamp)),
            ("level", metadata.level().as_str().into()),
            ("message", message),
            ("function", self.function.as_str().into()),
            ("version", self.version.as_str().into()),
            ("target", metadata.target().into()),
        ];
        // The names above are the line's own.
        fields.retain(|(name, _)| head.iter().all(|(own, _)| own != name));
        match self.settings.format {
            Format::Json => json_line(head.iter().chain(&fields)),
            Format::Text => text_line(&head, &fields),
        }
    }
}

fn json_line<'a>(fields: impl Iterator<Item = &'a (&'static str, Value)>) -> String {
    let mut line = String::with_capacity(512);
    for (name, value) in fields {
        line.push(if line.is_empty() { '{' } else { ',' });
        // Both are JSON's own escaping; writing to a `String` cannot fail.
        let _ = write!(line, "{}:{value}", Value::from(*name));
    }
    line.push('}');
    line
}

fn text_line(head: &[(&'static str, Value)], fields: &[(&'static str, Value)]) -> String {
    let mut line = String::with_capacity(256);
    for (name, value) in head {
        match (*name, value) {
            ("timestamp" | "level", Value::String(text)) => {
                let _ = write!(line, "{text} ");
            }
            // Line breaks would make several events of one.
            ("message", Value::String(text)) => {
                let _ = write!(line, "{}", text.escape_debug());
            }
            _ => {}
        }
    }
    for (name, value) in fields {
        let _ = write!(line, " {name}={value}");
    }
    line
}

#[cfg(test)]
mod tests;
