//! What concerns tracing.

use super::SettingsError;
use super::source::Source;

/// What concerns tracing.
#[derive(Debug)]
pub(crate) struct Tracing {
    pub(crate) backend: Backend,
    /// The endpoint's span that the job belongs to.
    pub(crate) traceparent: Option<String>,
    /// Companion of `traceparent`.
    pub(crate) tracestate: Option<String>,
    /// Whether children continue that span's trace.
    pub(crate) propagate: bool,
}

/// What traces are made for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// Nothing is traced.
    None,
    /// OpenTelemetry.
    OpenTelemetry,
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
                Some(other) => Backend::Other(other.to_owned()),
            },
            traceparent: text("BUILDKITE_TRACING_TRACEPARENT"),
            tracestate: text("BUILDKITE_TRACING_TRACESTATE"),
            propagate: source.switch("BUILDKITE_TRACING_PROPAGATE_TRACEPARENT", false)?,
        })
    }
}
