//! The agent API: locks that all jobs of a host share.
//!
//! Every agent that offers it has a table of locks behind a socket of its own, `agent-PID`. The
//! symbolic link `agent-leader` names the one that counts; clients follow it and need not know
//! more. The other agents look after the leader and the first of them takes its place when it is
//! gone ([`leader`] decides, [`follow`] acts). A leader that ends in good order leaves its locks to
//! its successor ([`handover`]); those of one that dies are lost.

mod follow;
mod handover;
mod leader;
mod locks;
mod routes;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::background::Background;
use crate::http::Server;
use crate::socket::{self, SocketError};
use follow::Place;
use locks::Table;
use routes::Leading;

/// The link that names the leader's socket.
pub(crate) const LEADER: &str = "agent-leader";

/// The locks of this process.
type Shared = Arc<Mutex<Table>>;

/// An agent API at work. Dropped, it is gone at once, and its locks with it.
#[derive(Debug)]
pub struct AgentApi {
    place: Place,
    locks: Shared,
    server: Server,
    following: Background,
}

/// Offers this host's jobs locks, in the agent's folder of sockets. Has to be called in a runtime.
pub fn open(sockets: &Path) -> Result<AgentApi, SocketError> {
    socket::folder(sockets)?;
    socket::remove_abandoned(sockets, owner);
    let name = format!("agent-{}", std::process::id());
    let (listener, file) = socket::listen(sockets.join(&name))?;
    let locks = Shared::default();
    let server = Server::start(listener, file, Leading::new(Arc::clone(&locks)));
    let place = Place::new(sockets, name);
    let following = Background::start(follow::follow(place.clone(), Arc::clone(&locks)));
    Ok(AgentApi {
        place,
        locks,
        server,
        following,
    })
}

impl AgentApi {
    /// Ends it. If it leads, the next leader gets its locks.
    pub async fn close(self) {
        drop(self.following);
        let Some(turn) = self.place.own_turn() else {
            return self.server.close().await;
        };
        // Nothing changes any more once the server is closed.
        self.server.close().await;
        let locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        handover::leave(&self.place, &locks, jiff::Timestamp::now());
        self.place.resign(turn);
    }
}

/// The process that a socket belongs to, by the file's name.
fn owner(name: &str) -> Option<i32> {
    let pid = name.strip_prefix("agent-")?.parse().ok();
    pid.filter(|pid| *pid > 0)
}
