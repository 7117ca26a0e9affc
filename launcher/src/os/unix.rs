//! Unix: sessions, modes, signals, sockets in the file system, and what standard streams are.
#![expect(unsafe_code, reason = "tokio wants a promise about a descriptor")]

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _};
use std::path::Path;
use std::process::Command;

use shared_fault::point;
use shared_supervise::ProcessId;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Makes a folder that only its owner may look into; one that is there stays as it is.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    point("folder.create")?;
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Starts a child that leads a session of its own: neither signals for this process nor its end
/// reach it.
pub(crate) fn spawn_apart(mut command: Command) -> io::Result<Child> {
    shared_supervise::own_session(&mut command);
    point("agent.spawn")?;
    tokio::process::Command::from(command).spawn()
}

/// Ends an agent and all that it started.
pub(crate) fn kill_tree(agent: ProcessId) {
    shared_supervise::kill_tree(&[agent]);
}

/// Waits for the end of a process that is no child of this one.
///
/// # Errors
/// When this kernel cannot tell of it, or the process is gone already.
pub(crate) async fn end_of(process: ProcessId) -> io::Result<()> {
    let exit = process.exit_file().ok_or(io::ErrorKind::Unsupported)?;
    let file = exit.watched().try_clone_to_owned()?;
    // SAFETY: an `OwnedFd` is one descriptor, open until it is dropped.
    let file = unsafe { AsyncFd::register_with_interest(file, Interest::READABLE) }?;
    file.readable().await.map(drop)
}

/// Connects to the control socket of an agent. Only this user can have laid one into the folder, so
/// its process is not asked for.
pub(crate) async fn connect(socket: &Path, _agent: u32) -> io::Result<UnixStream> {
    point("link.connect")?;
    UnixStream::connect(socket).await
}

/// Whether somebody listens on the control socket of an agent.
///
/// # Errors
/// `NotFound` and `ConnectionRefused` say that nobody does; any other that it cannot be told.
pub(crate) fn knock(socket: &Path) -> io::Result<()> {
    point("adopt.connect")?;
    std::os::unix::net::UnixStream::connect(socket).map(drop)
}

/// Whether a standard stream is a pipe, as the bootstrapper makes them.
pub(crate) fn is_pipe(stream: impl AsFd) -> bool {
    stream
        .as_fd()
        .try_clone_to_owned()
        .and_then(|stream| File::from(stream).metadata())
        .is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// What asks this process to end: SIGTERM and SIGINT.
#[derive(Debug)]
pub(crate) struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    /// Listens from now on. To be called in a runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one; `None` when there will be no more.
    pub(crate) async fn next(&mut self) -> Option<()> {
        tokio::select! {
            came = self.terminate.recv() => came,
            came = self.interrupt.recv() => came,
        }
    }
}

/// The pipe whose other end the bootstrapper holds.
#[derive(Debug)]
pub(crate) struct Lifeline(pipe::Receiver);

impl Lifeline {
    /// Standard input, if it is one. A terminal or /dev/null ends for other reasons; only a pipe is
    /// held by a bootstrapper. To be called in a runtime.
    pub(crate) fn of_stdin() -> io::Result<Option<Self>> {
        if !is_pipe(io::stdin()) {
            return Ok(None);
        }
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        pipe::Receiver::from_owned_fd(stdin).map(|pipe| Some(Self(pipe)))
    }

    /// Waits until the bootstrapper is gone. The pipe is never written to, so whatever wakes its
    /// reader is its end.
    pub(crate) async fn cut(mut self) {
        let mut nothing = [0; 16];
        while matches!(self.0.read(&mut nothing).await, Ok(1..)) {}
    }
}
