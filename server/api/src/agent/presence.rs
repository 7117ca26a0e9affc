//! A worker's presence: connect, ping, heartbeat, disconnect. A ping is also how it gets work.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use server_jobs::{Moment, Order, Presence};
use server_store::{AgentRow, StoreError};
use shared_protocol::AgentId;
use shared_protocol::agent::{Heartbeat, OfferedJob, PingAction, PingResponse};
use tracing::info;

use crate::auth::Worker;
use crate::fault::Fault;
use crate::input::Input;
use crate::{Server, stamp};

pub(super) async fn connect(
    State(server): State<Server>,
    Worker(id): Worker,
) -> Result<Json<Value>, Fault> {
    let now = server.now();
    known(&server, &id).await?;
    server.note_heard(&id, now);
    server.store.connect(&id, now).await?;
    info!(agent = id.as_str(), "agent connected");
    server.wakes.fleet();
    Ok(Json(json!({})))
}

pub(super) async fn disconnect(
    State(server): State<Server>,
    Worker(id): Worker,
) -> Result<Json<Value>, Fault> {
    known(&server, &id).await?;
    let changed = server
        .store
        .depart(&id, Presence::Disconnected, server.now())
        .await?;
    info!(agent = id.as_str(), "agent disconnected");
    server.announce(&changed).await;
    server.wakes.fleet();
    Ok(Json(json!({})))
}

pub(super) async fn heartbeat(
    State(server): State<Server>,
    Worker(id): Worker,
    Input(heartbeat): Input<Heartbeat>,
) -> Result<Json<Heartbeat>, Fault> {
    let now = server.now();
    hear(&server, &id, now).await?;
    Ok(Json(Heartbeat {
        received_at: Some(stamp::rfc3339(now)),
        ..heartbeat
    }))
}

pub(super) async fn ping(
    State(server): State<Server>,
    Worker(id): Worker,
) -> Result<Json<PingResponse>, Fault> {
    let now = server.now();
    let agent = hear(&server, &id, now).await?;
    let mut answer = PingResponse::default();
    let order = agent.order.at(now);
    if *order == Order::Stop {
        answer.action = PingAction::Disconnect;
        "this agent was asked to stop".clone_into(&mut answer.message);
    } else if agent.shut_out {
        answer.action = PingAction::Pause;
        "this host was disabled".clone_into(&mut answer.message);
    } else if let Order::Pause { note, .. } = order {
        answer.action = PingAction::Pause;
        answer.message.clone_from(note);
    } else if agent.takes_jobs
        && let Some((job, changed)) = server
            .store
            .offer(&agent, server.settings.lease, now)
            .await?
    {
        server.announce(&changed).await;
        answer.job = Some(OfferedJob { id: job });
    }
    Ok(Json(answer))
}

/// Notes that the worker is there. A worker that said goodbye must connect again first.
async fn hear(server: &Server, id: &AgentId, now: Moment) -> Result<AgentRow, Fault> {
    let agent = known(server, id).await?;
    let Some(presence) = agent.presence.heard() else {
        return Err(Fault::unauthorized(
            "this agent has disconnected; register again",
        ));
    };
    server.note_heard(id, now);
    if presence != agent.presence {
        info!(
            agent = id.as_str(),
            was = agent.presence.as_str(),
            "agent is back"
        );
        server.store.set_present(id, now).await?;
        server.wakes.fleet();
    }
    Ok(agent)
}

pub(super) async fn known(server: &Server, id: &AgentId) -> Result<AgentRow, Fault> {
    match server.store.agent(id).await {
        Err(StoreError::NotFound { .. }) => Err(Fault::unauthorized(
            "this agent is not known; register again",
        )),
        other => Ok(other?),
    }
}
