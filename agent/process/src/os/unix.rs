//! Starting children on Unix: pseudo-terminals, sessions, process groups.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::io::Errno;
use rustix::process::Pid;
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, Winsize, tcgetattr, tcsetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::{Command, Output, Running, Signal, StartError, Stdin, Stream, Window};

/// The outlets of a child: what it gets, and what we keep to read from.
struct Outlets {
    stdin: Option<Stdio>,
    stdout: Stdio,
    stderr: Stdio,
    ours: Output,
}

/// Starts `command`, whose program was found at `path`.
pub(crate) fn start(command: &Command, path: &Path) -> Result<(Running, Output), StartError> {
    let outlets = outlets(command.stream)
        .map_err(|error| StartError::Stream(command.program.clone(), error))?;
    let mut child = std::process::Command::new(path);
    std::os::unix::process::CommandExt::arg0(&mut child, &command.program);
    child.args(&command.args).env_clear();
    child.envs(command.env.iter().map(|(key, value)| (key, value)));
    if let Some(cwd) = &command.cwd {
        child.current_dir(cwd);
    }
    child.stdin(outlets.stdin.unwrap_or_else(|| match command.stdin {
        Stdin::Null => Stdio::null(),
        Stdin::Piped => Stdio::piped(),
    }));
    child.stdout(outlets.stdout).stderr(outlets.stderr);
    isolate(&mut child, command.stream);
    let child = tokio::process::Command::from(child)
        .spawn()
        .map_err(|error| StartError::Run(command.program.clone(), error))?;
    let running =
        Running::new(child).map_err(|error| StartError::Run(command.program.clone(), error))?;
    Ok((running, outlets.ours))
}

fn outlets(stream: Stream) -> io::Result<Outlets> {
    match stream {
        Stream::Terminal(window) | Stream::RawTerminal(window) => {
            let (master, slave) = open_terminal(window)?;
            if matches!(stream, Stream::RawTerminal(_)) {
                let mut modes = tcgetattr(&slave)?;
                modes.make_raw();
                tcsetattr(&slave, OptionalActions::Now, &modes)?;
            }
            Ok(Outlets {
                stdin: Some(Stdio::from(slave.try_clone()?)),
                stdout: Stdio::from(slave.try_clone()?),
                stderr: Stdio::from(slave),
                ours: Output::new(master)?,
            })
        }
        Stream::PipeWithTerminal(window) => {
            let (master, slave) = open_terminal(window)?;
            let (ours, theirs) = io::pipe()?;
            Ok(Outlets {
                stdin: Some(Stdio::from(slave)),
                stdout: Stdio::from(theirs.try_clone()?),
                stderr: Stdio::from(theirs),
                ours: Output::with_terminal(OwnedFd::from(ours), master)?,
            })
        }
        Stream::Pipe | Stream::PipeInSession => {
            let (ours, theirs) = io::pipe()?;
            Ok(Outlets {
                stdin: None,
                stdout: Stdio::from(theirs.try_clone()?),
                stderr: Stdio::from(theirs),
                ours: Output::new(OwnedFd::from(ours))?,
            })
        }
        Stream::OutputOnly => {
            let (ours, theirs) = io::pipe()?;
            Ok(Outlets {
                stdin: None,
                stdout: Stdio::from(theirs),
                stderr: Stdio::null(),
                ours: Output::new(OwnedFd::from(ours))?,
            })
        }
        Stream::Inherit => Ok(Outlets {
            stdin: None,
            stdout: Stdio::inherit(),
            stderr: Stdio::inherit(),
            ours: Output::none(),
        }),
    }
}

/// A new pseudo-terminal: (master, slave), both closed on exec.
fn open_terminal(window: Window) -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    #[cfg(target_os = "linux")]
    let master = rustix::pty::openpt(flags | OpenptFlags::CLOEXEC)?;
    #[cfg(not(target_os = "linux"))]
    let master = {
        let master = rustix::pty::openpt(flags)?;
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC)?;
        master
    };
    rustix::pty::grantpt(&master)?;
    rustix::pty::unlockpt(&master)?;
    let slave = open_slave(master.as_fd())?;
    let size = Winsize {
        ws_row: window.rows,
        ws_col: window.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&slave, size)?;
    Ok((master, slave))
}

/// The terminal's other side. Linux opens it through the master, so that it works where another
/// `devpts` is mounted at `/dev/pts`.
fn open_slave(master: std::os::fd::BorrowedFd<'_>) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        Ok(rustix::pty::ioctl_tiocgptpeer(master, flags)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        use rustix::fs::{Mode, OFlags};
        let name = rustix::pty::ptsname(master, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&name, flags, Mode::empty())?)
    }
}

/// Makes a descriptor non-blocking and registers it with the runtime, for reading.
pub(crate) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    rustix::io::ioctl_fionbio(&fd, true)?;
    #[expect(
        unsafe_code,
        reason = "tokio cannot see that the descriptor stays the same"
    )]
    // SAFETY: an `OwnedFd` answers with one and the same open descriptor until it is dropped, and
    // the `AsyncFd` owns it and deregisters it first.
    let watched = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    Ok(watched?)
}

/// Gives the child its own process group or session. A group alone lets the standard library take
/// its fast way to start a process, so a session is made only where one is needed.
fn isolate(child: &mut std::process::Command, stream: Stream) {
    use std::os::unix::process::CommandExt;
    match stream {
        Stream::Pipe | Stream::OutputOnly | Stream::Inherit => {
            child.process_group(0);
        }
        Stream::PipeInSession => {
            let session = || {
                rustix::process::setsid()?;
                Ok(())
            };
            #[expect(
                unsafe_code,
                reason = "the standard library has no stable way to make a session"
            )]
            // SAFETY: between fork and exec the closure makes one system call, which is
            // async-signal-safe; it allocates nothing and touches no lock.
            unsafe {
                child.pre_exec(session);
            }
        }
        Stream::Terminal(_) | Stream::RawTerminal(_) | Stream::PipeWithTerminal(_) => {
            let terminal = || {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            };
            #[expect(
                unsafe_code,
                reason = "a controlling terminal can only be taken by the child itself"
            )]
            // SAFETY: between fork and exec the closure makes two system calls, both
            // async-signal-safe; it allocates nothing and touches no lock. Descriptor 0 is open: the
            // standard library has put the terminal there before it calls the closure.
            unsafe {
                child.pre_exec(terminal);
            }
        }
    }
}

/// Sends a signal to a process group; one that is gone is no error.
pub(crate) fn signal_group(leader: u32, signal: Signal) -> io::Result<()> {
    let Some(pid) = i32::try_from(leader).ok().and_then(Pid::from_raw) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    match rustix::process::kill_process_group(pid, signal.raw()) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Reaps every child that has ended, until the one that somebody else waits for is the next.
pub(crate) fn reap_all_but(waited_for: u32) {
    loop {
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        #[expect(unsafe_code, reason = "the safe form does not tell whose end it is")]
        // SAFETY: `info` is a zeroed structure of the right type that outlives the call, and a
        // zeroed one is valid to read; with WNOHANG and WNOWAIT the call changes nothing.
        let next = unsafe {
            match libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), flags) {
                0 => info.assume_init().si_pid(),
                _ => 0,
            }
        };
        let Some(pid) = Pid::from_raw(next) else {
            return;
        };
        if pid.as_raw_nonzero().get().cast_unsigned() == waited_for {
            return;
        }
        if rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::NOHANG).is_err() {
            return;
        }
    }
}

/// The signal that ended a process.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Whether `file` is something the caller may run.
pub(crate) fn is_executable(file: &Path) -> bool {
    use rustix::fs::Access;
    file.is_file() && rustix::fs::access(file, Access::EXEC_OK).is_ok()
}

/// The ids of all processes; none where there is no `/proc`.
pub(crate) fn process_ids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The environment that a process was started with, as in `proc_pid_environ(5)`; empty if it may
/// not be looked at.
pub(crate) fn environment_of(pid: u32) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
}
