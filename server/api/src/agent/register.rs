//! `POST register`: a new worker.

use axum::Json;
use axum::extract::State;
use server_store::{NewAgent, StoreError};
use shared_protocol::agent::{RegisterRequest, RegisterResponse};
use tracing::info;

use super::enroll::tags_of_host;
use crate::Server;
use crate::auth::Registrar;
use crate::fault::Fault;
use crate::input::Input;

/// Longest name of a worker, in characters.
const LONGEST_NAME: usize = 200;

pub(super) async fn register(
    State(server): State<Server>,
    Registrar(host): Registrar,
    Input(request): Input<RegisterRequest>,
) -> Result<Json<RegisterResponse>, Fault> {
    let name = name_of(&request);
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(Fault::refused(format!(
            "an agent's name has 1 to {LONGEST_NAME} characters"
        )));
    }
    let mut tags = request.meta_data;
    if let Some(host) = &host {
        tags.extend(tags_of_host(&server, host).await.map_err(host_is_gone)?);
    }
    let new = NewAgent {
        name,
        hostname: request.hostname,
        version: request.version,
        arch: request.arch,
        tags,
        takes_jobs: !request.ignore_in_dispatches,
        host,
    };
    let registered = server.store.register(&new, server.now()).await;
    let (id, access_token) = registered.map_err(host_is_gone)?;
    info!(
        agent = id.as_str(),
        name = new.name,
        version = new.version,
        "agent registered"
    );
    server.wakes.fleet();
    let settings = &server.settings;
    Ok(Json(RegisterResponse {
        id,
        name: new.name,
        access_token,
        // Empty: stay at the address you used. It is the one that works for you.
        endpoint: String::new(),
        request_headers: None,
        ping_interval: settings.ping_interval.as_secs(),
        job_status_interval: settings.job_status_interval.as_secs(),
        heartbeat_interval: settings.heartbeat_interval.as_secs(),
        meta_data: new.tags,
        tracing: None,
    }))
}

/// A person may have decided about the host since its secret was looked at.
fn host_is_gone(error: StoreError) -> Fault {
    match error {
        StoreError::NotFound { .. } => Fault::unauthorized("this host is not let in any more"),
        other => other.into(),
    }
}

/// Fills in the placeholders that agents leave to the endpoint.
fn name_of(request: &RegisterRequest) -> String {
    let pid = request.pid.map(|pid| pid.to_string()).unwrap_or_default();
    request
        .name
        .replace("%hostname", &request.hostname)
        .replace("%pid", &pid)
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_in_a_name_are_filled_in() {
        let request = RegisterRequest {
            name: "%hostname-%pid-x".to_owned(),
            hostname: "olympias".to_owned(),
            pid: Some(7),
            ..RegisterRequest::default()
        };
        assert_eq!(name_of(&request), "olympias-7-x");
    }
}
