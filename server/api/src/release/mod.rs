//! The release tree over HTTP, as a static file host would serve it: no tokens, validators, ranges.

mod blob;
mod manifest;
pub(crate) mod range;

use axum::Router;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::Server;
use crate::fault::Fault;

/// The routes below `/releases/v1`.
pub(crate) fn routes() -> Router<Server> {
    Router::new()
        .route("/{channel}/manifest.json", get(manifest::show))
        .route("/roots/{file}", get(manifest::root))
        .route("/blobs/{digest}", get(blob::show))
}

/// The answer for what is not there. Nobody may keep it: the next publication can bring it at any
/// time.
fn missing(detail: &'static str) -> Response {
    let fault = Fault::not_found(detail).into_response();
    ([(CACHE_CONTROL, "no-store")], fault).into_response()
}
