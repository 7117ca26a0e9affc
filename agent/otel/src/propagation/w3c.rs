//! W3C Trace Context: <https://www.w3.org/TR/trace-context/>.

use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::digit;
use crate::traceparent;

const PARENT: &str = "TRACEPARENT";
const STATE: &str = "TRACESTATE";

pub(super) fn write(span: &SpanContext) -> Vec<(&'static str, String)> {
    let (trace, id, flags) = (span.trace_id(), span.span_id(), digit(span));
    let mut variables = vec![(PARENT, format!("00-{trace}-{id}-0{flags}"))];
    let state = span.trace_state().header();
    if !state.is_empty() {
        variables.push((STATE, state));
    }
    variables
}

pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Option<SpanContext> {
    parse(&get(PARENT)?, get(STATE).as_deref())
}

/// A state that is none is left out; the parent counts without it.
pub(super) fn parse(parent: &str, state: Option<&str>) -> Option<SpanContext> {
    let parent = traceparent::parse(parent)?;
    let trace = TraceId::from_hex(parent.trace_id).ok()?;
    let span = SpanId::from_hex(parent.span_id).ok()?;
    let flags = TraceFlags::default().with_sampled(parent.sampled);
    let state = state.and_then(|state| TraceState::from_str(state).ok());
    Some(SpanContext::new(
        trace,
        span,
        flags,
        true,
        state.unwrap_or_default(),
    ))
}
