//! AWS X-Ray: <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.

use opentelemetry::trace::SpanContext;

use super::{digit, remote, span_id, trace_id};

const ID: &str = "X_AMZN_TRACE_ID";
/// Digits of the time with which an id of X-Ray begins.
const TIME: usize = 8;

pub(super) fn write(span: &SpanContext) -> Vec<(&'static str, String)> {
    let trace = span.trace_id().to_string();
    let (time, rest) = trace.split_at(TIME);
    let (id, sampled) = (span.span_id(), digit(span));
    vec![(
        ID,
        format!("Root=1-{time}-{rest};Parent={id};Sampled={sampled}"),
    )]
}

pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Option<SpanContext> {
    let text = get(ID)?;
    let (mut trace, mut span, mut sampled) = (None, None, true);
    for (name, value) in text
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
    {
        match name {
            "Root" => trace = Some(root(value)?),
            "Parent" => span = Some(span_id(value)?),
            "Sampled" => sampled = value == "1",
            _ => {}
        }
    }
    Some(remote(trace?, span?, sampled))
}

/// `1-{time}-{rest}`.
fn root(text: &str) -> Option<opentelemetry::TraceId> {
    let (time, rest) = text.strip_prefix("1-")?.split_once('-')?;
    (time.len() == TIME && rest.len() == 24).then(|| trace_id(&format!("{time}{rest}")))?
}
