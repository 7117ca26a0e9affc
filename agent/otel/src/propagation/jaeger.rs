//! Jaeger: <https://www.jaegertracing.io/docs/1.21/client-libraries/#propagation-format>.

use opentelemetry::trace::{SpanContext, SpanId, TraceId};

use super::{digit, is_hex, remote};

const ID: &str = "UBER_TRACE_ID";

/// The third field is the parent, which nobody reads any more.
pub(super) fn write(span: &SpanContext) -> Vec<(&'static str, String)> {
    let (trace, id) = (span.trace_id(), span.span_id());
    vec![(ID, format!("{trace}:{id}:0:{}", digit(span)))]
}

/// Leading zeros may be left out, and colons may be percent-encoded.
pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Option<SpanContext> {
    let text = get(ID)?.replace("%3A", ":").replace("%3a", ":");
    let fields: Vec<&str> = text.split(':').collect();
    let [trace, span, _, flags] = fields[..] else {
        return None;
    };
    let plausible = |text: &str, longest| (1..=longest).contains(&text.len()) && is_hex(text);
    if !plausible(trace, 32) || !plausible(span, 16) || !plausible(flags, 2) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let trace = TraceId::from_hex(trace).ok()?;
    let span = SpanId::from_hex(span).ok()?;
    Some(remote(trace, span, flags & 1 == 1))
}
