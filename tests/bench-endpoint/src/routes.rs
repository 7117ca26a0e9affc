//! The Agent API, as far as a job without a checkout needs it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::log::Place;
use crate::script::Script;

/// The script, whom to tell when its last job has finished, and when the endpoint started.
type Shared = (Arc<Mutex<Script>>, Arc<Notify>, Instant);

pub(crate) fn router(script: Arc<Mutex<Script>>, finished: Arc<Notify>) -> Router {
    Router::new()
        .fallback(answer)
        .with_state((script, finished, Instant::now()))
}

/// A thread that panicked leaves counters that are as good as any.
pub(crate) fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is asked for.
enum Asked<'a> {
    Register,
    Ping,
    Heartbeat,
    Accept(&'a str),
    Chunk(&'a str),
    Finish(&'a str),
    /// Connect and whatever else wants no answer of its own.
    Other,
}

impl<'a> Asked<'a> {
    fn of(uri: &'a Uri) -> Self {
        let mut words = uri.path().trim_start_matches("/v3/").split('/');
        match (words.next(), words.next(), words.next()) {
            (Some("register"), ..) => Self::Register,
            (Some("ping"), ..) => Self::Ping,
            (Some("heartbeat"), ..) => Self::Heartbeat,
            (Some("jobs"), Some(job), Some("accept")) => Self::Accept(job),
            (Some("jobs"), Some(job), Some("chunks")) => Self::Chunk(job),
            (Some("jobs"), Some(job), Some("finish")) => Self::Finish(job),
            _ => Self::Other,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Ping => "ping",
            Self::Heartbeat => "heartbeat",
            Self::Accept(_) => "accept",
            Self::Chunk(_) => "chunk",
            Self::Finish(_) => "finish",
            Self::Other => "other",
        }
    }
}

async fn answer(State((script, finished, began)): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let asked = Asked::of(&parts.uri);
    let now = began.elapsed();
    let mut script = lock(&script);
    if !script.admits(asked.kind(), now) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let reply = match asked {
        Asked::Register => script.register(),
        Asked::Ping => script.ping(),
        // With what was sent, as any endpoint that has taken note of it.
        Asked::Heartbeat => serde_json::from_slice(&body).unwrap_or_default(),
        Asked::Accept(job) => script.accept(job, now),
        Asked::Chunk(job) => return chunk(&mut script, job, &parts.uri, body),
        Asked::Finish(job) => {
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            if script.finish(job, &body, now) {
                finished.notify_one();
            }
            json!({})
        }
        Asked::Other => json!({}),
    };
    Json(reply).into_response()
}

fn chunk(script: &mut Script, job: &str, uri: &Uri, gzip: Bytes) -> Response {
    let query = uri.query().unwrap_or_default();
    let number = |name: &str| {
        let mut parts = query.split('&').filter_map(|part| part.split_once('='));
        parts
            .find(|(key, _)| *key == name)
            .and_then(|(_, value)| value.parse().ok())
    };
    let (Some(sequence), Some(offset), Some(size)) =
        (number("sequence"), number("offset"), number("size"))
    else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let place = Place {
        sequence,
        offset,
        size,
    };
    script.chunk(job, place, gzip);
    StatusCode::CREATED.into_response()
}
