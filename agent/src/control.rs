//! The launcher's side of the agent: a socket in the state folder, and the handle by which a
//! launcher finds it.
//!
//! One connection counts, the newest: a launcher that was replaced may not know it yet. Without
//! any for too long the agent stops, so that no host is left with an agent that nobody looks
//! after. Nothing here waits for a launcher: one that does not read loses its connection.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_worker::{PoolStatus, ServerState};
use shared_fault::{point, write_point};
use shared_handover::handle::Handle;
use shared_handover::layout::StateDir;
use shared_handover::message::{PROTOCOL, Phase, Server, Status, ToAgent, ToLauncher};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::connection::Connection;
use crate::os;
use crate::plan::Order;

/// Between two attempts to take a connection after one that failed.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// What a launcher is told first.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// Process id of this agent and when it started, and the digest of its file.
    pub handle: Handle,
    /// Version stamp.
    pub version: String,
    /// Number of workers this agent is configured for.
    pub spawn: u32,
    /// What the self-test found wrong.
    pub fault: Option<String>,
    /// Serial of the release this agent came with.
    pub release_serial: Option<u64>,
}

/// The socket could not be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to open the control socket {}: {cause}; check the state folder", path.display())]
pub struct ControlError {
    path: PathBuf,
    cause: io::Error,
}

/// An open control socket. Dropping it removes socket and handle.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    /// Removed when this is dropped.
    _files: Files,
    introduction: Introduction,
    orphan_grace: Duration,
}

#[derive(Debug)]
struct Files {
    socket: PathBuf,
    handle: PathBuf,
}

/// What a launcher wants to know, as it stood when it was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    status: Status,
    due: Option<u64>,
}

impl Control {
    /// Opens the socket first and writes the handle then, so that whoever finds the handle finds
    /// the socket. Has to be called in a runtime.
    pub fn open(
        state: &StateDir,
        introduction: Introduction,
        orphan_grace: Duration,
    ) -> Result<Self, ControlError> {
        let pid = introduction.handle.pid;
        let files = Files {
            socket: state.agent_socket(pid),
            handle: state.agent_handle(pid),
        };
        let opened = open(&state.run(), &files, &introduction.handle);
        match opened {
            Ok(listener) => Ok(Self {
                listener,
                _files: files,
                introduction,
                orphan_grace,
            }),
            Err(cause) => Err(ControlError {
                path: files.socket.clone(),
                cause,
            }),
        }
    }

    /// Serves launchers until it is dropped.
    pub async fn serve(
        self,
        orders: mpsc::Sender<Order>,
        mut phase: watch::Receiver<Phase>,
        mut pool: watch::Receiver<PoolStatus>,
    ) {
        let mut launcher: Option<Connection> = None;
        let mut told: Option<Told> = None;
        // When the agent counts as left alone; none while a launcher is there, or after the stop.
        let mut orphan_at = Some(Instant::now() + self.orphan_grace);
        loop {
            let now = self.standing(*phase.borrow_and_update(), *pool.borrow_and_update());
            if launcher.is_some() && told.as_ref() != Some(&now) {
                if !tell(launcher.as_mut(), told.as_ref(), &now) {
                    launcher = None;
                    orphan_at = Some(Instant::now() + self.orphan_grace);
                }
                told = Some(now.clone());
            }
            tokio::select! {
                new = self.arrival() => if new.is_some() {
                    launcher = new;
                    told = None;
                    orphan_at = None;
                },
                line = Connection::next_line(&mut launcher) => {
                    let stays = match line {
                        Some(line) => self.take(&line, launcher.as_mut(), &now.status, &orders).await,
                        None => false,
                    };
                    if !stays {
                        tracing::info!("the launcher is gone, waiting for the next one");
                        launcher = None;
                        orphan_at = Some(Instant::now() + self.orphan_grace);
                    }
                }
                () = sleep_until(orphan_at) => {
                    let seconds = self.orphan_grace.as_secs();
                    tracing::warn!(seconds, "no launcher for too long, stopping");
                    orphan_at = None;
                    let _ = orders.send(Order::Stop).await;
                }
                changed = phase.changed() => if changed.is_err() { return },
                changed = pool.changed() => if changed.is_err() { return },
            }
        }
    }

    /// The next launcher; `None` for one that is gone again.
    async fn arrival(&self) -> Option<Connection> {
        match self.listener.accept().await {
            Ok((stream, _)) => Connection::open(stream, &self.greeting()),
            Err(error) => {
                tracing::warn!("failed to take a launcher's connection: {error}");
                // It may be for lack of descriptors, which lasts: no reason to spin.
                tokio::time::sleep(ACCEPT_AGAIN).await;
                None
            }
        }
    }

    fn greeting(&self) -> [ToLauncher; 2] {
        let Introduction {
            handle,
            version,
            spawn,
            fault,
            ..
        } = &self.introduction;
        [
            ToLauncher::Hello {
                protocol: PROTOCOL,
                pid: handle.pid,
                version: version.clone(),
                digest: handle.digest.clone(),
                spawn: *spawn,
            },
            ToLauncher::SelfTest {
                ok: fault.is_none(),
                detail: fault.clone().unwrap_or_default(),
            },
        ]
    }

    fn standing(&self, phase: Phase, pool: PoolStatus) -> Told {
        let own = self.introduction.release_serial;
        Told {
            status: status(phase, pool),
            due: pool
                .release_serial
                .filter(|due| own.is_some_and(|own| *due > own)),
        }
    }

    /// Does what a line says; false if its launcher does not read the answer.
    async fn take(
        &self,
        line: &str,
        launcher: Option<&mut Connection>,
        status: &Status,
        orders: &mpsc::Sender<Order>,
    ) -> bool {
        let order = match ToAgent::decode(line) {
            ToAgent::Hello { pid, .. } => {
                tracing::info!(pid, "launcher connected");
                return true;
            }
            ToAgent::Ping { seq } => {
                let answers = [ToLauncher::Pong { seq }, ToLauncher::Status(status.clone())];
                return launcher.is_some_and(|launcher| launcher.send(&answers));
            }
            ToAgent::Accept { slots } => Order::Accept(slots),
            ToAgent::Drain => Order::Drain,
            ToAgent::Stop => Order::Stop,
            ToAgent::Cancel => Order::Cancel,
            ToAgent::Unknown(word) => {
                tracing::warn!("the launcher said {word:?}, which this version does not know");
                return true;
            }
        };
        // Without a loop the process is about to end.
        let _ = orders.send(order).await;
        true
    }
}

/// Ends at the given time, or never.
async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Tells what is new; false when nobody listens.
fn tell(launcher: Option<&mut Connection>, before: Option<&Told>, now: &Told) -> bool {
    let mut news = Vec::new();
    if before.map(|told| &told.status) != Some(&now.status) {
        news.push(ToLauncher::Status(now.status.clone()));
    }
    if let Some(serial) = now.due
        && before.is_none_or(|told| told.due != now.due)
    {
        news.push(ToLauncher::UpgradeNeeded { serial });
    }
    launcher.is_some_and(|launcher| launcher.send(&news))
}

fn status(phase: Phase, pool: PoolStatus) -> Status {
    Status {
        phase,
        ready: pool.ready,
        busy: pool.busy,
        jobs_done: pool.jobs_done,
        server: match pool.server {
            ServerState::Unknown => Server::Unknown,
            ServerState::Accepted => Server::Accepted,
            ServerState::Failing => Server::Failing,
        },
    }
}

fn open(run: &Path, files: &Files, handle: &Handle) -> io::Result<UnixListener> {
    point("agent-run.create")?;
    fs::create_dir_all(run)?;
    match point("agent-socket.clear").and_then(|()| fs::remove_file(&files.socket)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    point("agent-socket.bind")?;
    let listener = UnixListener::bind(&files.socket)?;
    point("agent-socket.mode")?;
    os::only_for_owner(&files.socket)?;
    // Whole or not at all: a launcher may look at any moment.
    let written = files.handle.with_extension("new");
    let text = handle.encode();
    write_point("agent-handle.write", || {
        fs::write(&written, &text[..text.len() / 2])
    })?;
    fs::write(&written, text)?;
    point("agent-handle.rename")?;
    fs::rename(&written, &files.handle)?;
    Ok(listener)
}

impl Drop for Files {
    fn drop(&mut self) {
        // What stays behind names a process that is gone, and launchers check that.
        let _ = point("agent-handle.remove").and_then(|()| fs::remove_file(&self.handle));
        let _ = point("agent-socket.remove").and_then(|()| fs::remove_file(&self.socket));
    }
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
