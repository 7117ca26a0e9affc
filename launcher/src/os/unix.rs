//! Unix: sessions, and what standard streams are.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt as _;
use std::process::Command;
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::process::Child;

/// A wait that is as good as for ever, in a unit that every system call takes.
pub(crate) const LONG: Duration = Duration::from_hours(24);

/// Starts a child that leads a session of its own.
pub(crate) fn spawn_in_own_session(mut command: Command) -> io::Result<Child> {
    shared_supervise::own_session(&mut command);
    tokio::process::Command::from(command).spawn()
}

/// Whether a standard stream is a pipe, as the bootstrapper makes them.
pub(crate) fn is_pipe(stream: impl AsFd) -> bool {
    stream
        .as_fd()
        .try_clone_to_owned()
        .and_then(|stream| File::from(stream).metadata())
        .is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// Standard input as a pipe that the event loop can wait for.
pub(crate) fn stdin_pipe() -> io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)
}
