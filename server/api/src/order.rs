//! Asking a worker to stop, to pause, to go on. It hears so in the answer to its next ping.

use std::time::Duration;

use server_jobs::Ask;
use shared_protocol::AgentId;
use shared_protocol::agent::{PauseRequest, StopRequest};
use tracing::info;

use crate::Server;
use crate::fault::Fault;

/// Longest note of a pause, in bytes. It is said again in the answer to every ping.
const LONGEST_NOTE: usize = 1000;

/// Asks a worker to leave, and when forced to cancel its job first.
pub(crate) async fn stop(
    server: &Server,
    id: &AgentId,
    request: &StopRequest,
) -> Result<(), Fault> {
    let force = request.force;
    ask(server, id, Ask::Stop).await?;
    info!(agent = id.as_str(), force, "agent was asked to stop");
    if force {
        let changed = server.store.cancel_work_of(id, server.now()).await?;
        server.announce(&changed).await;
    }
    Ok(())
}

/// Asks a worker to take no jobs, for some minutes or until [`resume`].
pub(crate) async fn pause(
    server: &Server,
    id: &AgentId,
    request: PauseRequest,
) -> Result<(), Fault> {
    let Ok(minutes) = u64::try_from(request.timeout_in_minutes) else {
        return Err(Fault::refused("timeout_in_minutes is 0 or more"));
    };
    let note = request.note;
    if note.len() > LONGEST_NOTE {
        let message = format!("note is longer than {LONGEST_NOTE} bytes");
        return Err(Fault::refused(message));
    }
    let time = (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)));
    ask(server, id, Ask::Pause { note, time }).await?;
    info!(agent = id.as_str(), minutes, "agent was asked to pause");
    Ok(())
}

/// Asks a worker to take jobs again.
pub(crate) async fn resume(server: &Server, id: &AgentId) -> Result<(), Fault> {
    ask(server, id, Ask::Resume).await?;
    info!(agent = id.as_str(), "agent was asked to go on");
    Ok(())
}

async fn ask(server: &Server, id: &AgentId, ask: Ask) -> Result<(), Fault> {
    server.store.ask(id, ask, server.now()).await?;
    server.wakes.fleet();
    Ok(())
}
