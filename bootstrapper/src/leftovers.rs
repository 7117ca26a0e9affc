//! What a launcher leaves behind when it ends, as far as it is in the way of the next one.

use std::time::Duration;

use shared_supervise::{Lock, LockError, ProcessId, Signal, descendants, wait_gone};

use crate::host::Host;

/// How long to wait for processes that were killed.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

impl Host {
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
        let mut killed = descendants(&[ProcessId::own()]);
        killed.retain(|process| {
            !spared.contains(process) && matches!(process.send(Signal::Kill), Ok(true))
        });
        for process in &killed {
            let pid = process.pid;
            self.say(format_args!(
                "killed process {pid}, which held the lock of a launcher that is gone"
            ));
        }
        wait_gone(&killed, KILL_PATIENCE);
    }
}
