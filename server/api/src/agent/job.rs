//! One job, as its runner sees it: accept, start, poll, finish.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use server_jobs::{Event, Report};
use server_store::LOG_LIMIT;
use shared_protocol::JobId;
use shared_protocol::job::{FinishRequest, Job, JobStateResponse, StartRequest};
use tracing::warn;

use super::chunk::CHUNK_SIZE;
use super::env::job_env;
use crate::Server;
use crate::auth::{Runner, Worker};
use crate::fault::Fault;
use crate::input::Input;

/// Seconds between two uploads of a job's log.
const CHUNK_INTERVAL_SECONDS: u64 = 1;

/// Everything is read before the job is given away: once the worker has it, only the network can
/// keep the answer from it, and then it asks again.
pub(super) async fn accept(
    State(server): State<Server>,
    Worker(agent): Worker,
    Path(id): Path<JobId>,
) -> Result<Json<Job>, Fault> {
    let store = &server.store;
    let job = store.job(&id).await?;
    let build = store.build_by_id(&job.build).await?;
    let pipeline = store.pipeline(&build.pipeline).await?;
    let worker = store.agent(&agent).await?;
    let (token, changed) = store.accept(&id, &agent, server.now()).await?;
    server.announce(&changed).await;
    Ok(Json(Job {
        id,
        state: "accepted".to_owned(),
        env: job_env(&server.settings, &pipeline, &build, &job, &worker),
        step: json!({"command": job.step.command, "env": job.step.env}),
        chunks_max_size_bytes: CHUNK_SIZE,
        chunks_interval_seconds: CHUNK_INTERVAL_SECONDS,
        log_max_size_bytes: LOG_LIMIT,
        token,
        ..Job::default()
    }))
}

pub(super) async fn start(
    State(server): State<Server>,
    runner: Runner,
    Path(id): Path<JobId>,
    Input(_): Input<StartRequest>,
) -> Result<Json<Value>, Fault> {
    let job = server.store.job(&id).await?;
    let agent = runner.speaks_for(&job)?;
    happen(&server, &id, Event::Start { agent }).await
}

pub(super) async fn finish(
    State(server): State<Server>,
    runner: Runner,
    Path(id): Path<JobId>,
    Input(request): Input<FinishRequest>,
) -> Result<Json<Value>, Fault> {
    let job = server.store.job(&id).await?;
    let agent = runner.speaks_for(&job)?;
    let exit_status = request.exit_status.parse().map_err(|_| {
        Fault::refused(format!(
            "exit_status {:?} is not a decimal number",
            request.exit_status
        ))
    })?;
    if request.chunks_failed_count > 0 {
        let chunks = request.chunks_failed_count;
        warn!(job = id.as_str(), chunks, "parts of the log were refused");
    }
    let report = Report {
        exit_status,
        signal: request.signal.filter(|signal| !signal.is_empty()),
        reason: request.signal_reason,
        chunks_failed: u32::try_from(request.chunks_failed_count).unwrap_or(u32::MAX),
    };
    happen(&server, &id, Event::Finish { agent, report }).await
}

pub(super) async fn state(
    State(server): State<Server>,
    runner: Runner,
    Path(id): Path<JobId>,
) -> Result<Json<JobStateResponse>, Fault> {
    let job = server.store.job(&id).await?;
    runner.must_hold(&job)?;
    Ok(Json(JobStateResponse {
        state: job.state.name_for_runner().to_owned(),
    }))
}

async fn happen(server: &Server, id: &JobId, event: Event) -> Result<Json<Value>, Fault> {
    let changed = server.store.happen(id, event, server.now()).await?;
    server.announce(&changed).await;
    Ok(Json(json!({})))
}
