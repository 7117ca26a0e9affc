//! Workers, over REST.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::shape;
use crate::Server;
use crate::auth::User;
use crate::fault::Fault;

/// How long a worker that is gone is still listed.
pub(crate) const REMEMBERED: Duration = Duration::from_hours(1);

pub(super) async fn list(State(server): State<Server>, _: User) -> Result<Json<Value>, Fault> {
    let now = server.now();
    let agents = server.store.agents(now.minus(REMEMBERED)).await?;
    let shaped = agents.iter().map(|row| shape::agent(row, now));
    Ok(Json(shaped.collect()))
}
