//! Starting children, and taking note of their end.
//!
//! A tier that is a subreaper gets children it never started, so ends are collected for all of
//! them in one place, [`reap`], and not per child.

use std::ffi::OsStr;
use std::io::{self, PipeWriter};
use std::path::Path;

use crate::os::{self, Reports};
use crate::process::ProcessId;

/// A child that was started. Dropping it neither kills nor reaps it, but closes the pipes.
#[derive(Debug)]
pub struct Child {
    /// Which process it is.
    pub id: ProcessId,
    /// Goes to its standard input: never written to, its end says that we are gone.
    pub lifeline: PipeWriter,
    /// Comes from its standard output.
    pub reports: Reports,
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
        let (pid, lifeline, reports) = os::spawn(&words, variables)?;
        // Until it is reaped, which is up to us, it is there even if it has ended.
        let id = ProcessId::of(pid).unwrap_or(ProcessId { pid, start: 0 });
        Ok(Self {
            id,
            lifeline,
            reports,
        })
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
    // What a file can do wrong is known and little; what a host can run out of is neither.
    !matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::ArgumentListTooLong
    ) && !os::is_no_program(error)
}

/// Lets the command run in a session of its own: signals of a terminal and of a group do not reach
/// it, and all that it starts can be found by that session.
#[cfg(unix)]
pub fn own_session(command: &mut std::process::Command) -> &mut std::process::Command {
    os::own_session(command)
}

/// Makes what is below this process findable when it is orphaned: on Linux orphans become its
/// children, on Windows all of it is in one job object that ends with this process, but for what
/// breaks away on purpose. Nothing elsewhere.
pub fn become_subreaper() -> io::Result<()> {
    os::become_subreaper()
}

/// Takes note of one child that has ended, if there is any: who, and how. Call until `None`.
pub fn reap() -> Option<(u32, Ended)> {
    os::reap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_file_itself_is_to_blame_for_not_starting() {
        for kind in [
            io::ErrorKind::StorageFull,
            io::ErrorKind::OutOfMemory,
            io::ErrorKind::WouldBlock,
            io::ErrorKind::Interrupted,
            io::ErrorKind::ExecutableFileBusy,
            io::ErrorKind::Other,
        ] {
            assert!(is_shortage(&kind.into()), "{kind}");
        }
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied] {
            assert!(!is_shortage(&kind.into()), "{kind}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_another_machine_is_to_blame() {
        assert!(!is_shortage(&io::Error::from_raw_os_error(libc::ENOEXEC)));
        for errno in [libc::EMFILE, libc::ENFILE, libc::EAGAIN, libc::EIO] {
            assert!(is_shortage(&io::Error::from_raw_os_error(errno)), "{errno}");
        }
    }
}
