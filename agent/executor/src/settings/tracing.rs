//! What concerns tracing, and sending the log to a collector.

use super::error::SettingsError;
use super::source::Source;

/// Name of the service when nobody gave one: the peer's.
const SERVICE: &str = "buildkite-agent";

/// What concerns tracing.
#[derive(Debug)]
pub(crate) struct Tracing {
    pub(crate) backend: Backend,
    /// What spans and log records come from.
    pub(crate) service: String,
    /// The endpoint's span that the job belongs to.
    pub(crate) traceparent: Option<String>,
    /// Companion of `traceparent`.
    pub(crate) tracestate: Option<String>,
    /// Whether the job's spans continue that span's trace.
    pub(crate) propagate: bool,
    /// Whether lines of the log go to a collector too.
    pub(crate) logs: bool,
}

/// What traces are made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Backend {
    /// Nothing is traced.
    None,
    /// OpenTelemetry.
    OpenTelemetry,
    /// A Datadog agent, which takes the same protocol; spans have the names known there.
    Datadog,
    /// One that this version does not know, by its name.
    Other(String),
}

impl Tracing {
    pub(super) fn read(source: &Source<'_>) -> Result<Self, SettingsError> {
        let text = |variable| source.text(variable).map(str::to_owned);
        Ok(Self {
            backend: match source.text("BUILDKITE_TRACING_BACKEND") {
                None => Backend::None,
                Some("opentelemetry") => Backend::OpenTelemetry,
                Some("datadog") => Backend::Datadog,
                Some(other) => Backend::Other(other.to_owned()),
            },
            service: text("BUILDKITE_TRACING_SERVICE_NAME").unwrap_or_else(|| SERVICE.to_owned()),
            traceparent: text("BUILDKITE_TRACING_TRACEPARENT"),
            tracestate: text("BUILDKITE_TRACING_TRACESTATE"),
            propagate: source.switch("BUILDKITE_TRACING_PROPAGATE_TRACEPARENT", false)?,
            logs: source.switch("BUILDKITE_JOB_LOGS_OTLP", false)?,
        })
    }
}
