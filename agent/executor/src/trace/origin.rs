//! What a collector is told about the job with every span and line.

use agent_otel::{Attribute, Origin};
use shared_protocol::env as names;

use crate::environment::Environment;
use crate::job::Job;

/// Tags of the agent are in variables that begin like this.
const TAG: &str = "BUILDKITE_AGENT_META_DATA_";

/// The job as spans describe it.
pub(super) fn of(job: &Job) -> Origin {
    Origin {
        service: job.settings.tracing.service.clone(),
        version: job.version.to_owned(),
        attributes: attributes(job),
    }
}

fn attributes(job: &Job) -> Vec<Attribute> {
    let (settings, env) = (&job.settings, &job.env);
    let text = |variable: &str| env.text(variable).unwrap_or_default().to_owned();
    let or_none = |variable: &str| env.filled(variable).unwrap_or("n/a").to_owned();
    let url = text("BUILDKITE_BUILD_URL");
    let mut all: Vec<Attribute> = [
        ("agent", settings.agent.clone()),
        ("version", job.version.to_owned()),
        ("queue", text("BUILDKITE_AGENT_META_DATA_QUEUE")),
        ("org", settings.organization.clone()),
        ("pipeline", settings.pipeline.clone()),
        ("branch", text(names::BRANCH)),
        ("job_label", or_none("BUILDKITE_LABEL")),
        ("job_key", or_none("BUILDKITE_STEP_KEY")),
        ("job_id", settings.job.clone()),
        ("job_url", format!("{url}#{}", settings.job)),
        ("build_id", text("BUILDKITE_BUILD_ID")),
        ("build_number", text("BUILDKITE_BUILD_NUMBER")),
        ("build_url", url),
        ("source", text("BUILDKITE_SOURCE")),
        (
            "rebuilt_from_id",
            or_none("BUILDKITE_REBUILT_FROM_BUILD_NUMBER"),
        ),
        (
            "triggered_from_id",
            or_none("BUILDKITE_TRIGGERED_FROM_BUILD_ID"),
        ),
    ]
    .into_iter()
    .map(|(name, value)| Attribute::new(format!("buildkite.{name}"), value))
    .collect();
    for (name, variable) in [
        ("buildkite.retry", "BUILDKITE_RETRY_COUNT"),
        ("buildkite.parallel", "BUILDKITE_PARALLEL_JOB"),
    ] {
        all.push(Attribute::new(name, number(env, variable)));
    }
    all.extend(tags(env));
    all
}

fn number(env: &Environment, variable: &str) -> i64 {
    env.text(variable)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn tags(env: &Environment) -> impl Iterator<Item = Attribute> {
    env.iter().filter_map(|(name, value)| {
        let tag = name.to_str()?.strip_prefix(TAG)?.to_ascii_lowercase();
        let value = value.to_str()?.to_owned();
        Some(Attribute::new(
            format!("buildkite.agent.metadata.{tag}"),
            value,
        ))
    })
}
