//! The environment of a job: what its pipeline and build gave it, then what it cannot choose.
//!
//! Names and meanings are Buildkite's. Later wins: the build's variables, the step's, the server's.

use std::collections::BTreeMap;

use server_store::{AgentRow, BuildRow, JobRow, PipelineRow};
use shared_protocol::env as name;

use crate::Settings;

pub(super) fn job_env(
    settings: &Settings,
    pipeline: &PipelineRow,
    build: &BuildRow,
    job: &JobRow,
    agent: &AgentRow,
) -> BTreeMap<String, String> {
    let mut env = build.env.clone();
    env.extend(job.step.env.clone());
    let mut set = |name: &str, value: &str| {
        env.insert(name.to_owned(), value.to_owned());
    };
    set("CI", "true");
    set("BUILDKITE", "true");
    set(name::ORGANIZATION_SLUG, &settings.organization);
    set(name::REPO, &pipeline.repository);
    set(name::PIPELINE_SLUG, &pipeline.slug);
    set(name::PIPELINE_PROVIDER, "git");
    set("BUILDKITE_PIPELINE_ID", &pipeline.id);
    set("BUILDKITE_PIPELINE_NAME", &pipeline.name);
    set("BUILDKITE_PIPELINE_DEFAULT_BRANCH", "main");
    set_build(&mut set, settings, build);
    set_job(&mut set, job);
    set(name::AGENT_ID, agent.id.as_str());
    set(name::AGENT_NAME, &agent.name);
    for (key, value) in agent.tags.iter().filter_map(|tag| tag.split_once('=')) {
        set(&meta_data_name(key), value);
    }
    env
}

fn set_build(set: &mut impl FnMut(&str, &str), settings: &Settings, build: &BuildRow) {
    let number = build.number.to_string();
    let url = format!(
        "{}/pipelines/{}/builds/{number}",
        settings.url, build.pipeline
    );
    set(name::BUILD_ID, build.id.as_str());
    set(name::BUILD_NUMBER, &number);
    set("BUILDKITE_BUILD_URL", &url);
    set("BUILDKITE_BUILD_CREATOR", &build.creator);
    set("BUILDKITE_SOURCE", "api");
    set(name::COMMIT, &build.commit);
    set(name::BRANCH, &build.branch);
    set(name::MESSAGE, &build.message);
    // No build here waits for a description of its commit, so agents need not look for one.
    set("BUILDKITE_COMMIT_RESOLVED", "true");
    set("BUILDKITE_TAG", "");
    set("BUILDKITE_PULL_REQUEST", "false");
    set("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "");
    set("BUILDKITE_PULL_REQUEST_REPO", "");
    set("BUILDKITE_REBUILT_FROM_BUILD_ID", "");
    set("BUILDKITE_REBUILT_FROM_BUILD_NUMBER", "");
    set("BUILDKITE_TRIGGERED_FROM_BUILD_ID", "");
}

fn set_job(set: &mut impl FnMut(&str, &str), job: &JobRow) {
    let step = &job.step;
    set(name::JOB_ID, job.id.as_str());
    set(name::COMMAND, &step.command);
    set(name::LABEL, &step.label);
    // Each step becomes one job, so they share the id.
    set("BUILDKITE_STEP_ID", job.id.as_str());
    set(
        "BUILDKITE_STEP_KEY",
        step.key.as_deref().unwrap_or_default(),
    );
    set("BUILDKITE_RETRY_COUNT", "0");
    set("BUILDKITE_ARTIFACT_PATHS", "");
    let minutes = step.timeout_in_minutes.map(|minutes| minutes.to_string());
    set("BUILDKITE_TIMEOUT", minutes.as_deref().unwrap_or("false"));
    if step.skip_checkout {
        set("BUILDKITE_SKIP_CHECKOUT", "true");
    }
}

/// The variable of a tag: upper case, everything else than letters and digits as `_`.
fn meta_data_name(key: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    format!(
        "BUILDKITE_AGENT_META_DATA_{}",
        key.chars().map(plain).collect::<String>()
    )
}
