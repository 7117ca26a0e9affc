//! Starting an agent process, and reporting its end.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use shared_fault::point;
use shared_handover::layout::StateDir;
use shared_slots::{Digest, Meta};
use shared_supervise::{ProcessId, is_shortage};

use crate::os;
use crate::settings::Settings;
use crate::wire::{End, Happening, Reports};

/// How often to look where the kernel cannot tell that an agent is gone.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Why an agent was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// No version of the agent could run like this.
    #[error("its configuration {} cannot be read: {cause}; mend it or --agent-config", path.display())]
    Config { path: PathBuf, cause: io::Error },
    /// The operating system did not start it.
    #[error("{0}")]
    Spawn(#[from] io::Error),
}

impl StartError {
    /// Whether another version would have started.
    pub(crate) fn blames_the_version(&self) -> bool {
        matches!(self, Self::Spawn(error) if !is_shortage(error))
    }
}

/// What an agent is started with.
pub(crate) struct Start<'a> {
    /// Its file, just compared with its digest.
    pub(crate) file: &'a Path,
    pub(crate) digest: Digest,
    /// The archive with its plugins, just compared with its digest.
    pub(crate) plugins: Option<&'a Path>,
    pub(crate) meta: &'a Meta,
    pub(crate) state: &'a StateDir,
    pub(crate) settings: &'a Settings,
}

/// Starts an agent in standby, apart from this process: neither signals for this one nor its end
/// reach it. Its end is reported, and a child that ended is reaped.
pub(crate) fn start(start: &Start<'_>, reports: Reports) -> Result<ProcessId, StartError> {
    let mut command = std::process::Command::new(start.file);
    command.arg("start");
    if let Some(config) = &start.settings.agent_config {
        // Told here, it is neither counted as a crash nor held against a version.
        let open = || {
            point("agent.config")?;
            File::open(config)
        };
        open().map_err(|cause| StartError::Config {
            path: config.clone(),
            cause,
        })?;
        command.arg("--config").arg(config);
    }
    command
        .args(&start.settings.agent_args)
        .env("TRIREME_STATE_DIR", start.state.root())
        .env("TRIREME_STANDBY", "1")
        .env("TRIREME_AGENT_DIGEST", start.digest.to_string())
        .env("TRIREME_RELEASE_SERIAL", start.meta.serial.to_string())
        .env(
            "TRIREME_DEFAULT_ENDPOINT",
            format!("{}/v3", start.settings.server_url),
        )
        // They are between us and the bootstrapper; a launcher that a job starts has none of them.
        .env_remove("TRIREME_BOOTSTRAPPER_PID")
        .env_remove("TRIREME_BOOTSTRAPPER_VERSION")
        .env_remove("TRIREME_BOOTSTRAPPER_STATE")
        .env_remove("TRIREME_RESCUE")
        .stdin(Stdio::null())
        // Ours is the report pipe, which is nobody else's business.
        .stdout(Stdio::null());
    // This process speaks to systemd, for agents and their jobs as well.
    for variable in shared_systemd::VARIABLES {
        command.env_remove(variable);
    }
    match start.plugins {
        Some(plugins) => command.env("TRIREME_PLUGINS", plugins),
        None => command.env_remove("TRIREME_PLUGINS"),
    };
    let mut child = os::spawn_apart(command)?;
    let pid = child.id().unwrap_or_default();
    let id = ProcessId::of(pid).unwrap_or(ProcessId { pid, start: 0 });
    tokio::spawn(async move {
        let end = match child.wait().await {
            Ok(status) => End {
                success: status.success(),
                how: status.to_string(),
            },
            Err(error) => End::unknown(&error.to_string()),
        };
        let _ = reports.send(Happening::Ended(pid, end));
    });
    Ok(id)
}

/// Reports the end of an agent that is no child of this process. Never fails: an end that nobody
/// notices would leave the host without an agent.
pub(crate) async fn watch(id: ProcessId, reports: Reports) {
    while id.is_same_alive() {
        let woken = os::end_of(id).await.is_ok();
        // After the wake-up of a process that is gone, there is nothing to wait for.
        if !woken || id.is_same_alive() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
    let _ = reports.send(Happening::Ended(id.pid, End::unknown("it was adopted")));
}
