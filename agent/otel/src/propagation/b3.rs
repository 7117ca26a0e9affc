//! Zipkin's B3, in one variable or several: <https://github.com/openzipkin/b3-propagation>.

use opentelemetry::trace::SpanContext;

use super::{digit, remote, span_id, trace_id};

const ONE: &str = "B3";
const TRACE: &str = "X_B3_TRACEID";
const SPAN: &str = "X_B3_SPANID";
const SAMPLED: &str = "X_B3_SAMPLED";
const FLAGS: &str = "X_B3_FLAGS";

pub(super) fn write_one(span: &SpanContext) -> Vec<(&'static str, String)> {
    let (trace, id) = (span.trace_id(), span.span_id());
    vec![(ONE, format!("{trace}-{id}-{}", digit(span)))]
}

pub(super) fn write_several(span: &SpanContext) -> Vec<(&'static str, String)> {
    vec![
        (TRACE, span.trace_id().to_string()),
        (SPAN, span.span_id().to_string()),
        (SAMPLED, digit(span).to_owned()),
    ]
}

/// `{trace}-{span}[-{sampled}[-{parent}]]`.
pub(super) fn read_one(get: impl Fn(&str) -> Option<String>) -> Option<SpanContext> {
    let text = get(ONE)?;
    let mut fields = text.split('-');
    let trace = trace_id(fields.next()?)?;
    let span = span_id(fields.next()?)?;
    Some(remote(trace, span, is_sampled(fields.next())))
}

pub(super) fn read_several(get: impl Fn(&str) -> Option<String>) -> Option<SpanContext> {
    let trace = trace_id(&get(TRACE)?)?;
    let span = span_id(&get(SPAN)?)?;
    let sampled = match get(FLAGS).as_deref() {
        Some("1") => true,
        _ => is_sampled(get(SAMPLED).as_deref()),
    };
    Some(remote(trace, span, sampled))
}

/// Who says nothing leaves it to us, and we record.
fn is_sampled(text: Option<&str>) -> bool {
    matches!(text, None | Some("1" | "d" | "true"))
}
