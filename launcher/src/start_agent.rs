//! Starting an agent process, and reporting its end.

use std::io;
use std::path::Path;
use std::process::Stdio;

use shared_handover::layout::StateDir;
use shared_slots::{Digest, Meta};
use shared_supervise::ProcessId;

use crate::os;
use crate::settings::Settings;
use crate::wire::{Happening, Reports};

/// What an agent is started with.
pub(crate) struct Start<'a> {
    /// Its file, just compared with its digest.
    pub(crate) file: &'a Path,
    pub(crate) digest: Digest,
    pub(crate) meta: &'a Meta,
    pub(crate) state: &'a StateDir,
    pub(crate) settings: &'a Settings,
}

/// Starts an agent in standby, in a session of its own so that no signal for this process reaches
/// it. Its end is reported, and a child that ended is reaped.
pub(crate) fn start(start: &Start<'_>, reports: Reports) -> io::Result<ProcessId> {
    let mut command = std::process::Command::new(start.file);
    command.arg("start");
    if let Some(config) = &start.settings.agent_config {
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
        // They are between us and the bootstrapper; a launcher that a job starts has neither.
        .env_remove("TRIREME_BOOTSTRAPPER_PID")
        .env_remove("TRIREME_BOOTSTRAPPER_VERSION")
        .stdin(Stdio::null())
        // Ours is the report pipe, which is nobody else's business.
        .stdout(Stdio::null());
    let mut child = os::spawn_in_own_session(command)?;
    let pid = child.id().unwrap_or_default();
    let id = ProcessId::of(pid).unwrap_or(ProcessId { pid, start: 0 });
    tokio::spawn(async move {
        let how = match child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => format!("unknown: {error}"),
        };
        let _ = reports.send(Happening::Ended(pid, how));
    });
    Ok(id)
}

/// Reports the end of an agent that is no child of this process.
pub(crate) fn watch(id: ProcessId, reports: Reports) -> io::Result<()> {
    // A thread that sleeps in the kernel until the process ends: no wake-ups, and no runtime that
    // would wait for it at the end.
    std::thread::Builder::new()
        .name(format!("agent-{}", id.pid))
        .spawn(move || {
            while !shared_supervise::wait_gone(&[id], os::LONG) {}
            let _ = reports.send(Happening::Ended(
                id.pid,
                "unknown: it was adopted".to_owned(),
            ));
        })
        .map(drop)
}
