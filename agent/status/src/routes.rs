//! Which address answers what.

use std::sync::Arc;

use agent_metrics::{CONTENT_TYPE as METRICS_TYPE, ProcessFacts};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::time::Instant;

use crate::server::Shared;
use crate::{connected, json, page, times};

const PLAIN: &str = "text/plain; charset=utf-8";

/// All of the server's addresses. Each answers GET and HEAD.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let is_connected = "isConnectedToServer";
    Router::new()
        .route("/", get(async || "OK: Buildkite agent is running"))
        .route("/agent/{number}", get(worker))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .route("/status.json", get(status_json))
        .route("/status/trireme.css", get(async || style()))
        .route("/status/trireme.js", get(async || script()))
        .route(&format!("/health/v1/{is_connected}"), get(health))
        .route(&format!("/health/latest/{is_connected}"), get(health))
        .fallback(not_found)
        .layer(map_response(protected))
        .with_state(shared)
}

/// Headers of every answer. What slipped through as markup could still not run.
async fn protected(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
        connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
        frame-ancestors 'none'";
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// Whether a worker's heartbeats arrive.
async fn worker(State(shared): State<Arc<Shared>>, Path(number): Path<String>) -> Response {
    let now = Instant::now();
    let answer = number.parse().ok().and_then(|number: u32| {
        let state = shared.board.state();
        let worker = state.workers.get(&number)?;
        Some(heartbeat(&worker.heartbeat, now))
    });
    match answer {
        Some(answer) => answer.into_response(),
        None => not_found().await,
    }
}

/// In the peer's words, which supervisors match.
fn heartbeat(contact: &crate::board::Contact, now: Instant) -> (StatusCode, String) {
    let ago = contact
        .answered
        .map(|at| times::go(now.saturating_duration_since(at)));
    match (&contact.error, ago) {
        (None, None) => (StatusCode::OK, "OK: no heartbeat yet".to_owned()),
        (None, Some(ago)) => {
            let text = format!("OK: last heartbeat successful {ago} ago");
            (StatusCode::OK, text)
        }
        (Some(error), ago) => {
            let last = match ago {
                Some(ago) => format!("last successful was {ago} ago"),
                None => "none was successful yet".to_owned(),
            };
            let text = format!("ERROR: last heartbeat failed: {error}. {last}");
            (StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    }
}

/// Whether the agent has lately been heard by its endpoint, in the words of GoCD's agents.
async fn health(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    if connected::agent(&shared.board.state(), Instant::now()) {
        (StatusCode::OK, "OK!")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Bad!")
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let text = shared.prometheus.text(ProcessFacts::read().as_ref());
    ([(CONTENT_TYPE, METRICS_TYPE)], text).into_response()
}

async fn status_json(State(shared): State<Arc<Shared>>) -> Response {
    let text = json::text(&shared.board.state());
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

async fn status(State(shared): State<Arc<Shared>>) -> Response {
    let now = Instant::now();
    let process = ProcessFacts::read();
    let up = now.saturating_duration_since(shared.started);
    let rendered = {
        let state = shared.board.state();
        page::render(&state, &shared.facts, process.as_ref(), up, now)
    };
    match rendered {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            let text = format!("the page could not be made: {error}\n");
            let plain = [(CONTENT_TYPE, PLAIN)];
            (StatusCode::INTERNAL_SERVER_ERROR, plain, text).into_response()
        }
    }
}

fn style() -> Response {
    let text = include_str!("../assets/trireme.css");
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], text).into_response()
}

fn script() -> Response {
    let text = include_str!("../assets/trireme.js");
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response()
}
