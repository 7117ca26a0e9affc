//! OpenTracing's basic tracers: the headers that the OpenTelemetry specification calls OT Trace.

use opentelemetry::trace::SpanContext;

use super::{remote, span_id, trace_id};

const TRACE: &str = "OT_TRACER_TRACEID";
const SPAN: &str = "OT_TRACER_SPANID";
const SAMPLED: &str = "OT_TRACER_SAMPLED";

/// These tracers know 64 bits of a trace's id: the lower ones.
pub(super) fn write(span: &SpanContext) -> Vec<(&'static str, String)> {
    let trace = span.trace_id().to_string();
    vec![
        (TRACE, trace[trace.len() / 2..].to_owned()),
        (SPAN, span.span_id().to_string()),
        (SAMPLED, span.is_sampled().to_string()),
    ]
}

pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Option<SpanContext> {
    let trace = trace_id(&get(TRACE)?)?;
    let span = span_id(&get(SPAN)?)?;
    let sampled = matches!(get(SAMPLED).as_deref(), None | Some("true" | "1"));
    Some(remote(trace, span, sampled))
}
