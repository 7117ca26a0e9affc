//! The release tree over HTTP, as a static file host would serve it: no tokens, validators, ranges.

mod blob;
mod manifest;
pub(crate) mod range;

use axum::Router;
use axum::routing::get;

use crate::Server;

/// The routes below `/releases/v1`.
pub(crate) fn routes() -> Router<Server> {
    Router::new()
        .route("/{channel}/manifest.json", get(manifest::show))
        .route("/roots/{file}", get(manifest::root))
        .route("/blobs/{digest}", get(blob::show))
}
