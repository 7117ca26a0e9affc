//! `POST enroll`: a machine without a registration token asks to be let in. Trireme's own addition
//! to the Agent API; [`shared_protocol::enroll`] says what the statuses mean.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use server_jobs::host::Reception;
use server_store::{Asking, Enrolled, Grant, StoreError};
use shared_protocol::HostId;
use shared_protocol::enroll::{EnrollRequest, EnrollResponse, Waiting};
use tracing::{info, warn};

use crate::Server;
use crate::auth::Bearer;
use crate::fault::Fault;
use crate::input::Input;

/// When a machine that waits for a person asks again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Shortest secret: as many characters as 24 random bytes have in hex.
const SHORTEST_SECRET: usize = 48;
/// Longest text of any field, in characters.
const LONGEST_FIELD: usize = 1000;
/// Most resources, and most environments.
const MOST_WORDS: usize = 100;

pub(super) async fn enroll(
    State(server): State<Server>,
    Bearer(secret): Bearer,
    Input(request): Input<EnrollRequest>,
) -> Result<Response, Fault> {
    check(&request)?;
    if secret.expose().len() < SHORTEST_SECRET {
        return Err(Fault::refused(format!(
            "a host's secret has at least {SHORTEST_SECRET} characters"
        )));
    }
    let asking = Asking {
        has_key: has_key(&server, &request).await?,
        request: &request,
        secret: &secret,
        most_pending: server.settings.most_pending_hosts,
    };
    let enrolled = server.store.enroll(&asking, server.now()).await?;
    let (host, hostname) = (request.id.as_str(), request.hostname.as_str());
    server.wakes.fleet();
    match enrolled {
        Enrolled::Received(Reception::Admit) => {
            info!(host, hostname, "host is in");
            Ok(answer(StatusCode::OK, None))
        }
        Enrolled::Received(Reception::Pend) => {
            Ok(answer(StatusCode::ACCEPTED, Some(Waiting::Approval)))
        }
        Enrolled::Received(Reception::WaitForOther) => {
            Ok(answer(StatusCode::ACCEPTED, Some(Waiting::OtherRun)))
        }
        Enrolled::Received(Reception::Copy) => {
            warn!(host, hostname, "a copy of this host asks to be let in");
            let message = "another machine uses this identity; take a new one";
            Err(Fault::new(StatusCode::CONFLICT, message))
        }
        Enrolled::Received(Reception::ShutOut) => Err(Fault::new(
            StatusCode::FORBIDDEN,
            "this host was disabled; enable it on the server's page",
        )),
        Enrolled::Stranger => Err(Fault::unauthorized(
            "this identity belongs to another host; take a new one",
        )),
        Enrolled::Full => Err(Fault::refused(
            "too many hosts wait to be let in; approve or remove some, or use a key",
        )),
    }
}

fn answer(status: StatusCode, waiting: Option<Waiting>) -> Response {
    let body = EnrollResponse {
        waiting,
        ask_again: ASK_AGAIN.as_secs(),
    };
    (status, Json(body)).into_response()
}

fn check(request: &EnrollRequest) -> Result<(), Fault> {
    if uuid::Uuid::try_parse(&request.id).is_err() {
        return Err(Fault::refused("a host's id is a UUID"));
    }
    if request.boot.is_empty() {
        return Err(Fault::refused("a host names its boot"));
    }
    let EnrollRequest {
        boot,
        hostname,
        os,
        arch,
        version,
        location,
        resources,
        environments,
        ..
    } = request;
    let fields = [boot, hostname, os, arch, version, location].into_iter();
    let too_long = |text: &String| text.chars().count() > LONGEST_FIELD;
    if fields.chain(resources).chain(environments).any(too_long) {
        let message = format!("no field of a host has more than {LONGEST_FIELD} characters");
        return Err(Fault::refused(message));
    }
    if resources.len().max(environments.len()) > MOST_WORDS {
        let message = format!("a host has at most {MOST_WORDS} resources and environments");
        return Err(Fault::refused(message));
    }
    Ok(())
}

/// Whether the request brought a key. A wrong one is told, not taken for none.
async fn has_key(server: &Server, request: &EnrollRequest) -> Result<bool, Fault> {
    let Some(key) = &request.key else {
        return Ok(false);
    };
    match server.store.grant(key.expose()).await? {
        Some(Grant::Register) => Ok(true),
        _ => Err(Fault::refused(
            "the key is not valid here; make one with `trireme-server token create --kind agent`",
        )),
    }
}

/// Tags that a worker gets from its machine.
pub(super) async fn tags_of_host(server: &Server, id: &HostId) -> Result<Vec<String>, StoreError> {
    let host = server.store.host(id).await?;
    let resources = host.resources.iter().map(|word| format!("resource={word}"));
    let environments = host
        .environments
        .iter()
        .map(|word| format!("environment={word}"));
    Ok(resources.chain(environments).collect())
}
