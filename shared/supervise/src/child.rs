//! Starting children, and taking note of their end.
//!
//! A tier that is a subreaper gets children it never started, so ends are collected for all of
//! them in one place, [`reap`], and not per child.

use std::ffi::OsStr;
use std::io::{self, PipeReader, PipeWriter};
use std::path::Path;
use std::process::Command;

use crate::os;
use crate::process::ProcessId;

/// A child that was started. Dropping it neither kills nor reaps it, but closes the pipes.
#[derive(Debug)]
pub struct Child {
    /// Which process it is.
    pub id: ProcessId,
    /// Goes to its standard input.
    pub stdin: PipeWriter,
    /// Comes from its standard output.
    pub stdout: PipeReader,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Exited(i32),
    /// By the signal with this number.
    Signaled(i32),
}

impl Child {
    /// Starts `program` with these arguments, in a session of its own, with pipes for standard
    /// input and output. Its environment is ours with these `variables`, each `NAME=value`.
    ///
    /// # Errors
    /// Also those of the exec: a file that the system cannot run is never handed to a shell.
    pub fn start(program: &Path, args: &[&OsStr], variables: &[&OsStr]) -> io::Result<Self> {
        let mut words = vec![program.as_os_str()];
        words.extend_from_slice(args);
        let (pid, stdin, stdout) = os::spawn(&words, variables)?;
        // Until it is reaped, which is up to us, it is there even if it has ended.
        let id = ProcessId::of(pid).unwrap_or(ProcessId { pid, start: 0 });
        Ok(Self { id, stdin, stdout })
    }
}

impl Ended {
    /// The status a shell would report: the exit code, or 128 and the signal's number.
    pub const fn shell_status(self) -> i32 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => 128 + signal,
        }
    }
}

/// Whether a start failed because the host is short of something, so that the same start may work
/// later; else the program is to blame.
pub fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EAGAIN
                | libc::ENOMEM
                | libc::EMFILE
                | libc::ENFILE
                | libc::ETXTBSY
                | libc::EIO
                | libc::EINTR
        )
    )
}

/// Lets the command run in a session of its own: signals of a terminal and of a group do not reach
/// it, and all that it starts can be found by that session.
pub fn own_session(command: &mut Command) -> &mut Command {
    os::own_session(command)
}

/// Makes orphans below this process its children, so that they can be found and reaped.
pub fn become_subreaper() -> io::Result<()> {
    os::become_subreaper()
}

/// Takes note of one child that has ended, if there is any: who, and how. Call until `None`.
pub fn reap() -> Option<(u32, Ended)> {
    os::reap()
}
