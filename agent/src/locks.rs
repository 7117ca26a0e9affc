//! Locks for the jobs of this host: part of `agent start` where the experiment `agent-api` is on.

use std::path::PathBuf;

use agent_local_api::SocketError;
use agent_local_api::agent_api::{self, AgentApi};
use shared_protocol::experiment::{Experiment, Experiments};

/// Why a host has no locks although they are wanted.
#[derive(Debug, thiserror::Error)]
pub enum LocksError {
    /// Nobody says where.
    #[error("the experiment agent-api needs a folder of sockets; set --sockets-path")]
    NoFolder,
    /// There is no socket.
    #[error("the agent API cannot be opened: {0}")]
    Socket(#[from] SocketError),
}

/// Opens the agent API, if experiments name it. Without it nothing runs and nobody wakes up.
pub fn open(
    experiments: &[String],
    sockets: Option<PathBuf>,
) -> Result<Option<AgentApi>, LocksError> {
    let asked = Experiments::from_names(experiments.iter().map(String::as_str));
    if !asked.has(Experiment::AgentApi) {
        return Ok(None);
    }
    let folder = sockets.ok_or(LocksError::NoFolder)?;
    let api = agent_api::open(&folder)?;
    tracing::info!("jobs share locks through {}", folder.display());
    Ok(Some(api))
}
