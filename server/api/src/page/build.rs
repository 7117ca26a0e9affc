//! The page of one build: its jobs, and the log of one of them.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use server_store::{JobRow, StoreError};
use shared_protocol::JobId;
use tracing::info;

use super::session::Visitor;
use super::view::{BuildView, JobView, build_path};
use super::{Broken, page};
use crate::Server;
use crate::ansi::Renderer;
use crate::user::logs;

/// How much of the end of a log is on the page; the whole is a link away.
const SHOWN: u64 = 256 << 10;

#[derive(Template)]
#[template(path = "build.html")]
struct BuildPage {
    build: BuildView,
    jobs: Vec<JobView>,
    log: Option<LogView>,
}

/// The log that is shown.
struct LogView {
    /// Path of the raw log.
    path: String,
    label: String,
    /// Finished lines and the unfinished one, as HTML that is safe by construction.
    lines: String,
    unfinished: String,
    /// Whether the page shows only the end of the log.
    is_cut: bool,
    is_live: bool,
    is_empty: bool,
    /// Where the stream of the page goes on.
    resume_at: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    job: Option<JobId>,
}

pub(super) async fn show(
    State(server): State<Server>,
    _: Visitor,
    Path((slug, number)): Path<(String, u32)>,
    Query(choice): Query<Choice>,
) -> Result<impl IntoResponse, Broken> {
    let now = server.now();
    let row = server.store.build(&slug, number).await?;
    let jobs = server.store.jobs_of(&row.id).await?;
    let shown = choose(&jobs, choice.job.as_ref());
    let log = match shown {
        Some(job) => Some(read(&server, &build_path(&row), job).await?),
        None => None,
    };
    let is_shown = |job: &JobRow| shown.is_some_and(|shown| shown.id == job.id);
    page(&BuildPage {
        build: BuildView::new(&row, &jobs, now),
        jobs: jobs
            .iter()
            .map(|job| JobView::new(job, is_shown(job), now))
            .collect(),
        log,
    })
}

/// The job that was asked for; else the one that runs, else the first that did not pass, else the
/// last that did.
fn choose<'a>(jobs: &'a [JobRow], asked: Option<&JobId>) -> Option<&'a JobRow> {
    let find = |want: &dyn Fn(&JobRow) -> bool| jobs.iter().find(|job| want(job));
    find(&|job| Some(&job.id) == asked)
        .or_else(|| find(&|job| job.state.holder().is_some()))
        .or_else(|| find(&|job| job.state.is_finished() && !job.state.has_passed()))
        .or_else(|| jobs.iter().rfind(|job| job.state.has_passed()))
        .or_else(|| jobs.first())
}

/// The end of a log, from the beginning of a line.
async fn read(server: &Server, build: &str, job: &JobRow) -> Result<LogView, StoreError> {
    let mut offset = job.log_size.saturating_sub(SHOWN);
    let mut bytes = Vec::new();
    loop {
        let at = offset + bytes.len() as u64;
        let piece = server.store.read_log(&job.id, at, job.log_size).await?;
        if piece.is_empty() {
            break;
        }
        bytes.extend(piece);
    }
    if offset > 0 {
        let line = bytes
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        bytes.drain(..line);
        offset += line as u64;
    }
    let mut renderer = Renderer::new(offset);
    let lines = renderer.push(&bytes);
    Ok(LogView {
        path: format!("{build}/jobs/{}/log", job.id),
        label: job.step.label.clone(),
        lines,
        unfinished: renderer.unfinished(),
        is_cut: offset > 0,
        is_live: !job.state.is_finished(),
        is_empty: job.log_size == 0,
        resume_at: renderer.resume_at(),
    })
}

pub(super) async fn cancel(
    State(server): State<Server>,
    _: Visitor,
    Path((slug, number)): Path<(String, u32)>,
) -> Result<impl IntoResponse, Broken> {
    let row = server.store.build(&slug, number).await?;
    match server.store.cancel_build(&row.id, server.now()).await {
        Ok(changed) => {
            info!(pipeline = slug, number, "build canceled");
            server.announce(&changed).await;
        }
        // It ended while the page was looked at; the page will say how.
        Err(StoreError::Refused(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Redirect::to(&build_path(&row)))
}

pub(super) async fn raw_log(
    State(server): State<Server>,
    _: Visitor,
    Path((slug, number, job)): Path<(String, u32, JobId)>,
    headers: HeaderMap,
) -> Result<Response, Broken> {
    let job = logs::find(&server, &slug, number, &job).await?;
    Ok(logs::raw(server, &job, &headers))
}
