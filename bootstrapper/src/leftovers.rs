//! What a launcher leaves behind when it ends, as far as it is in the way of the next one; and a
//! launcher that its bootstrapper left behind.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use shared_supervise::{
    Lock, LockError, ProcessId, Signal, descendants, session_leaders, wait_gone,
};

use crate::host::Host;

/// How long to wait for processes that were killed.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// How long a launcher may take to notice that its bootstrapper is gone.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(2);

/// A variable that each launcher has and that it takes from what it starts, so that no agent and no
/// job is ever mistaken for a launcher.
const OF_LAUNCHERS: &str = "TRIREME_BOOTSTRAPPER_PID";

/// The variable by which the launchers of one folder are told from those of another.
pub(crate) fn mark(state: &Path) -> OsString {
    let mut mark = OsString::from("TRIREME_BOOTSTRAPPER_STATE=");
    mark.push(state);
    mark
}

impl Host {
    /// Ends the launchers of an earlier bootstrapper on this folder: at the end of that one each
    /// should have ended by itself, and may be what cannot. Beside another launcher it would write
    /// the same pages. Its agents go on. To be called before the first start.
    pub(crate) fn end_orphans(&mut self) {
        let orphans = session_leaders(OF_LAUNCHERS, &mark(self.state.root()));
        if orphans.is_empty() || wait_gone(&orphans, ORPHAN_PATIENCE) {
            return;
        }
        let killed: Vec<_> = orphans
            .into_iter()
            .filter(|orphan| matches!(orphan.send(Signal::Kill), Ok(true)))
            .collect();
        wait_gone(&killed, KILL_PATIENCE);
        for process in &killed {
            let pid = process.pid;
            self.say(format_args!(
                "killed process {pid}, a launcher that outlived its bootstrapper"
            ));
        }
    }

    /// Whether somebody has the launcher's lock, now that no launcher runs. A process that
    /// inherited it from a launcher which is gone is killed: nobody else will ever end it. Agents
    /// and all below them stay.
    pub(crate) fn lock_is_held(&mut self) -> bool {
        let lock = self.state.launcher_lock();
        let held = match Lock::take(&lock, Duration::ZERO) {
            Err(LockError::Held { pid }) => pid,
            // Nobody has it, or nobody knows.
            Ok(_) | Err(LockError::Io(_)) => return false,
        };
        let by_name = held.and_then(ProcessId::of);
        if !by_name.is_some_and(ProcessId::is_same_alive) {
            self.kill_leftovers();
        }
        true
    }

    fn kill_leftovers(&mut self) {
        // Whose agents are not known has none killed.
        let Ok(agents) = self.agents() else { return };
        let mut spared = descendants(&agents);
        spared.extend(agents);
        let Ok(own) = ProcessId::own() else { return };
        let mut killed = descendants(&[own]);
        killed.retain(|process| {
            !spared.contains(process) && matches!(process.send(Signal::Kill), Ok(true))
        });
        wait_gone(&killed, KILL_PATIENCE);
        for process in &killed {
            let pid = process.pid;
            self.say(format_args!(
                "killed process {pid}, which held the lock of a launcher that is gone"
            ));
        }
    }
}
