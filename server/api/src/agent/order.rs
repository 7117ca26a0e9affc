//! What somebody asks of a worker with its token or its job's. `agent stop`, `pause` and `resume` do.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use shared_protocol::AgentId;
use shared_protocol::agent::{PauseRequest, StopRequest};

use super::presence::known;
use crate::auth::Runner;
use crate::fault::Fault;
use crate::input::Input;
use crate::{Server, order};

pub(super) async fn stop(
    State(server): State<Server>,
    runner: Runner,
    Input(request): Input<StopRequest>,
) -> Result<Json<Value>, Fault> {
    let id = asked(&server, &runner).await?;
    order::stop(&server, &id, &request).await?;
    Ok(Json(json!({})))
}

pub(super) async fn pause(
    State(server): State<Server>,
    runner: Runner,
    Input(request): Input<PauseRequest>,
) -> Result<Json<Value>, Fault> {
    let id = asked(&server, &runner).await?;
    order::pause(&server, &id, request).await?;
    Ok(Json(json!({})))
}

pub(super) async fn resume(
    State(server): State<Server>,
    runner: Runner,
) -> Result<Json<Value>, Fault> {
    let id = asked(&server, &runner).await?;
    order::resume(&server, &id).await?;
    Ok(Json(json!({})))
}

async fn asked(server: &Server, runner: &Runner) -> Result<AgentId, Fault> {
    let id = runner.worker(server).await?;
    known(server, &id).await?;
    Ok(id)
}
