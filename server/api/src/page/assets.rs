//! The style sheet, the script and the icon, out of the program itself.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

/// `GET /assets/{name}`. Browsers ask again each time, so a new server never meets an old script.
pub(super) async fn show(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "trireme.css" => (
            "text/css; charset=utf-8",
            include_str!("../../assets/trireme.css"),
        ),
        "trireme.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../assets/trireme.js"),
        ),
        "trireme.svg" => ("image/svg+xml", include_str!("../../assets/trireme.svg")),
        _ => return super::not_found().await,
    };
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-cache"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}
