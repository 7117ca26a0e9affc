//! The spans that a job is in, if it is traced.

use agent_otel::Spans;
use agent_otel::propagation::Parent;

use super::span::Span;

/// The job's trace, if it is traced.
#[derive(Debug, Default)]
pub(crate) struct Trace(Option<Box<On>>);

#[derive(Debug)]
struct On {
    spans: Spans,
    datadog: bool,
    to: String,
}

impl Trace {
    /// A trace that goes to the collector `to`, which is named without what may be a secret;
    /// `datadog` says whether spans have the names that Datadog's users know.
    pub(crate) fn new(spans: Spans, datadog: bool, to: String) -> Self {
        Self(Some(Box::new(On { spans, datadog, to })))
    }

    /// Whether the job is traced.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The variables that tell a child of the innermost span.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let on = self.0.as_ref();
        on.map_or_else(Vec::new, |on| on.spans.variables())
    }

    /// The innermost span.
    pub(crate) fn current(&self) -> Parent {
        let on = self.0.as_ref();
        on.map_or(Parent::NONE, |on| on.spans.current())
    }

    /// Begins a span inside the innermost one.
    pub(crate) fn begin(&mut self, span: Span) {
        if let Some(on) = &mut self.0 {
            let (name, attributes) = span.named(on.datadog);
            on.spans.begin(name, attributes);
        }
    }

    /// Ends the innermost span; it failed if there is an error.
    pub(crate) fn end(&mut self, error: Option<&str>) {
        if let Some(on) = &mut self.0 {
            on.spans.end(error);
        }
    }

    /// Notes in the innermost span that something failed although the work goes on.
    pub(crate) fn note(&self, error: &str) {
        if let Some(on) = &self.0 {
            on.spans.note(error);
        }
    }

    /// Takes the spans, with the name of their collector; the job is not traced from here on.
    pub(crate) fn take(&mut self) -> Option<(Spans, String)> {
        let On { spans, to, .. } = *self.0.take()?;
        Some((spans, to))
    }
}
