//! Pages for people: rendered here, readable without scripts, kept current by server-sent events.
//!
//! Nothing comes from elsewhere: the style sheet and the one script are part of the server, and the
//! content security policy allows nothing else, so that text of a job that slipped through as markup
//! could still not run.

mod assets;
mod build;
mod home;
mod hosts;
mod live;
mod login;
mod session;
mod view;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::middleware::{from_fn, map_response};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use crate::Server;
use crate::fault::Fault;

/// The routes of the pages.
pub(crate) fn routes() -> Router<Server> {
    let build = "/pipelines/{slug}/builds/{number}";
    Router::new()
        .route("/", get(home::show))
        .route("/login", get(login::form).post(login::sign_in))
        .route("/logout", post(login::sign_out))
        .route("/events", get(live::fleet))
        .route("/hosts/forget", post(hosts::forget_unseen))
        .route("/hosts/{id}/{decision}", post(hosts::decide))
        .route(build, get(build::show))
        .route(&format!("{build}/cancel"), post(build::cancel))
        .route(&format!("{build}/jobs/{{job}}/log"), get(build::raw_log))
        .route(&format!("{build}/jobs/{{job}}/log/events"), get(live::log))
        .layer(from_fn(session::own_forms_only))
        .layer(map_response(protected))
        .route("/assets/{name}", get(assets::show))
}

/// Headers of every page.
async fn protected(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
        connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
        frame-ancestors 'none'";
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, axum::http::HeaderValue::from_static(value));
    }
    response
}

/// A page out of its template.
fn page(template: &impl Template) -> Result<Html<String>, Broken> {
    template
        .render()
        .map(Html)
        .map_err(|error| Broken(Fault::internal(&error)))
}

#[derive(Template)]
#[template(path = "broken.html")]
struct BrokenPage<'a> {
    title: &'a str,
    message: &'a str,
}

/// The page for an address that leads nowhere.
pub(crate) async fn not_found() -> Response {
    let broken = Broken(Fault::not_found("There is no page at this address."));
    protected(broken.into_response()).await
}

/// A fault as a page.
struct Broken(Fault);

impl<T: Into<Fault>> From<T> for Broken {
    fn from(fault: T) -> Self {
        Self(fault.into())
    }
}

impl IntoResponse for Broken {
    fn into_response(self) -> Response {
        let status = self.0.status;
        let title = match status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::INTERNAL_SERVER_ERROR => "The server failed",
            _ => "That did not work",
        };
        let message = &self.0.message;
        let html = BrokenPage { title, message }.render().unwrap_or_default();
        (status, Html(html)).into_response()
    }
}
