//! A child that runs: waiting for it and signalling it.

use std::fmt;
use std::io;
use std::process::ExitStatus;

use shared_supervise::{ProcessId, kill_tree};
use tokio::process::{Child, ChildStdin};

use crate::{Signal, os};

/// A started child. Dropping it does not end the child; whoever holds it decides that.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Group,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status (0 to 255).
    Code(i32),
    /// By a signal of this number.
    Signal(i32),
}

/// The process group a child leads. Signals may be sent while [`Running`] is borrowed elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group(ProcessId);

impl Running {
    pub(crate) fn new(child: Child) -> io::Result<Self> {
        let pid = child
            .id()
            .ok_or_else(|| io::Error::other("the child ended before it was seen"))?;
        Ok(Self {
            child,
            // A child that was reaped in between has no start time; 0 is nobody's.
            group: Group(ProcessId::of(pid).unwrap_or(ProcessId { pid, start: 0 })),
        })
    }

    /// The child's process id, which is also that of its group.
    pub fn pid(&self) -> u32 {
        self.group.id()
    }

    /// The child's process group.
    pub fn group(&self) -> Group {
        self.group
    }

    /// The writing end of [`crate::Stdin::Piped`], once. Drop it to end the child's input.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits until the child ended. May be dropped and called again; answers the same afterwards.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        self.child.wait().await.map(Exit::from)
    }

    /// Sends a signal to the child's whole process group. A group that is gone is no error.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        self.group.signal(signal)
    }
}

impl Group {
    /// The group's id: the process id of its leader.
    pub fn id(self) -> u32 {
        self.0.pid
    }

    /// The process that leads it.
    pub fn leader(self) -> ProcessId {
        self.0
    }

    /// Sends a signal to every process of the group. A group that is gone is no error, and one of
    /// the same number that somebody else leads now is left alone.
    pub fn signal(self, signal: Signal) -> io::Result<()> {
        if ProcessId::of(self.id()).is_some_and(|now| now != self.0) {
            return Ok(());
        }
        os::signal_group(self.id(), signal)
    }

    /// Kills the child and everything below it, in whatever group or session; how many there were.
    /// Orphans whose parents are gone are not below it any more, see [`crate::Orphans`].
    pub fn kill_tree(self) -> usize {
        let killed = kill_tree(&[self.0]).len();
        // Who joined the group from elsewhere, and where /proc cannot be read, everyone in it.
        let _ = self.signal(Signal::KILL);
        killed
    }
}

impl Exit {
    /// Whether the child reported success.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }

    /// The status as the Agent API reports it: −1 for a child that a signal ended.
    pub fn status(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(_) => -1,
        }
    }

    /// Name of the signal that ended the child, such as `SIGKILL`; its digits if it has none.
    pub fn signal_name(self) -> Option<String> {
        match self {
            Self::Code(_) => None,
            Self::Signal(number) => Some(Signal::name_of(number)),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with status {code}"),
            Self::Signal(number) => write!(f, "was ended by signal {}", Signal::name_of(*number)),
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), os::signal_of(status)) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Code(-1),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::Command;

    #[tokio::test]
    async fn a_group_of_the_same_number_but_another_leader_is_left_alone() {
        let command = Command::new("/bin/sh").args(["-c", "read line"]);
        let command = command.stdin(crate::Stdin::Piped);
        let (mut running, _output) = command.start().unwrap();
        let input = running.take_stdin();
        let ProcessId { pid, start } = running.group().leader();
        let earlier = ProcessId {
            pid,
            start: start - 1,
        };
        Group(earlier).signal(Signal::KILL).unwrap();
        drop(input);
        assert_eq!(running.wait().await.unwrap(), Exit::Code(1));
    }
}
