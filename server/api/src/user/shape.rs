//! Rows as JSON. Field names are Buildkite's where it has the noun.

use serde_json::{Value, json};
use server_jobs::{BuildState, EndReason, Moment, Order, State};
use server_store::{AgentRow, BuildRow, JobRow, PipelineRow};

use crate::Settings;
use crate::stamp::rfc3339;

pub(super) fn pipeline(settings: &Settings, row: &PipelineRow) -> Value {
    let rest = rest_url(settings, &row.slug);
    json!({
        "id": row.id,
        "url": rest,
        "web_url": settings.url,
        "builds_url": format!("{rest}/builds"),
        "slug": row.slug,
        "name": row.name,
        "repository": row.repository,
        "steps": row.steps,
        "builds_count": row.builds,
        "created_at": rfc3339(row.created),
    })
}

/// A build with its jobs; `agents` are those that hold or held one of them.
pub(super) fn build(
    settings: &Settings,
    row: &BuildRow,
    jobs: &[JobRow],
    agents: &[AgentRow],
) -> Value {
    let states: Vec<State> = jobs.iter().map(|job| job.state.clone()).collect();
    let state = BuildState::of(&states);
    let started = jobs.iter().filter_map(|job| started(&job.state)).min();
    let finished = jobs.iter().filter_map(|job| finished(&job.state)).max();
    json!({
        "id": row.id,
        "url": build_url(settings, row),
        "web_url": web_url(settings, row),
        "number": row.number,
        "state": state.as_str(),
        "message": row.message,
        "commit": row.commit,
        "branch": row.branch,
        "env": row.env,
        "source": "api",
        "creator": {"name": row.creator},
        "created_at": rfc3339(row.created),
        "started_at": started.map(rfc3339),
        "finished_at": finished.filter(|_| state.is_finished()).map(rfc3339),
        "pipeline": {"slug": row.pipeline, "name": row.pipeline_name},
        "jobs": jobs.iter().map(|job| self::job(settings, row, job, agents)).collect::<Vec<_>>(),
    })
}

fn job(settings: &Settings, build: &BuildRow, row: &JobRow, agents: &[AgentRow]) -> Value {
    let url = format!("{}/jobs/{}", build_url(settings, build), row.id);
    let end = match &row.state {
        State::Finished(end) => Some(end),
        _ => None,
    };
    let holder = end.map_or_else(|| row.state.holder(), |end| end.agent.as_ref());
    let agent = holder.and_then(|id| agents.iter().find(|agent| agent.id == *id));
    json!({
        "id": row.id,
        "type": "script",
        "name": row.step.label,
        "step_key": row.step.key,
        "command": row.step.command,
        "agent_query_rules": row.step.agents,
        "state": row.state.name(),
        "exit_status": end.and_then(|end| end.exit_status),
        "signal": end.and_then(|end| end.signal.as_deref()),
        "signal_reason": end.and_then(|end| match end.reason {
            EndReason::Reported(reason) => Some(reason.as_str()),
            _ => None,
        }),
        "reason": end.map(|end| end.reason.as_str()),
        "chunks_failed_count": end.map(|end| end.chunks_failed),
        "agent": agent.map(|agent| json!({
            "id": agent.id,
            "name": agent.name,
            "hostname": agent.hostname,
            "version": agent.version,
        })),
        "web_url": format!("{}?job={}", web_url(settings, build), row.id),
        "log_url": format!("{url}/log"),
        "log_size": row.log_size,
        "created_at": rfc3339(row.created),
        "started_at": started(&row.state).map(rfc3339),
        "finished_at": finished(&row.state).map(rfc3339),
    })
}

/// A worker. Of one that leaves, `paused` is true as well: it takes no jobs.
pub(super) fn agent(row: &AgentRow, now: Moment) -> Value {
    let order = row.order.at(now);
    let (note, until) = match order {
        Order::Pause { note, until } => (Some(note), *until),
        Order::Work | Order::Stop => (None, None),
    };
    json!({
        "id": row.id,
        "name": row.name,
        "connection_state": row.presence.as_str(),
        "state": row.standing(now).as_str(),
        "paused": *order != Order::Work,
        "paused_note": note,
        "paused_until": until.map(rfc3339),
        "hostname": row.hostname,
        "version": row.version,
        "arch": row.arch,
        "meta_data": row.tags,
        "job": row.job.as_ref().map(|id| json!({"id": id})),
        "created_at": rfc3339(row.registered),
        "last_seen_at": rfc3339(row.heard),
    })
}

/// When a job began to run, if it did.
pub(crate) fn started(state: &State) -> Option<Moment> {
    match state {
        State::Running { started, .. } => Some(*started),
        State::Canceling { started, .. } => *started,
        State::Finished(end) => end.started,
        _ => None,
    }
}

/// When a job ended, if it has.
pub(crate) fn finished(state: &State) -> Option<Moment> {
    match state {
        State::Finished(end) => Some(end.at),
        _ => None,
    }
}

fn rest_url(settings: &Settings, pipeline: &str) -> String {
    let organization = &settings.organization;
    format!(
        "{}/v2/organizations/{organization}/pipelines/{pipeline}",
        settings.url
    )
}

fn build_url(settings: &Settings, row: &BuildRow) -> String {
    format!(
        "{}/builds/{}",
        rest_url(settings, &row.pipeline),
        row.number
    )
}

fn web_url(settings: &Settings, row: &BuildRow) -> String {
    format!(
        "{}/pipelines/{}/builds/{}",
        settings.url, row.pipeline, row.number
    )
}
