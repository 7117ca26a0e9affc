//! Finding agents that outlived the launcher before this one.
//!
//! Each agent lays down a handle with its process id and start time. A handle whose process is gone
//! is removed, with its socket. So is one whose socket nobody listens on: an agent opens the socket
//! first. Start times count from boot, so after a reboot another process can have both numbers.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;

use shared_fault::point;
use shared_handover::handle::Handle;
use shared_handover::layout::StateDir;
use shared_slots::{Fs as _, OsFs};
use shared_supervise::ProcessId;
use tracing::{debug, warn};

/// Longest handle that is read, in bytes.
const HANDLE_MOST: u64 = 4096;

/// The agents of this state folder that still run.
pub(crate) fn running_agents(state: &StateDir) -> Vec<Handle> {
    let names = OsFs.list("adopt.list", &state.run()).unwrap_or_default();
    names
        .iter()
        .filter_map(|name| pid_of(name.to_str()?))
        .filter_map(|pid| living(state, pid))
        .collect()
}

/// The process id in the name of a handle, `agent-<pid>`.
fn pid_of(name: &str) -> Option<u32> {
    name.strip_prefix("agent-")?.parse().ok()
}

fn living(state: &StateDir, pid: u32) -> Option<Handle> {
    let bytes = OsFs.read("adopt.read", &state.agent_handle(pid), HANDLE_MOST);
    let text = String::from_utf8_lossy(&bytes.ok()?).into_owned();
    let handle = Handle::decode(&text).filter(|handle| handle.pid == pid);
    let alive = handle.filter(|handle| {
        let process = ProcessId {
            pid,
            start: handle.start,
        };
        process.is_same_alive() && listens(state, pid)
    });
    if alive.is_none() {
        debug!(pid, "removing the handle of an agent that is gone");
        forget(state, pid);
    }
    alive
}

fn listens(state: &StateDir, pid: u32) -> bool {
    let connect = || {
        point("adopt.connect")?;
        UnixStream::connect(state.agent_socket(pid))
    };
    match connect() {
        Err(error) => !matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::ConnectionRefused
        ),
        Ok(_) => true,
    }
}

/// Removes what an agent that is gone left behind.
pub(crate) fn forget(state: &StateDir, pid: u32) {
    for path in [state.agent_handle(pid), state.agent_socket(pid)] {
        if let Err(error) = OsFs.remove_file("adopt.forget", &path) {
            warn!(path = %path.display(), %error, "cannot remove a left-over file");
        }
    }
}

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
        let own = ProcessId::own();
        lay_down(&state, own.pid, own.start);
        lay_down(&state, 1, 12_345);
        let listener = UnixListener::bind(state.agent_socket(own.pid)).unwrap();
        fs::write(state.run().join("agent-x"), "").unwrap();
        let found = running_agents(&state);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].pid, found[0].start), (own.pid, own.start));
        assert!(state.agent_socket(own.pid).exists());
        assert!(!state.agent_handle(1).exists());
        // As after a reboot: the numbers fit, and the socket is a file that nobody listens on.
        drop(listener);
        assert_eq!(running_agents(&state), []);
        assert!(!state.agent_handle(own.pid).exists() && !state.agent_socket(own.pid).exists());
    }
}
