//! What keeps pages current: server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::json;
use shared_protocol::JobId;

use super::Broken;
use super::session::Visitor;
use crate::Server;
use crate::ansi::Renderer;
use crate::tail::{Piece, Tail};
use crate::user::logs::{self, KEEP_ALIVE};

/// Least time between two events about the fleet: many changes at once are one.
const CALM: Duration = Duration::from_millis(250);

/// `GET /events`: an event whenever something changed that a page may show.
pub(super) async fn fleet(State(server): State<Server>, _: Visitor) -> impl IntoResponse {
    let bells = (server.wakes.of_fleet(), server.stopping());
    let events = stream::unfold(bells, |(mut bell, mut stopping)| async move {
        tokio::select! {
            rung = bell.changed() => rung.ok()?,
            _ = stopping.wait_for(|stop| *stop) => return None,
        }
        tokio::time::sleep(CALM).await;
        bell.mark_unchanged();
        let event = Event::default().event("changed").data("");
        Some((Ok::<_, Infallible>(event), (bell, stopping)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

#[derive(Debug, Deserialize)]
pub(super) struct From {
    #[serde(default)]
    offset: u64,
}

/// `GET …/log/events`: the log as HTML. `lines` carries finished lines, to be added, and the
/// unfinished one, which replaces the unfinished one before it.
pub(super) async fn log(
    State(server): State<Server>,
    _: Visitor,
    Path((slug, number, job)): Path<(String, u32, JobId)>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Broken> {
    let job = logs::find(&server, &slug, number, &job).await?;
    let offset = logs::last_event_id(&headers).unwrap_or(from.offset);
    let tail = Tail::new(server, job.id, offset);
    let events = html_events(tail, Renderer::new(offset));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn html_events(tail: Tail, renderer: Renderer) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Some((tail, renderer)), |state| async move {
        let (mut tail, mut renderer) = state?;
        match tail.next().await {
            Ok(Some(Piece::Bytes { bytes, .. })) => {
                let lines = renderer.push(&bytes);
                let data = json!({"lines": lines, "unfinished": renderer.unfinished()});
                let event = Event::default()
                    .event("lines")
                    .id(renderer.resume_at().to_string())
                    .data(data.to_string());
                Some((Ok(event), Some((tail, renderer))))
            }
            Ok(Some(Piece::End(job))) => Some((Ok(logs::end_event(&job)), None)),
            Ok(None) | Err(_) => None,
        }
    })
}
