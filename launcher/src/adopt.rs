//! Finding agents that outlived the launcher before this one.
//!
//! Each agent lays down a handle with its process id and start time. A handle whose process is gone
//! is removed, with its socket. So is one whose socket nobody listens on: an agent opens the socket
//! first. Start times count from boot, so after a reboot another process can have both numbers.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};

use shared_handover::handle::Handle;
use shared_handover::layout::StateDir;
use shared_slots::{Fs as _, OsFs};
use shared_supervise::ProcessId;
use tracing::{debug, warn};

use crate::os;

/// Longest handle that is read, in bytes.
const HANDLE_MOST: u64 = 4096;

/// How often something is asked that cannot be told at first.
const ATTEMPTS: u32 = 3;

/// The agents of this state folder that still run.
pub(crate) fn running_agents(state: &StateDir) -> Vec<Handle> {
    let names = persistently(|| OsFs.list("adopt.list", &state.run())).unwrap_or_default();
    let pids: BTreeSet<u32> = names
        .iter()
        .filter_map(|name| pid_of(name.to_str()?))
        .collect();
    pids.into_iter()
        .filter_map(|pid| living(state, pid))
        .collect()
}

/// The process id in the name of a handle, `agent-<pid>`, or of what goes with it.
fn pid_of(name: &str) -> Option<u32> {
    let (name, _) = name.split_once('.').unwrap_or((name, ""));
    name.strip_prefix("agent-")?.parse().ok()
}

/// An error of the moment must not hide an agent: another one would be started beside it.
fn persistently<T>(ask: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let mut answer = ask();
    for _ in 1..ATTEMPTS {
        match &answer {
            Err(error) if error.kind() != ErrorKind::NotFound => answer = ask(),
            _ => break,
        }
    }
    answer
}

fn living(state: &StateDir, pid: u32) -> Option<Handle> {
    let path = state.agent_handle(pid);
    let text = match persistently(|| OsFs.read("adopt.read", &path, HANDLE_MOST)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        // One that has just started lays its handle down last.
        Err(error) if error.kind() == ErrorKind::NotFound && ProcessId::of(pid).is_none() => {
            String::new()
        }
        Err(_) => return None,
    };
    let handle = Handle::decode(&text).filter(|handle| handle.pid == pid);
    let alive = handle.filter(|handle| {
        let process = ProcessId {
            pid,
            start: handle.start,
        };
        process.is_same_alive() && listens(state, pid)
    });
    if alive.is_none() {
        debug!(pid, "removing what an agent that is gone left behind");
        forget(state, pid);
    }
    alive
}

fn listens(state: &StateDir, pid: u32) -> bool {
    match os::knock(&state.agent_socket(pid)) {
        Err(error) => !matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::ConnectionRefused
        ),
        Ok(()) => true,
    }
}

/// Removes what an agent that is gone left behind.
pub(crate) fn forget(state: &StateDir, pid: u32) {
    let handle = state.agent_handle(pid);
    for path in [
        handle.with_extension("new"),
        state.agent_socket(pid),
        handle,
    ] {
        if let Err(error) = OsFs.remove_file("adopt.forget", &path) {
            warn!(path = %path.display(), %error, "cannot remove a left-over file");
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn lay_down(state: &StateDir, pid: u32, start: u64) {
        let handle = Handle {
            pid,
            start,
            digest: "ab".into(),
        };
        fs::create_dir_all(state.run()).unwrap();
        fs::write(state.agent_handle(pid), handle.encode()).unwrap();
    }

    #[test]
    fn only_the_very_process_of_a_handle_is_adopted() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::new(folder.path());
        assert_eq!(running_agents(&state), []);
        let own = ProcessId::own().unwrap();
        lay_down(&state, own.pid, own.start);
        lay_down(&state, 1, 12_345);
        let listener = UnixListener::bind(state.agent_socket(own.pid)).unwrap();
        fs::write(state.run().join("agent-x"), "").unwrap();
        let found = running_agents(&state);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].pid, found[0].start), (own.pid, own.start));
        assert!(state.agent_socket(own.pid).exists());
        assert!(!state.agent_handle(1).exists());
        // As after a kill between two steps: no handle, so nobody would ever look there again.
        let unfinished = state.agent_handle(u32::MAX - 1).with_extension("new");
        fs::write(&unfinished, "").unwrap();
        assert_eq!(running_agents(&state).len(), 1);
        assert!(!unfinished.exists());
        // As after a reboot: the numbers fit, and the socket is a file that nobody listens on.
        drop(listener);
        assert_eq!(running_agents(&state), []);
        assert!(!state.agent_handle(own.pid).exists() && !state.agent_socket(own.pid).exists());
    }
}
