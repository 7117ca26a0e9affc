//! Unix: sessions, modes, and what standard streams are.
#![expect(unsafe_code, reason = "tokio wants a promise about a descriptor")]

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _};
use std::path::Path;
use std::process::Command;

use shared_fault::point;
use shared_supervise::ExitFile;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::process::Child;

/// Makes a folder that only its owner may look into; one that is there stays as it is.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    point("folder.create")?;
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Starts a child that leads a session of its own.
pub(crate) fn spawn_in_own_session(mut command: Command) -> io::Result<Child> {
    shared_supervise::own_session(&mut command);
    point("agent.spawn")?;
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

/// The end of a process as something that the event loop can wait for.
pub(crate) fn wait_readable(exit: &ExitFile) -> io::Result<AsyncFd<OwnedFd>> {
    let file = exit.watched().try_clone_to_owned()?;
    // SAFETY: an `OwnedFd` is one descriptor, open until it is dropped.
    unsafe { AsyncFd::register_with_interest(file, Interest::READABLE) }.map_err(io::Error::from)
}
