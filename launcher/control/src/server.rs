//! The socket: who may ask, and how many at once.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared_control::reply::STILL_AFTER;
use shared_control::{RefusedFor, Reply};
use shared_handover::layout::StateDir;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::os::Door;
use crate::replier::Asked;
use crate::visit;

/// Between two attempts to take a visitor after one that failed.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// What the socket puts up with.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Clients at the same time. As many more are told so and sent away; others wait to be taken.
    pub clients: usize,
    /// How long a client may take to say what it wants, and to take each line of the answer.
    pub patience: Duration,
    /// After how long a silence the client is told that the launcher still lives.
    pub still: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 8,
            patience: Duration::from_secs(10),
            still: Duration::from_secs(STILL_AFTER),
        }
    }
}

/// The socket cannot be opened. Everything else works without it.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the control socket {}: {cause}; `trireme` cannot ask this launcher", path.display())]
pub struct OpenError {
    path: PathBuf,
    cause: io::Error,
}

/// The open socket. Dropping it removes its file.
#[derive(Debug)]
pub struct Control {
    door: Door,
    limits: Limits,
}

impl Control {
    /// Opens the socket, in the place of one that a dead launcher left. To be called in a runtime,
    /// by the process that holds the launcher's lock.
    pub fn open(state: &StateDir, limits: Limits) -> Result<Self, OpenError> {
        let path = state.launcher_socket();
        match Door::open(&path) {
            Ok(door) => Ok(Self { door, limits }),
            Err(cause) => Err(OpenError { path, cause }),
        }
    }

    /// Takes visitors and hands on what they ask, until it is dropped.
    pub async fn serve(mut self, deliver: impl Fn(Asked) + Send + Sync + 'static) {
        let deliver = Arc::new(deliver);
        let mut visits = JoinSet::new();
        loop {
            tokio::select! {
                arrived = self.door.next(), if visits.len() < 2 * self.limits.clients => {
                    let visitor = match arrived {
                        Ok(visitor) => visitor,
                        Err(error) => {
                            warn!(%error, "cannot take a client of the control socket");
                            // It may be for lack of descriptors, which lasts: no reason to spin.
                            tokio::time::sleep(ACCEPT_AGAIN).await;
                            continue;
                        }
                    };
                    match crate::os::may_ask(&visitor) {
                        // Nothing is answered: the folder keeps such a process out anyway.
                        Ok(false) => warn!("a process of another user was at the control socket"),
                        Err(error) => debug!(%error, "a client was gone before it was looked at"),
                        Ok(true) if visits.len() >= self.limits.clients => {
                            visits.spawn(visit::send_away(visitor, too_many(), self.limits));
                        }
                        Ok(true) => {
                            let deliver = Arc::clone(&deliver);
                            visits.spawn(visit::hold(visitor, deliver, self.limits));
                        }
                    }
                }
                Some(_) = visits.join_next() => {}
            }
        }
    }
}

fn too_many() -> Reply {
    Reply::refused(
        RefusedFor::TooMany,
        "too many clients are connected; wait for one to end",
    )
}
