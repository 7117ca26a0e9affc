//! Logs, over REST: as they are now, or as they grow.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::json;
use server_jobs::State as JobState;
use server_store::JobRow;
use shared_protocol::JobId;

use crate::Server;
use crate::auth::User;
use crate::fault::Fault;
use crate::release::range::{Wanted, wanted};
use crate::tail::{Piece, Tail};

/// Time between two signs of life on a silent stream, so that proxies keep it open.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where a job is in the paths of this file.
type Place = Path<(String, String, u32, JobId)>;

/// `GET …/log`: the raw bytes. `Range` works, so a log can be fetched piece by piece as it grows.
pub(super) async fn show(
    State(server): State<Server>,
    _: User,
    Path((_, slug, number, job)): Place,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let job = find(&server, &slug, number, &job).await?;
    Ok(raw(server, &job, &headers))
}

/// The raw bytes of a log, or the range of them that was asked for.
pub(crate) fn raw(server: Server, job: &JobRow, headers: &HeaderMap) -> Response {
    let size = job.log_size;
    let range = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let (status, span) = match wanted(range, size) {
        Wanted::All => (StatusCode::OK, 0..size),
        Wanted::Part(span) => (StatusCode::PARTIAL_CONTENT, span),
        Wanted::Nothing => {
            let total = [(CONTENT_RANGE, format!("bytes */{size}"))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, total).into_response();
        }
    };
    let mut answer = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_LENGTH, span.end - span.start);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{size}", span.start, span.end - 1);
        answer = answer.header(CONTENT_RANGE, range);
    }
    let id = job.id.clone();
    let pieces = stream::try_unfold(span.start, move |offset| {
        let (server, id) = (server.clone(), id.clone());
        async move {
            let bytes = server.store.read_log(&id, offset, span.end).await?;
            let next = offset + bytes.len() as u64;
            Ok::<_, server_store::StoreError>((!bytes.is_empty()).then_some((bytes, next)))
        }
    });
    answer
        .body(Body::from_stream(pieces))
        .expect("these headers are well formed")
}

#[derive(Debug, Deserialize)]
pub(super) struct From {
    #[serde(default)]
    offset: u64,
}

/// `GET …/log/stream`: server-sent events. `log` carries base64 of the bytes and, as its id, the
/// offset behind them; `end` carries the job's state. After a break, `Last-Event-ID` goes on there.
pub(super) async fn stream(
    State(server): State<Server>,
    _: User,
    Path((_, slug, number, job)): Place,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Fault> {
    let job = find(&server, &slug, number, &job).await?;
    let offset = last_event_id(&headers).unwrap_or(from.offset);
    let tail = Tail::new(server, job.id, offset);
    Ok(Sse::new(events(tail)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The offset at which a stream that broke goes on.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

fn events(tail: Tail) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Some(tail), |tail| async move {
        let mut tail = tail?;
        match tail.next().await {
            Ok(Some(Piece::Bytes { end, bytes })) => {
                let data = STANDARD.encode(bytes);
                let event = Event::default().event("log").id(end.to_string()).data(data);
                Some((Ok(event), Some(tail)))
            }
            Ok(Some(Piece::End(job))) => Some((Ok(end_event(&job)), None)),
            Ok(None) | Err(_) => None,
        }
    })
}

/// The last event of a stream.
pub(crate) fn end_event(job: &JobRow) -> Event {
    let exit_status = match &job.state {
        JobState::Finished(end) => end.exit_status,
        _ => None,
    };
    let data = json!({"state": job.state.name(), "exit_status": exit_status});
    Event::default().event("end").data(data.to_string())
}

/// The job of that id, if it belongs to that build.
pub(crate) async fn find(
    server: &Server,
    slug: &str,
    number: u32,
    job: &JobId,
) -> Result<JobRow, Fault> {
    let build = server.store.build(slug, number).await?;
    let job = server.store.job(job).await?;
    if job.build == build.id {
        Ok(job)
    } else {
        Err(Fault::not_found("no such job in this build"))
    }
}
