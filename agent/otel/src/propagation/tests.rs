//! What each format writes, and that it is read again.

use std::collections::BTreeMap;

use opentelemetry::trace::{SpanContext, TraceState};
use proptest::prelude::*;

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn span(sampled: bool) -> SpanContext {
    let (trace, id) = (TraceId::from_hex(TRACE), SpanId::from_hex(SPAN));
    remote(trace.expect("a trace"), id.expect("a span"), sampled)
}

fn read(format: Format, variables: &[(&str, &str)]) -> Option<SpanContext> {
    format.read(|name| {
        let found = variables.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn each_format_writes_what_its_readers_expect() {
    let several = |prefix: &str| format!("{prefix}{TRACE}");
    for (format, wanted) in [
        (
            Format::TraceContext,
            vec![("TRACEPARENT", format!("00-{TRACE}-{SPAN}-01"))],
        ),
        (Format::Baggage, vec![]),
        (Format::B3, vec![("B3", format!("{TRACE}-{SPAN}-1"))]),
        (
            Format::B3Multi,
            vec![
                ("X_B3_TRACEID", several("")),
                ("X_B3_SPANID", SPAN.into()),
                ("X_B3_SAMPLED", "1".into()),
            ],
        ),
        (
            Format::Jaeger,
            vec![("UBER_TRACE_ID", format!("{TRACE}:{SPAN}:0:1"))],
        ),
        (
            Format::OtTrace,
            vec![
                ("OT_TRACER_TRACEID", "a3ce929d0e0e4736".into()),
                ("OT_TRACER_SPANID", SPAN.into()),
                ("OT_TRACER_SAMPLED", "true".into()),
            ],
        ),
        (
            Format::XRay,
            vec![(
                "X_AMZN_TRACE_ID",
                format!("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent={SPAN};Sampled=1"),
            )],
        ),
    ] {
        assert_eq!(format.variables(&span(true)), wanted, "{format:?}");
    }
}

#[test]
fn a_state_goes_along_and_a_broken_one_is_left_out() {
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let with = from_traceparent(&parent, Some("vendor=1,other=x")).expect("a span");
    let variables = Format::TraceContext.variables(&with);
    assert!(variables.contains(&("TRACESTATE", "vendor=1,other=x".to_owned())));
    let without = from_traceparent(&parent, Some("no state")).expect("a span");
    assert_eq!(without.trace_state(), &TraceState::default());
}

#[test]
fn other_spellings_are_read_too() {
    let b3 = format!("{TRACE}-{SPAN}");
    let short = "a3ce929d0e0e4736";
    for (format, variables, sampled) in [
        (Format::B3, vec![("B3", b3.as_str())], true),
        (Format::B3Multi, vec![("B3", b3.as_str())], true),
        (
            Format::B3Multi,
            vec![
                ("X_B3_TRACEID", short),
                ("X_B3_SPANID", SPAN),
                ("X_B3_SAMPLED", "0"),
            ],
            false,
        ),
        (
            Format::B3Multi,
            vec![
                ("X_B3_TRACEID", TRACE),
                ("X_B3_SPANID", SPAN),
                ("X_B3_FLAGS", "1"),
            ],
            true,
        ),
        (Format::Jaeger, vec![("UBER_TRACE_ID", "1f:2%3A0:3")], true),
        (Format::Jaeger, vec![("UBER_TRACE_ID", "1f:2:0:2")], false),
        (
            Format::XRay,
            vec![(
                "X_AMZN_TRACE_ID",
                "Sampled=0; Parent=00f067aa0ba902b7;Self=x;Root=1-4bf92f35-77b34da6a3ce929d0e0e4736",
            )],
            false,
        ),
        (
            Format::OtTrace,
            vec![("OT_TRACER_TRACEID", short), ("OT_TRACER_SPANID", SPAN)],
            true,
        ),
    ] {
        let found = read(format, &variables).unwrap_or_else(|| panic!("{variables:?}"));
        assert!(found.is_remote());
        assert_eq!(found.is_sampled(), sampled, "{variables:?}");
    }
}

#[test]
fn what_is_no_trace_is_not_read() {
    for (format, variables) in [
        (Format::TraceContext, vec![("TRACEPARENT", "00-nonsense")]),
        (Format::Baggage, vec![("BAGGAGE", "a=b")]),
        (Format::B3, vec![("B3", "0")]),
        (
            Format::B3,
            vec![("B3", "+bf92f3577b34da6-00f067aa0ba902b7")],
        ),
        (Format::B3Multi, vec![("X_B3_TRACEID", TRACE)]),
        (Format::Jaeger, vec![("UBER_TRACE_ID", "0:0:0:1")]),
        (Format::Jaeger, vec![("UBER_TRACE_ID", "1:2:3")]),
        (
            Format::XRay,
            vec![("X_AMZN_TRACE_ID", "Root=1-0-0;Parent=x")],
        ),
        (
            Format::OtTrace,
            vec![("OT_TRACER_TRACEID", "xyz"), ("OT_TRACER_SPANID", SPAN)],
        ),
    ] {
        assert!(read(format, &variables).is_none(), "{variables:?}");
    }
}

#[test]
fn names_of_formats_are_those_of_the_specification() {
    let (formats, unknown) =
        Format::of_names("tracecontext, baggage,b3,b3multi,jaeger,xray,ottrace,b3,zipkin,none");
    assert_eq!(formats.len(), 7);
    assert_eq!(unknown, ["zipkin"]);
    assert_eq!(Format::of_names("none"), (vec![], vec![]));
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(trace in 1_u128.., id in 1_u64.., sampled: bool) {
        let trace = TraceId::from_bytes(trace.to_be_bytes());
        let id = SpanId::from_bytes(id.to_be_bytes());
        let span = remote(trace, id, sampled);
        for format in Format::DEFAULT.into_iter().chain([Format::B3]) {
            let variables: BTreeMap<_, _> = format.variables(&span).into_iter().collect();
            let read = format.read(|name| variables.get(name).cloned());
            match (format, read) {
                (Format::Baggage, None) => {}
                (Format::OtTrace, read) => {
                    let low = |id: TraceId| id.to_bytes()[8..].to_vec();
                    let low_bytes = low(span.trace_id());
                    prop_assert_eq!(read.map(|read| low(read.trace_id())), (low_bytes != [0; 8]).then_some(low_bytes));
                }
                (_, read) => prop_assert_eq!(read, Some(span.clone())),
            }
        }
    }

    #[test]
    fn no_text_upsets_a_reader(text in ".{0,80}") {
        for format in Format::DEFAULT.into_iter().chain([Format::B3]) {
            let _ = format.read(|_| Some(text.clone()));
        }
    }
}
