//! One process for good: its number and when it started.

use std::io;
use std::time::Duration;

use crate::os::{self, ExitFile};
use crate::signal::Signal;
use crate::stat::Stat;

/// How long one look lasts where the kernel cannot tell of an exit by itself.
const SLICE: Duration = Duration::from_millis(10);

/// How often this process is looked at before it has no identity: an error of the moment must not
/// cost it that.
const LOOKS: u32 = 5;

/// A process. Numbers are used again, start times are not, so the pair is never another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// The number.
    pub pid: u32,
    /// When it started, in the operating system's own unit (Linux: clock ticks since boot; macOS:
    /// microseconds since 1970; Windows: 100 ns since 1601); compared, never computed with.
    pub start: u64,
}

/// When the process with this number started; `None` if there is none.
pub fn start_time(pid: u32) -> Option<u64> {
    os::stat(pid).ok().flatten().map(|stat| stat.start)
}

impl ProcessId {
    /// The process that has this number now, be it alive or waiting to be reaped.
    pub fn of(pid: u32) -> Option<Self> {
        start_time(pid).map(|start| Self { pid, start })
    }

    /// This process.
    ///
    /// # Errors
    /// When the system cannot tell when it started, however often it is asked. Under a made-up time
    /// nobody would ever find it again.
    pub fn own() -> io::Result<Self> {
        let pid = std::process::id();
        let mut looked = os::stat(pid);
        for _ in 1..LOOKS {
            if matches!(looked, Ok(Some(_))) {
                break;
            }
            looked = os::stat(pid);
        }
        let start = looked?.ok_or(io::ErrorKind::NotFound)?.start;
        Ok(Self { pid, start })
    }

    /// Whether this very process still runs. One that waits to be reaped does not. One that cannot
    /// be looked at now is taken to run: nobody is replaced because the host is short of something.
    pub fn is_same_alive(self) -> bool {
        self.is_certainly_alive().unwrap_or(true)
    }

    fn is_certainly_alive(self) -> io::Result<bool> {
        let same = |stat: Stat| stat.start == self.start && stat.alive;
        Ok(os::stat(self.pid)?.is_some_and(same))
    }

    /// Sends a signal to this very process; `Ok(false)` if it is gone.
    ///
    /// # Errors
    /// Also when it cannot be told whether the number still is that of this process: a stranger is
    /// never hit.
    pub fn send(self, signal: Signal) -> io::Result<bool> {
        // The first process is never anybody's child, and 0 would mean a whole group.
        if self.pid <= 1 {
            return Ok(false);
        }
        os::send(self, signal, || self.is_certainly_alive())
    }

    /// Something to watch among other events: it becomes readable once this very process is gone.
    /// `None` if it is gone already, or if this kernel has no such thing.
    pub fn exit_file(self) -> Option<ExitFile> {
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
    if let Some(exit) = process.exit_file() {
        // A signal that ends the wait early is rare; the caller asks again then.
        let _ = os::poll(&[exit.watched()], Some(patience));
        return !process.is_same_alive();
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
