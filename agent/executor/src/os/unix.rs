//! Unix: the executor's own output, the signals it receives, and ending by one of them.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;

use agent_process::Signal;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// The shell that runs commands where none is configured.
#[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
pub(crate) const DEFAULT_SHELL: &str = "/usr/local/bin/bash -e -c";
/// The shell that runs commands where none is configured.
#[cfg(target_os = "netbsd")]
pub(crate) const DEFAULT_SHELL: &str = "/usr/pkg/bin/bash -e -c";
/// The shell that runs commands where none is configured.
#[cfg(not(any(target_os = "freebsd", target_os = "openbsd", target_os = "netbsd")))]
pub(crate) const DEFAULT_SHELL: &str = "/bin/bash -e -c";

/// The executor's standard output. Where it is a pipe or terminal it is written without blocking,
/// so that signals are heard while whoever reads the log is slow.
#[derive(Debug)]
pub(crate) enum Outlet {
    Waiting(pipe::Sender),
    Blocking,
    /// Nobody takes it any more; that was told once.
    Gone,
}

impl Outlet {
    /// Standard output. Non-blocking mode belongs to the open file, which others may share, so it
    /// is opened anew; where that cannot be done, writes block.
    pub(crate) fn standard() -> Self {
        reopen()
            .and_then(|fd| pipe::Sender::from_owned_fd_unchecked(fd).ok())
            .map_or(Self::Blocking, Self::Waiting)
    }

    /// Writes everything. After the first error it takes all and writes nothing: a job that has
    /// lost its log ends, but its last hooks still clean up.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = match self {
            Self::Waiting(sender) => sender.write_all(bytes).await,
            Self::Blocking => write_blocking(bytes),
            Self::Gone => Ok(()),
        };
        if written.is_err() {
            *self = Self::Gone;
        }
        written
    }
}

fn write_blocking(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Opens the pipe or terminal behind standard output once more, for itself.
#[cfg(target_os = "linux")]
fn reopen() -> Option<OwnedFd> {
    use rustix::fs::{FileType, Mode, OFlags, fstat, open};
    let kind = FileType::from_raw_mode(fstat(rustix::stdio::stdout()).ok()?.st_mode);
    let is_terminal = rustix::termios::isatty(rustix::stdio::stdout());
    if kind != FileType::Fifo && !is_terminal {
        return None;
    }
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open("/proc/self/fd/1", flags, Mode::empty()).ok()
}

/// Only Linux gives a new open file for an inherited pipe.
#[cfg(not(target_os = "linux"))]
fn reopen() -> Option<OwnedFd> {
    None
}

/// The signals that cancel a job.
#[derive(Debug)]
pub(crate) struct Signals {
    streams: [(Signal, Stream); 4],
}

impl Signals {
    /// Starts to listen; from here on none of them ends the process by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        let stream = |known: Signal| {
            signal(SignalKind::from_raw(known.number())).map(|stream| (known, stream))
        };
        Ok(Self {
            streams: [
                stream(Signal::TERM)?,
                stream(Signal::INT)?,
                stream(Signal::HUP)?,
                stream(Signal::QUIT)?,
            ],
        })
    }

    /// The next signal. May be dropped and called again without loss.
    pub(crate) async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            for (known, stream) in &mut self.streams {
                if stream.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*known);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}

/// Ends the process by the signal that canceled the job, as if it had not been caught, so that the
/// caller sees it. SIGQUIT would leave a core file, so it becomes its status.
pub(crate) fn end_by(signal: Signal) -> ExitCode {
    let status = ExitCode::from(u8::try_from(128 + signal.number()).unwrap_or(u8::MAX));
    if signal == Signal::QUIT {
        return status;
    }
    #[expect(
        unsafe_code,
        reason = "a caught signal has its old effect back only this way"
    )]
    // SAFETY: both calls take a signal number that the system knows; the default action replaces a
    // handler, and no other thread relies on it, for the process ends here.
    unsafe {
        libc::signal(signal.number(), libc::SIG_DFL);
        libc::raise(signal.number());
    }
    status
}

/// Adds the execute bit for everyone who may read the file.
pub(crate) fn make_executable(file: &Path) -> io::Result<()> {
    let mode = File::open(file)?.metadata()?.permissions().mode();
    let wanted = mode | ((mode & 0o444) >> 2);
    if wanted == mode {
        return Ok(());
    }
    std::fs::set_permissions(file, Permissions::from_mode(wanted))
}

/// Gives the owner all rights on every folder of a tree, without following links.
pub(crate) fn make_removable(folder: &Path) -> io::Result<()> {
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_removable(&entry.path())?;
        }
    }
    Ok(())
}

/// Makes a folder, and those above it, for the owner alone; one that is there stays as it is.
pub(crate) fn create_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a folder with a random ending for the owner alone; it goes with the value.
pub(crate) fn private_scratch(prefix: &str, within: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(within)
}

/// Makes a new file with these permissions, as far as the process's mask allows them.
pub(crate) fn create_with_mode(file: &Path, mode: u32) -> io::Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(file)
}

/// Opens a file for appending; made now, it is for the owner alone.
pub(crate) fn append_private(file: &Path) -> io::Result<File> {
    File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)
}
