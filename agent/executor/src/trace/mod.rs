//! The job's trace: one span for the job, and inside it one for each phase, hook, and step of the
//! checkout, named as the peer names them. Children are told of the span they run in.
//!
//! Without a backend nothing here does anything. A collector that is slow or dead costs a job a few
//! seconds at its end, and never its result.

mod begin;
mod lines;
mod origin;

use std::fmt::Display;
use std::time::Duration;

use crate::job::{Job, Span};

/// How long the end of a job waits for the collector.
const PATIENCE: Duration = Duration::from_secs(3);

/// Begins what the settings ask for: the trace, and the copy of the log for a collector.
pub(crate) fn begin(job: &mut Job) {
    begin::begin(job);
    lines::begin(job);
}

/// Does work in a span of its own, which fails if the work fails.
pub(crate) async fn inside<T, E: Display>(
    job: &mut Job,
    span: Span,
    work: impl AsyncFnOnce(&mut Job) -> Result<T, E>,
) -> Result<T, E> {
    if !job.trace.is_on() {
        return work(job).await;
    }
    job.trace.begin(span);
    job.log.belong_to(job.trace.current());
    let result = work(job).await;
    let error = result.as_ref().err().map(ToString::to_string);
    let error = error.map(|error| job.log.hidden(&error));
    job.trace.end(error.as_deref());
    job.log.belong_to(job.trace.current());
    result
}

/// Notes in the innermost span that something failed although the work goes on.
pub(crate) fn note(job: &mut Job, error: &str) {
    if !job.trace.is_on() {
        return;
    }
    let error = job.log.hidden(error);
    job.trace.note(&error);
}

/// Ends the trace and the collector's copy of the log: what is left of them is sent, or given up.
pub(crate) async fn end(job: &mut Job) {
    end_spans(job).await;
    lines::end(job).await;
}

async fn end_spans(job: &mut Job) {
    let Some((spans, to)) = job.trace.take() else {
        return;
    };
    if let Err(trouble) = spans.finish(PATIENCE).await {
        let text = format!("The trace did not reach the collector {to} as a whole: {trouble}");
        job.log.comment(&text);
    }
}
