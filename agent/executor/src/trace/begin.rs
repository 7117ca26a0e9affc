//! Beginning to trace: where to, and inside of which trace.

use agent_otel::propagation::{Format, Parent, from_traceparent};
use agent_otel::{Destination, DestinationError, Signal, Spans, SpansError};

use super::origin;
use crate::environment::Environment;
use crate::job::{Job, Span, Trace};
use crate::settings::Backend;

/// Why the job is not traced although it should be.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Destination(#[from] DestinationError),
    #[error(transparent)]
    Spans(#[from] SpansError),
}

/// Begins the job's trace, if it is to be traced. That it cannot be is no reason to fail a job.
pub(super) fn begin(job: &mut Job) {
    let datadog = match &job.settings.tracing.backend {
        Backend::None => return,
        Backend::OpenTelemetry => false,
        Backend::Datadog => true,
        Backend::Other(name) => {
            let text =
                format!("Nothing is traced: this version has no tracing backend called {name}");
            return job.log.comment(&text);
        }
    };
    hide_headers(job);
    let formats = formats(job);
    let parent = parent(job, &formats);
    match start(job, datadog, formats, parent) {
        Ok(trace) => job.trace = trace,
        Err(trouble) => return job.log.warning(&format!("nothing is traced: {trouble}")),
    }
    let root = root(job, datadog);
    job.trace.begin(root);
}

fn start(
    job: &Job,
    datadog: bool,
    formats: Vec<Format>,
    parent: Option<Parent>,
) -> Result<Trace, Trouble> {
    let get = |name: &str| {
        let value = job.env.text(name).map(str::to_owned);
        value.or_else(|| datadog.then(|| of_datadog(&job.env, name))?)
    };
    let to = Destination::resolve(Signal::Traces, get)?;
    let spans = Spans::start(&to, &origin::of(job), formats, parent)?;
    Ok(Trace::new(spans, datadog, to.origin()))
}

/// A Datadog agent takes OTLP over HTTP at its usual port, once its `otlp_config` says so. Whoever
/// names another endpoint names all of it.
fn of_datadog(env: &Environment, name: &str) -> Option<String> {
    let elsewhere = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ];
    if elsewhere.iter().any(|name| env.filled(name).is_some()) {
        return None;
    }
    match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => {
            let host = env.filled("DD_AGENT_HOST").unwrap_or("localhost");
            Some(format!("http://{host}:4318"))
        }
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("http/protobuf".to_owned()),
        _ => None,
    }
}

/// The span of the whole job, named after its step.
fn root(job: &Job, datadog: bool) -> Span {
    let step = ["BUILDKITE_STEP_KEY", "BUILDKITE_LABEL"]
        .iter()
        .find_map(|name| job.env.filled(name));
    let (organization, pipeline) = (&job.settings.organization, &job.settings.pipeline);
    let step = step.unwrap_or("job");
    let name = format!("{organization}/{pipeline}/{step}");
    if datadog {
        Span::new("job.run").with("resource.name", name)
    } else {
        Span::new(name)
    }
}

/// How children are told of the trace.
fn formats(job: &mut Job) -> Vec<Format> {
    let Some(names) = job.env.filled("OTEL_PROPAGATORS") else {
        return Format::DEFAULT.to_vec();
    };
    let (formats, unknown) = Format::of_names(names);
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        job.log.warning(&format!(
            "OTEL_PROPAGATORS names what is no propagator and is left out: {unknown}"
        ));
    }
    formats
}

/// The span that the job belongs to, if its trace is to be continued: the endpoint's, or else one
/// that the environment tells of.
fn parent(job: &mut Job, formats: &[Format]) -> Option<Parent> {
    let tracing = &job.settings.tracing;
    if !tracing.propagate {
        return None;
    }
    let state = tracing.tracestate.as_deref();
    let given = tracing.traceparent.as_deref();
    let given = given.and_then(|parent| from_traceparent(parent, state));
    let get = |name: &str| job.env.text(name).map(str::to_owned);
    let parent = given.or_else(|| formats.iter().find_map(|format| format.read(get)));
    if parent.is_none() {
        job.log.warning(
            "the job's trace is its own: the endpoint named none that it could continue, although tracing-propagate-traceparent is on",
        );
    }
    parent
}

/// What authorizes to send to the collector is no business of whoever reads the log.
pub(super) fn hide_headers(job: &mut Job) {
    for signal in ["", "TRACES_", "LOGS_", "METRICS_"] {
        let name = format!("OTEL_EXPORTER_OTLP_{signal}HEADERS");
        let Some(headers) = job.env.filled(&name).map(str::to_owned) else {
            continue;
        };
        job.log.hide_value(headers.as_bytes());
        for value in agent_otel::header_values(&headers) {
            job.log.hide_value(value.as_bytes());
        }
    }
}
