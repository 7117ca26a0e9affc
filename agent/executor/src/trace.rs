//! The trace that a job belongs to: what children are told of it.
//!
//! This process makes no spans of its own and exports none, so children that do continue the
//! endpoint's span directly.

use std::fmt::Write as _;

use crate::job::Job;
use crate::settings::{Backend, Tracing};

/// Tells children of the job's trace (W3C Trace Context), or of a fresh one.
pub(crate) fn prepare(job: &mut Job) {
    match &job.settings.tracing.backend {
        Backend::None => return,
        Backend::Other(name) => {
            let text =
                format!("Nothing is traced: this version has no tracing backend called {name}");
            return job.log.comment(&text);
        }
        Backend::OpenTelemetry => {}
    }
    if let Some((parent, state)) = continued(&job.settings.tracing) {
        let (parent, state) = (parent.to_owned(), state.map(str::to_owned));
        job.env.set("TRACEPARENT", parent);
        if let Some(state) = state {
            job.env.set("TRACESTATE", state);
        }
        return;
    }
    let mut random = [0; 24];
    if getrandom::fill(&mut random).is_ok() {
        job.env.set("TRACEPARENT", fresh(&random));
    }
}

/// The endpoint's trace, if children are to continue it and it can be continued.
fn continued(tracing: &Tracing) -> Option<(&str, Option<&str>)> {
    let parent = tracing.traceparent.as_deref()?;
    (tracing.propagate && is_traceparent(parent)).then_some((parent, tracing.tracestate.as_deref()))
}

/// The root of a new, sampled trace.
fn fresh(random: &[u8; 24]) -> String {
    let mut hex = String::with_capacity(48);
    for byte in random {
        let _ = write!(hex, "{byte:02x}");
    }
    let (trace, span) = hex.split_at(32);
    format!("00-{trace}-{span}-01")
}

/// Whether this is a `traceparent` of version 0, or of one that begins like it.
fn is_traceparent(text: &str) -> bool {
    let fields: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags, rest @ ..] = &fields[..] else {
        return false;
    };
    let is_hex = |text: &str, length| {
        let mut bytes = text.bytes();
        text.len() == length && bytes.all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |text: &str, length| is_hex(text, length) && text.bytes().any(|byte| byte != b'0');
    is_hex(version, 2)
        && *version != "ff"
        && (rest.is_empty() || *version != "00")
        && is_id(trace, 32)
        && is_id(span, 16)
        && is_hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn tracing(parent: &str, propagate: bool) -> Tracing {
        Tracing {
            backend: Backend::OpenTelemetry,
            traceparent: Some(parent.into()),
            tracestate: Some("vendor=1".into()),
            propagate,
        }
    }

    #[test]
    fn a_trace_is_continued_only_if_asked_for_and_well_formed() {
        let wanted = Some((PARENT, Some("vendor=1")));
        assert_eq!(continued(&tracing(PARENT, true)), wanted);
        assert_eq!(continued(&tracing(PARENT, false)), None);
        assert_eq!(continued(&tracing("00-nonsense", true)), None);
    }

    #[test]
    fn a_parent_is_read_as_the_standard_says() {
        for (text, wanted) in [
            (PARENT.to_owned(), true),
            (PARENT.replace("00-4b", "01-4b") + "-more", true),
            (PARENT.to_owned() + "-more", false),
            (PARENT.replace("00-4b", "ff-4b"), false),
            (PARENT.to_uppercase(), false),
            (
                PARENT.replace("00f067aa0ba902b7", "0000000000000000"),
                false,
            ),
            (String::new(), false),
        ] {
            assert_eq!(is_traceparent(&text), wanted, "{text}");
        }
    }

    #[test]
    fn a_fresh_trace_is_a_parent_itself() {
        let parent = fresh(&[0xa5; 24]);
        assert!(is_traceparent(&parent), "{parent}");
        assert!(parent.ends_with("-01"));
    }
}
