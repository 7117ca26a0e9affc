//! Workers, over REST.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;
use shared_protocol::AgentId;
use shared_protocol::agent::{PauseRequest, StopRequest};

use super::shape;
use crate::auth::User;
use crate::fault::Fault;
use crate::input::Input;
use crate::{Server, order};

/// The organization and the worker of a path.
type Named = Path<(String, AgentId)>;

/// How long a worker that is gone is still listed.
pub(crate) const REMEMBERED: Duration = Duration::from_hours(1);

pub(super) async fn list(State(server): State<Server>, _: User) -> Result<Json<Value>, Fault> {
    let now = server.now();
    let agents = server.store.agents(now.minus(REMEMBERED)).await?;
    let shaped = agents.iter().map(|row| shape::agent(row, now));
    Ok(Json(shaped.collect()))
}

pub(super) async fn stop(
    State(server): State<Server>,
    _: User,
    Path((_, id)): Named,
    Input(request): Input<StopRequest>,
) -> Result<StatusCode, Fault> {
    order::stop(&server, &id, &request).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn pause(
    State(server): State<Server>,
    _: User,
    Path((_, id)): Named,
    Input(request): Input<PauseRequest>,
) -> Result<StatusCode, Fault> {
    order::pause(&server, &id, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn resume(
    State(server): State<Server>,
    _: User,
    Path((_, id)): Named,
) -> Result<StatusCode, Fault> {
    order::resume(&server, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
