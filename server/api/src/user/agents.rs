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
    let since = server.now().minus(REMEMBERED);
    let agents = server.store.agents(since).await?;
    Ok(Json(agents.iter().map(shape::agent).collect()))
}
