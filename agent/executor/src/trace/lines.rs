//! The copy of the job's log for a collector: each line after secrets were hidden in it, with the
//! span that it was written in.

use std::time::Duration;

use agent_otel::{Attribute, Destination, LogLines, Origin, Signal};
use shared_protocol::env as names;

use super::begin::hide_headers;
use crate::job::Job;

/// How long the end of a job waits for the collector.
const PATIENCE: Duration = Duration::from_secs(5);

/// Begins the copy, if the settings ask for it. That it cannot be made is no reason to fail a job.
pub(super) fn begin(job: &mut Job) {
    if !job.settings.tracing.logs {
        return;
    }
    hide_headers(job);
    let get = |name: &str| job.env.text(name).map(str::to_owned);
    let to = match Destination::resolve(Signal::Logs, get) {
        Ok(to) => to,
        Err(error) => return refuse(job, &error),
    };
    let origin = Origin {
        service: job.settings.tracing.service.clone(),
        version: job.version.to_owned(),
        attributes: Vec::new(),
    };
    match LogLines::start(&to, &origin, attributes(job)) {
        Ok(lines) => {
            job.log.copy_to(lines);
            job.log.belong_to(job.trace.current());
        }
        Err(error) => refuse(job, &error),
    }
}

fn refuse(job: &mut Job, error: &dyn std::error::Error) {
    let text = format!("the log is not sent to a collector: {error}");
    job.log.warning(&text);
}

/// What is known of each line: names that the peer's users look for.
fn attributes(job: &Job) -> Vec<Attribute> {
    let settings = &job.settings;
    let text = |variable: &str| job.env.text(variable).unwrap_or_default().to_owned();
    [
        ("source", "job".to_owned()),
        ("buildkite.organization.slug", settings.organization.clone()),
        ("buildkite.pipeline.slug", settings.pipeline.clone()),
        ("buildkite.branch", text(names::BRANCH)),
        ("buildkite.queue", text("BUILDKITE_AGENT_META_DATA_QUEUE")),
        ("buildkite.agent", settings.agent.clone()),
        ("buildkite.agent.id", text("BUILDKITE_AGENT_ID")),
        ("buildkite.build.id", text("BUILDKITE_BUILD_ID")),
        ("buildkite.build.number", text("BUILDKITE_BUILD_NUMBER")),
        ("buildkite.job.id", settings.job.clone()),
        ("buildkite.job.label", text("BUILDKITE_LABEL")),
        ("buildkite.job.key", text("BUILDKITE_STEP_KEY")),
    ]
    .map(|(name, value)| Attribute::new(name, value))
    .to_vec()
}

/// Ends the copy; what the job says afterwards is not in it.
pub(super) async fn end(job: &mut Job) {
    let Some((lines, now)) = job.log.end_copy() else {
        return;
    };
    if let Err(trouble) = lines.finish(now, PATIENCE).await {
        let text = format!("The log did not reach its collector as a whole: {trouble}");
        job.log.comment(&text);
    }
}
