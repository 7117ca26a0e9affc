//! The REST interface for people's tools, shaped after Buildkite's REST v2.

mod agents;
mod builds;
pub(crate) mod hosts;
pub(crate) mod logs;
mod pipelines;
mod shape;
mod steps;

use axum::Router;
use axum::routing::{delete, get, put};

use crate::Server;

pub(crate) use agents::REMEMBERED;
pub(crate) use shape::{finished, started};

/// The routes below `/v2/organizations/{org}`.
pub(crate) fn routes() -> Router<Server> {
    Router::new()
        .route("/agents", get(agents::list))
        .route("/agents/{id}/stop", put(agents::stop))
        .route("/agents/{id}/pause", put(agents::pause))
        .route("/agents/{id}/resume", put(agents::resume))
        .route("/hosts", get(hosts::list).delete(hosts::remove_unseen))
        .route("/hosts/{id}", delete(hosts::remove))
        .route("/hosts/{id}/approve", put(hosts::approve))
        .route("/hosts/{id}/disable", put(hosts::disable))
        .route("/pipelines", get(pipelines::list).post(pipelines::create))
        .route("/pipelines/{slug}", get(pipelines::show))
        .route(
            "/pipelines/{slug}/builds",
            get(builds::list).post(builds::create),
        )
        .route("/pipelines/{slug}/builds/{number}", get(builds::show))
        .route(
            "/pipelines/{slug}/builds/{number}/cancel",
            put(builds::cancel),
        )
        .route(
            "/pipelines/{slug}/builds/{number}/jobs/{job}/log",
            get(logs::show),
        )
        .route(
            "/pipelines/{slug}/builds/{number}/jobs/{job}/log/stream",
            get(logs::stream),
        )
}
