//! Processes that outlive the child that started them.
//!
//! A daemon leaves its parent's group and session, so no signal to a group reaches it. A process
//! that adopts orphans can still find it: it is below that process, and nowhere else.

use std::io;

use shared_supervise::{ProcessId, become_subreaper, kill_tree};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::{Group, os};

/// The orphans below this process. Where the system knows no adoption (it is Linux that does),
/// only those are found whose parents live.
#[derive(Debug)]
pub struct Orphans {
    ended: Stream,
}

impl Orphans {
    /// From now on, orphans below this process become its own children.
    pub fn adopt() -> io::Result<Self> {
        become_subreaper()?;
        Ok(Self {
            ended: signal(SignalKind::child())?,
        })
    }

    /// Buries orphans as they end, for ever; their numbers would stay taken otherwise. `but` is the
    /// child that [`crate::Running::wait`] waits for. May be dropped and called again.
    pub async fn bury(&mut self, but: Group) -> std::convert::Infallible {
        loop {
            // A closed stream means the runtime is ending; then there is nothing to wait for.
            if self.ended.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
            os::reap_all_but(but.id());
        }
    }

    /// Kills everything below this process; how many there were. Nothing new is found when it is
    /// called again, unless somebody forks faster than they are stopped.
    pub fn kill(&self) -> usize {
        ProcessId::own().map_or(0, |own| kill_tree(&[own]).len())
    }
}
