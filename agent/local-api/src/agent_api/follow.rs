//! Looks at the leader and, when it is time, takes its place.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use hyper::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::leader::{LOOK, Seen, Step, Watch};
use super::locks::Table;
use super::{LEADER, Shared, handover};
use crate::client::{Call, CallError};

/// An agent's place among others in the folder of sockets.
#[derive(Debug, Clone)]
pub(super) struct Place {
    folder: PathBuf,
    /// The file name of this agent's socket.
    own: String,
}

/// The right to change who leads; only one process of the host has it at a time.
#[derive(Debug)]
pub(super) struct Turn {
    _file: File,
}

/// Keeps the host with a leader, for as long as it is polled.
pub(super) async fn follow(place: Place, locks: Shared) {
    let mut watch = Watch::default();
    loop {
        let seen = place.look().await;
        if matches!(seen, Seen::Alive | Seen::Silent) {
            forget(&locks);
        }
        let step;
        (watch, step) = watch.after(seen, Instant::now());
        let pause = match step {
            Step::Look(pause) => pause,
            Step::TakeOver => {
                // Whatever is in the way now is tried again, and clients say that nobody leads.
                let _ = place.take_over(seen, &locks).await;
                LOOK
            }
        };
        sleep(pause).await;
    }
}

/// What a look without an answer shows. A leader that could not even be asked, such as by an agent
/// that has no descriptor left, may be well and have many locks.
fn unanswered(error: &CallError) -> Seen {
    match error {
        CallError::Unreachable { error, .. } => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Seen::Gone,
            _ => Seen::Silent,
        },
        CallError::Broken { .. } => Seen::Gone,
        CallError::Silent(_) | CallError::Refused { .. } | CallError::Nonsense(_) => Seen::Silent,
    }
}

/// Another agent leads or led since: whatever this one knows of locks, as the leader it once was,
/// counts for nothing any more.
fn forget(locks: &Shared) {
    *locks.lock().unwrap_or_else(PoisonError::into_inner) = Table::default();
}

impl Place {
    pub(super) fn new(folder: &Path, own: String) -> Self {
        Self {
            folder: folder.to_owned(),
            own,
        }
    }

    /// A file of the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    async fn look(&self) -> Seen {
        if self.leads() {
            return Seen::Own;
        }
        let ping = Call {
            socket: &self.file(LEADER),
            patience: LOOK,
            method: Method::GET,
            path: "/api/leader/v0/ping",
            token: None,
            body: None,
        };
        match ping.send::<Value>().await {
            Ok(_) => Seen::Alive,
            Err(error) => unanswered(&error),
        }
    }

    /// Whether the link names this agent.
    fn leads(&self) -> bool {
        let target = fs::read_link(self.file(LEADER));
        target.is_ok_and(|target| {
            target
                .file_name()
                .is_some_and(|name| name == self.own.as_str())
        })
    }

    /// Takes the place of a leader that was seen so, unless somebody else is about to or has.
    async fn take_over(&self, seen: Seen, locks: &Shared) -> io::Result<()> {
        let Some(_turn) = self.turn()? else {
            return Ok(());
        };
        if self.look().await != seen {
            return Ok(());
        }
        // Without a link nobody led since: somebody has only removed it.
        if fs::read_link(self.file(LEADER)).is_ok() {
            forget(locks);
        }
        if let Some(left) = handover::take(self, jiff::Timestamp::now()) {
            *locks.lock().unwrap_or_else(PoisonError::into_inner) = left;
        }
        let fresh = self.file(&format!("{}.leader", self.own));
        let _ = fs::remove_file(&fresh);
        symlink(&self.own, &fresh)?;
        fs::rename(&fresh, self.file(LEADER))
    }

    /// The right to change who leads, if this agent leads and can have it.
    pub(super) fn own_turn(&self) -> Option<Turn> {
        let turn = self.turn().ok().flatten()?;
        self.leads().then_some(turn)
    }

    /// Leads no longer.
    pub(super) fn resign(&self, turn: Turn) {
        // A link that stays names nobody who listens, which is as good.
        let _ = fs::remove_file(self.file(LEADER));
        drop(turn);
    }

    fn turn(&self) -> io::Result<Option<Turn>> {
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(self.file("agent-leader.lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Turn { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_agent_that_leads_again_knows_no_locks_from_the_time_before() {
        let folder = tempfile::tempdir().expect("folder");
        let place = Place::new(folder.path(), "agent-1".into());
        for (leader, wanted) in [
            (Some("agent-2"), ""), // another one that died
            (None, "held"),        // a link that was swept away
        ] {
            let locks = Shared::default();
            let swapped = locks.lock().expect("lock").swap("k", "", "held");
            assert!(swapped.is_ok());
            let link = place.file(LEADER);
            let _ = fs::remove_file(&link);
            if let Some(leader) = leader {
                symlink(leader, link).expect("link");
            }
            place.take_over(Seen::Gone, &locks).await.expect("its turn");
            assert!(place.leads());
            assert_eq!(locks.lock().expect("lock").get("k"), wanted);
        }
    }

    #[test]
    fn only_a_leader_that_nobody_can_be_is_gone() {
        use rustix::io::Errno;
        for (errno, wanted) in [
            (Errno::NOENT, Seen::Gone),
            (Errno::CONNREFUSED, Seen::Gone),
            (Errno::MFILE, Seen::Silent),
            (Errno::AGAIN, Seen::Silent),
            (Errno::ACCESS, Seen::Silent),
        ] {
            let (socket, error) = (PathBuf::new(), io::Error::from(errno));
            let error = CallError::Unreachable { socket, error };
            assert_eq!(unanswered(&error), wanted, "{errno}");
        }
    }
}
