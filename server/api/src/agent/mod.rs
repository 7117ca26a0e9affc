//! The Agent API: what workers and runners ask, in the order of a worker's life.
//!
//! Wire format: Buildkite's Agent API v3. Statuses matter to agents: 4xx other than 429 means "do
//! not ask again", 5xx means "later", and 401 to a runner means that its job is no longer its own.

mod chunk;
mod enroll;
mod env;
mod job;
mod order;
mod presence;
mod register;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderValue;
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::{get, post, put};

use shared_protocol::header::RELEASE_SERIAL;

use crate::Server;

/// The routes below `/v3`.
pub(crate) fn routes(server: &Server) -> Router<Server> {
    Router::new()
        .route("/enroll", post(enroll::enroll))
        .route("/register", post(register::register))
        .route("/connect", post(presence::connect))
        .route("/disconnect", post(presence::disconnect))
        .route("/ping", get(presence::ping))
        .route("/heartbeat", post(presence::heartbeat))
        .route("/stop", post(order::stop))
        .route("/pause", post(order::pause))
        .route("/resume", post(order::resume))
        .route("/jobs/{id}", get(job::state))
        .route("/jobs/{id}/accept", put(job::accept))
        .route("/jobs/{id}/start", put(job::start))
        .route("/jobs/{id}/finish", put(job::finish))
        .route(
            "/jobs/{id}/chunks",
            post(chunk::receive).layer(DefaultBodyLimit::max(chunk::LONGEST_BODY)),
        )
        .layer(map_response_with_state(server.clone(), name_release))
}

/// Names the release that the host should run. Every answer does: a worker that runs a long job
/// does not ping, but polls the job's state.
async fn name_release(State(server): State<Server>, mut answer: Response) -> Response {
    if let Some(serial) = server.release_serial() {
        answer
            .headers_mut()
            .insert(RELEASE_SERIAL, HeaderValue::from(serial));
    }
    answer
}
