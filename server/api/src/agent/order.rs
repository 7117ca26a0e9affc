//! What people ask of a worker, with its token or its job's: to stop, to pause, to go on. The worker
//! hears it in the answer to its next ping.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use server_jobs::Ask;
use shared_protocol::AgentId;
use shared_protocol::agent::{PauseRequest, StopRequest};
use tracing::info;

use super::presence::known;
use crate::Server;
use crate::auth::Runner;
use crate::fault::Fault;
use crate::input::Input;

/// Longest note of a pause, in bytes. It is said again in the answer to every ping.
const LONGEST_NOTE: usize = 1000;

pub(super) async fn stop(
    State(server): State<Server>,
    runner: Runner,
    Input(request): Input<StopRequest>,
) -> Result<Json<Value>, Fault> {
    let id = runner.worker(&server).await?;
    ask(&server, &id, Ask::Stop).await?;
    info!(
        agent = id.as_str(),
        force = request.force,
        "agent was asked to stop"
    );
    if request.force {
        let changed = server.store.cancel_work_of(&id, server.now()).await?;
        server.announce(&changed).await;
    }
    Ok(Json(json!({})))
}

pub(super) async fn pause(
    State(server): State<Server>,
    runner: Runner,
    Input(request): Input<PauseRequest>,
) -> Result<Json<Value>, Fault> {
    let Ok(minutes) = u64::try_from(request.timeout_in_minutes) else {
        return Err(Fault::refused("timeout_in_minutes is 0 or more"));
    };
    if request.note.len() > LONGEST_NOTE {
        let message = format!("note is longer than {LONGEST_NOTE} bytes");
        return Err(Fault::refused(message));
    }
    let id = runner.worker(&server).await?;
    let time = (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)));
    let note = request.note;
    ask(&server, &id, Ask::Pause { note, time }).await?;
    info!(agent = id.as_str(), minutes, "agent was asked to pause");
    Ok(Json(json!({})))
}

pub(super) async fn resume(
    State(server): State<Server>,
    runner: Runner,
) -> Result<Json<Value>, Fault> {
    let id = runner.worker(&server).await?;
    ask(&server, &id, Ask::Resume).await?;
    info!(agent = id.as_str(), "agent was asked to go on");
    Ok(Json(json!({})))
}

async fn ask(server: &Server, id: &AgentId, ask: Ask) -> Result<(), Fault> {
    known(server, id).await?;
    server.store.ask(id, ask, server.now()).await?;
    server.wakes.fleet();
    Ok(())
}
