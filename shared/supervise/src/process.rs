//! One process for good: its number and when it started.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::os;
use crate::signal::Signal;
use crate::stat::Stat;

/// How long one look lasts where the kernel cannot tell of an exit by itself.
const SLICE: Duration = Duration::from_millis(10);

/// A process. Numbers are used again, start times are not, so the pair is never another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// The number.
    pub pid: u32,
    /// When it started, in the operating system's own unit since boot; compared, never computed
    /// with.
    pub start: u64,
}

/// When the process with this number started; `None` if there is none.
pub fn start_time(pid: u32) -> Option<u64> {
    Stat::read(pid).map(|stat| stat.start)
}

impl ProcessId {
    /// The process that has this number now, be it alive or waiting to be reaped.
    pub fn of(pid: u32) -> Option<Self> {
        start_time(pid).map(|start| Self { pid, start })
    }

    /// This process.
    pub fn own() -> Self {
        let pid = std::process::id();
        Self::of(pid).unwrap_or(Self { pid, start: 0 })
    }

    /// Whether this very process still runs. One that waits to be reaped does not.
    pub fn is_same_alive(self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| stat.start == self.start && stat.is_alive())
    }

    /// Sends a signal to this very process; `Ok(false)` if it is gone.
    pub fn send(self, signal: Signal) -> io::Result<bool> {
        // The first process is never anybody's child, and 0 would mean a whole group.
        if self.pid <= 1 {
            return Ok(false);
        }
        let still_it = || self.is_same_alive();
        match os::send(self.pid, signal.number(), still_it) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
            sent => sent,
        }
    }
}

impl ProcessId {
    /// A file that can be read once this very process is gone, to be watched among others. `None`
    /// if it is gone already, or if this kernel has no such files.
    pub fn exit_file(self) -> Option<OwnedFd> {
        os::exit_file(self.pid, || self.is_same_alive())
    }
}

/// Waits until all of these are gone, at most about `patience`; whether they are.
pub fn wait_gone(processes: &[ProcessId], mut patience: Duration) -> bool {
    let mut all = true;
    for process in processes {
        let gone = wait_one(*process, patience);
        // Whoever holds out uses up the patience for the others, too.
        if !gone {
            patience = Duration::ZERO;
        }
        all &= gone;
    }
    all
}

fn wait_one(process: ProcessId, patience: Duration) -> bool {
    if let Some(exited) = os::wait_exit(process.pid, patience, || process.is_same_alive()) {
        return exited;
    }
    let mut left = patience;
    while process.is_same_alive() {
        if left.is_zero() {
            return false;
        }
        os::pause(SLICE);
        left = left.saturating_sub(SLICE);
    }
    true
}
