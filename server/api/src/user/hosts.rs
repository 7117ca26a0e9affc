//! Machines and what people decide about them, over REST.

use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use server_jobs::host::Work;
use server_jobs::{Admission, HostStanding, Moment, State as JobState};
use server_store::{HostRow, StoreError};
use shared_protocol::HostId;
use tracing::info;

use super::agents::REMEMBERED;
use crate::Server;
use crate::auth::User;
use crate::fault::Fault;
use crate::stamp::rfc3339;

const DAY: Duration = Duration::from_hours(24);

/// A decision about a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Let it in, whether it waits or was shut out.
    Approve,
    /// Shut it out: no jobs for its workers, no new workers.
    Disable,
    /// Forget it.
    Remove,
}

pub(super) async fn list(State(server): State<Server>, _: User) -> Result<Json<Value>, Fault> {
    let standings = standings(&server).await?;
    Ok(Json(
        standings.iter().map(|(row, at)| shape(row, *at)).collect(),
    ))
}

pub(super) async fn approve(
    State(server): State<Server>,
    User(who): User,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, Fault> {
    change(&server, &who, id, Decision::Approve).await
}

pub(super) async fn disable(
    State(server): State<Server>,
    User(who): User,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, Fault> {
    change(&server, &who, id, Decision::Disable).await
}

pub(super) async fn remove(
    State(server): State<Server>,
    User(who): User,
    Path((_, id)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    decide(&server, &who, &HostId::new(id), Decision::Remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which machines are to be forgotten.
#[derive(Debug, Deserialize)]
pub(crate) struct Unseen {
    /// Days without a sign of them, at least one.
    pub(crate) unseen_for_days: u32,
}

pub(super) async fn remove_unseen(
    State(server): State<Server>,
    User(who): User,
    Query(unseen): Query<Unseen>,
) -> Result<Json<Value>, Fault> {
    let removed = forget_unseen(&server, &who, &unseen).await?;
    Ok(Json(json!({"removed": removed})))
}

/// Forgets the machines that were let in and not seen for so many days.
pub(crate) async fn forget_unseen(
    server: &Server,
    who: &str,
    unseen: &Unseen,
) -> Result<Vec<HostId>, Fault> {
    let days = unseen.unseen_for_days;
    if days == 0 {
        return Err(Fault::refused("unseen_for_days is 1 or more"));
    }
    let before = server.now().minus(DAY.saturating_mul(days));
    let removed = server.store.remove_unseen_hosts(before).await?;
    for host in &removed {
        info!(
            host = host.as_str(),
            who, days, "host not seen for long, forgotten"
        );
    }
    server.wakes.fleet();
    Ok(removed)
}

async fn change(
    server: &Server,
    who: &str,
    id: String,
    decision: Decision,
) -> Result<Json<Value>, Fault> {
    let id = HostId::new(id);
    decide(server, who, &id, decision).await?;
    let standings = standings(server).await?;
    let found = standings.iter().find(|(row, _)| row.id == id);
    found
        .map(|(row, at)| Json(shape(row, *at)))
        .ok_or_else(|| Fault::not_found("no such host"))
}

/// Does what `who` decided.
pub(crate) async fn decide(
    server: &Server,
    who: &str,
    id: &HostId,
    decision: Decision,
) -> Result<(), StoreError> {
    match decision {
        Decision::Approve => server.store.decide(id, Admission::Approved).await?,
        Decision::Disable => server.store.decide(id, Admission::Disabled).await?,
        Decision::Remove => server.store.remove_host(id).await?,
    }
    info!(host = id.as_str(), who, ?decision, "host decided about");
    server.wakes.fleet();
    Ok(())
}

/// All machines, with what they are doing.
pub(crate) async fn standings(server: &Server) -> Result<Vec<(HostRow, HostStanding)>, StoreError> {
    let mut rows = server.store.hosts().await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let now = server.now();
    let mut work: HashMap<HostId, Vec<Work>> = HashMap::new();
    let mut seen: HashMap<HostId, Moment> = HashMap::new();
    for agent in server.store.agents(now.minus(REMEMBERED)).await? {
        let Some(host) = agent.host.clone() else {
            continue;
        };
        let last = seen.entry(host.clone()).or_default();
        *last = agent.heard.max(*last);
        let state = match &agent.job {
            Some(job) => Some(server.store.job(job).await?.state),
            None => None,
        };
        work.entry(host).or_default().push(Work {
            worker: agent.standing(now),
            stopping: state.as_ref().is_some_and(is_stopping),
            running: state.as_ref().is_some_and(is_running),
        });
    }
    for row in &mut rows {
        row.seen = seen.get(&row.id).map_or(row.seen, |at| row.seen.max(*at));
    }
    let standing = |row: &HostRow| {
        let workers = work.get(&row.id).map_or(&[][..], Vec::as_slice);
        HostStanding::of(row.admission, workers)
    };
    let standings: Vec<HostStanding> = rows.iter().map(standing).collect();
    Ok(rows.into_iter().zip(standings).collect())
}

fn is_stopping(state: &JobState) -> bool {
    matches!(state, JobState::Canceling { .. })
}

fn is_running(state: &JobState) -> bool {
    matches!(state, JobState::Running { .. })
}

fn shape(row: &HostRow, standing: HostStanding) -> Value {
    json!({
        "id": row.id,
        "state": standing.as_str(),
        "admission": row.admission.as_str(),
        "hostname": row.hostname,
        "os": row.os,
        "arch": row.arch,
        "version": row.version,
        "location": row.location,
        "free_bytes": row.free_bytes,
        "resources": row.resources,
        "environments": row.environments,
        "created_at": rfc3339(row.asked),
        "last_asked_at": rfc3339(row.heard),
        "last_seen_at": rfc3339(row.seen),
    })
}
