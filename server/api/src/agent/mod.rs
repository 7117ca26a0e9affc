//! The Agent API: what workers and runners ask, in the order of a worker's life.
//!
//! Wire format: Buildkite's Agent API v3. Statuses matter to agents: 4xx other than 429 means "do
//! not ask again", 5xx means "later", and 401 to a runner means that its job is no longer its own.

mod chunk;
mod env;
mod job;
mod presence;
mod register;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};

use crate::Server;

/// The routes below `/v3`.
pub(crate) fn routes() -> Router<Server> {
    Router::new()
        .route("/register", post(register::register))
        .route("/connect", post(presence::connect))
        .route("/disconnect", post(presence::disconnect))
        .route("/ping", get(presence::ping))
        .route("/heartbeat", post(presence::heartbeat))
        .route("/jobs/{id}", get(job::state))
        .route("/jobs/{id}/accept", put(job::accept))
        .route("/jobs/{id}/start", put(job::start))
        .route("/jobs/{id}/finish", put(job::finish))
        .route(
            "/jobs/{id}/chunks",
            post(chunk::receive).layer(DefaultBodyLimit::max(chunk::LONGEST_BODY)),
        )
}
