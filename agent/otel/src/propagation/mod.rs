//! How a trace goes from one process to the next: as variables, named after the headers that other
//! software uses, in capitals and with `_` for `-`
//! (<https://opentelemetry.io/docs/specs/otel/context/env-carriers/>). Pure.

mod b3;
mod jaeger;
mod ot;
mod w3c;
mod xray;

pub use opentelemetry::trace::SpanContext as Parent;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// A way to write a trace's ids down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// W3C Trace Context: `TRACEPARENT`, `TRACESTATE`.
    TraceContext,
    /// W3C Baggage. `BAGGAGE` reaches children as every variable does; the agent has none of its own.
    Baggage,
    /// Zipkin, in one variable: `B3`.
    B3,
    /// Zipkin, in several: `X_B3_TRACEID` and more.
    B3Multi,
    /// Jaeger: `UBER_TRACE_ID`.
    Jaeger,
    /// AWS X-Ray: `X_AMZN_TRACE_ID`.
    XRay,
    /// OpenTracing: `OT_TRACER_TRACEID` and more.
    OtTrace,
}

impl Format {
    /// What the peer writes, in its order; used unless `OTEL_PROPAGATORS` says otherwise.
    pub const DEFAULT: [Self; 6] = [
        Self::TraceContext,
        Self::Baggage,
        Self::B3Multi,
        Self::Jaeger,
        Self::OtTrace,
        Self::XRay,
    ];

    /// The formats of `OTEL_PROPAGATORS`, and the names in it that are none. `none` is no format.
    pub fn of_names(names: &str) -> (Vec<Self>, Vec<String>) {
        let (mut formats, mut unknown) = (Vec::new(), Vec::new());
        for name in names.split(',').map(str::trim) {
            let format = match name {
                "tracecontext" => Self::TraceContext,
                "baggage" => Self::Baggage,
                "b3" => Self::B3,
                "b3multi" => Self::B3Multi,
                "jaeger" => Self::Jaeger,
                "xray" => Self::XRay,
                "ottrace" => Self::OtTrace,
                "" | "none" => continue,
                other => {
                    unknown.push(other.to_owned());
                    continue;
                }
            };
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        (formats, unknown)
    }

    /// The variables that tell a child of this span.
    pub fn variables(self, span: &SpanContext) -> Vec<(&'static str, String)> {
        match self {
            Self::TraceContext => w3c::write(span),
            Self::Baggage => Vec::new(),
            Self::B3 => b3::write_one(span),
            Self::B3Multi => b3::write_several(span),
            Self::Jaeger => jaeger::write(span),
            Self::XRay => xray::write(span),
            Self::OtTrace => ot::write(span),
        }
    }

    /// The span that variables tell of; `get` looks one up.
    pub fn read(self, get: impl Fn(&str) -> Option<String>) -> Option<SpanContext> {
        let found = match self {
            Self::TraceContext => w3c::read(&get),
            Self::Baggage => None,
            Self::B3 | Self::B3Multi => b3::read_one(&get).or_else(|| b3::read_several(&get)),
            Self::Jaeger => jaeger::read(&get),
            Self::XRay => xray::read(&get),
            Self::OtTrace => ot::read(&get),
        };
        found.filter(SpanContext::is_valid)
    }
}

/// The span of a `traceparent` and its companion, if it is one.
pub fn from_traceparent(parent: &str, state: Option<&str>) -> Option<SpanContext> {
    w3c::parse(parent, state)
}

/// A trace id of 16 or 32 digits.
fn trace_id(hex: &str) -> Option<TraceId> {
    let plausible = matches!(hex.len(), 16 | 32) && is_hex(hex);
    plausible.then(|| TraceId::from_hex(hex).ok())?
}

fn span_id(hex: &str) -> Option<SpanId> {
    let plausible = hex.len() == 16 && is_hex(hex);
    plausible.then(|| SpanId::from_hex(hex).ok())?
}

/// Unlike Rust's numbers, without a sign.
fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn remote(trace: TraceId, span: SpanId, sampled: bool) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(sampled);
    SpanContext::new(trace, span, flags, true, TraceState::default())
}

/// How most formats write whether a span is recorded.
fn digit(span: &SpanContext) -> &'static str {
    if span.is_sampled() { "1" } else { "0" }
}

#[cfg(test)]
mod tests;
