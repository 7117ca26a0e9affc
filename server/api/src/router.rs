//! All routes in one place.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::fault::Fault;
use crate::input::LONGEST_JSON;
use crate::{Server, agent, page, release, user};

/// Everything the server answers.
pub fn router(server: Server) -> Router {
    Router::new()
        .nest("/v3", agent::routes(&server))
        .nest("/v2/organizations/{org}", user::routes())
        .nest("/releases/v1", release::routes())
        .merge(page::routes())
        .route("/healthz", get(health))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
        .layer(DefaultBodyLimit::max(LONGEST_JSON))
        .with_state(server)
}

/// For load balancers and service managers: 200 while the database answers. Tells nothing else.
async fn health(State(server): State<Server>) -> Result<&'static str, Fault> {
    server.store.check().await?;
    Ok("ok\n")
}

/// Tools are answered as tools, people as people.
async fn nothing_here(uri: Uri) -> Response {
    let path = uri.path();
    if ["/v2", "/v3", "/releases"]
        .iter()
        .any(|tree| path.starts_with(tree))
    {
        return Fault::not_found(format!("there is nothing at {path}")).into_response();
    }
    page::not_found().await
}

async fn not_that_way(uri: Uri) -> Fault {
    let message = format!("{} does not take this method", uri.path());
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, message)
}
