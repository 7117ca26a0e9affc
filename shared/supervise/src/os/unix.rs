//! What Linux and macOS share.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::fs::{File, TryLockError};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, IntoRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use crate::child::Ended;
use crate::signal::Signal;

/// Something that a wait can watch: a file that becomes readable.
pub type Watched<'a> = BorrowedFd<'a>;

/// Becomes readable once a process is gone; see [`crate::ProcessId::exit_file`].
#[derive(Debug)]
pub struct ExitFile(pub(crate) OwnedFd);

impl ExitFile {
    /// For [`crate::Events::wait`].
    pub fn watched(&self) -> Watched<'_> {
        self.0.as_fd()
    }
}

/// What a child writes to its standard output.
#[derive(Debug)]
pub struct Reports(pub(super) PipeReader);

impl Reports {
    /// For [`crate::Events::wait`].
    pub fn watched(&self) -> Watched<'_> {
        self.0.as_fd()
    }

    /// Whether something can be read without waiting, or it has ended.
    pub fn is_readable(&self) -> bool {
        matches!(poll(&[self.watched()], Some(Duration::ZERO)), Ok(Some(_)))
    }
}

impl Read for Reports {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        shared_fault::point("child.read-reports")?;
        self.0.read(bytes)
    }
}

/// The pipe that rings when a signal came.
#[derive(Debug)]
pub(crate) struct Alarm(PipeReader);

impl Alarm {
    /// Notes these signals and the ends of children from now on.
    pub(crate) fn listen(signals: &[Signal]) -> io::Result<Self> {
        let alarm = Self(signal_pipe()?);
        for signal in signals {
            handle(signal.number())?;
        }
        handle(libc::SIGCHLD)?;
        Ok(alarm)
    }

    /// Waits as [`poll`] does, with the alarm at place 0 and `files` behind it.
    pub(crate) fn wait(
        &self,
        files: &[Watched<'_>],
        limit: Option<Duration>,
    ) -> io::Result<Option<usize>> {
        let mut all = vec![self.0.as_fd()];
        all.extend_from_slice(files);
        poll(&all, limit)
    }

    pub(crate) fn drain(&mut self) {
        let mut bytes = [0; 64];
        while self.0.read(&mut bytes).is_ok_and(|n| n > 0) {}
    }
}

/// What the signal handler wakes the process with; open for the life of the process.
static SIGNAL_PIPE: AtomicI32 = AtomicI32::new(-1);

/// The signals that came, one bit each. A pipe alone could be full; this cannot.
static PENDING: AtomicU32 = AtomicU32::new(0);

/// Turns the result of a system call into one of Rust.
pub(super) fn check(result: i32) -> io::Result<i32> {
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// Makes the pipe that [`handle`] writes to, and returns the end to read from.
fn signal_pipe() -> io::Result<PipeReader> {
    shared_fault::point("events.pipe")?;
    let (read_end, write_end) = io::pipe()?;
    for end in [read_end.as_raw_fd(), write_end.as_raw_fd()] {
        // SAFETY: only changes a flag of a descriptor that is open.
        check(unsafe { libc::fcntl(end, libc::F_SETFL, libc::O_NONBLOCK) })?;
    }
    // The handler may run at any time from now on, so this end is never closed.
    SIGNAL_PIPE.store(write_end.into_raw_fd(), Ordering::Release);
    Ok(read_end)
}

/// The numbers of the signals that came since the last call, one bit each.
pub(crate) fn take_pending() -> u32 {
    PENDING.swap(0, Ordering::AcqRel)
}

/// The signal handler: notes the number, then wakes whoever waits.
extern "C" fn on_signal(number: i32) {
    PENDING.fetch_or(1 << number, Ordering::AcqRel);
    let byte = 0_u8;
    // SAFETY: errno belongs to the code that was interrupted and is put back; write is
    // async-signal-safe and gets one byte that lives until it returns.
    unsafe {
        let errno = errno();
        let saved = *errno;
        libc::write(
            SIGNAL_PIPE.load(Ordering::Acquire),
            (&raw const byte).cast(),
            1,
        );
        *errno = saved;
    }
}

#[cfg(target_os = "linux")]
unsafe fn errno() -> *mut i32 {
    // SAFETY: returns the address of this thread's errno, always.
    unsafe { libc::__errno_location() }
}

#[cfg(not(target_os = "linux"))]
unsafe fn errno() -> *mut i32 {
    // SAFETY: returns the address of this thread's errno, always.
    unsafe { libc::__error() }
}

/// Notes this signal from now on, unless it is ignored. Numbers are below 32: all that a tier
/// listens for is as old as Unix.
fn handle(number: i32) -> io::Result<()> {
    shared_fault::point("events.handle")?;
    // SAFETY: an all-zero sigaction is a valid one: default handler, empty mask, no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: reads the present action into a value of the right type.
    check(unsafe { libc::sigaction(number, std::ptr::null(), &raw mut action) })?;
    if action.sa_sigaction == libc::SIG_IGN && number != libc::SIGCHLD {
        return Ok(());
    }
    action.sa_sigaction = on_signal as *const () as usize;
    action.sa_flags = libc::SA_RESTART | libc::SA_NOCLDSTOP;
    // SAFETY: the mask belongs to the action; the handler does only what a handler may.
    check(unsafe {
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(number, &raw const action, std::ptr::null_mut())
    })?;
    Ok(())
}

/// Waits until one of `files` can be read or has ended: the place of the first that is so, or
/// `None` when the limit passed.
pub(crate) fn poll(files: &[BorrowedFd<'_>], limit: Option<Duration>) -> io::Result<Option<usize>> {
    let mut polled: Vec<libc::pollfd> = files
        .iter()
        .map(|file| libc::pollfd {
            fd: file.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    // Rounded up, so that a wait never ends just before its limit, to be taken up again and again.
    let millis = limit.map_or(-1, |limit| {
        let millis = u64::from(limit.subsec_nanos().div_ceil(1_000_000));
        let millis = limit.as_secs().saturating_mul(1_000).saturating_add(millis);
        i32::try_from(millis).unwrap_or(i32::MAX)
    });
    let count = libc::nfds_t::try_from(polled.len()).unwrap_or(libc::nfds_t::MAX);
    shared_fault::point("events.poll")?;
    // SAFETY: pointer and length are those of one vector, whose files are open while borrowed.
    let ready = unsafe { libc::poll(polled.as_mut_ptr(), count, millis) };
    match check(ready) {
        Ok(0) => Ok(None),
        Ok(_) => Ok(polled.iter().position(|file| file.revents != 0)),
        // A signal came: its number is in the first of the files by now.
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Some(0)),
        Err(error) => Err(error),
    }
}

/// Waits without waiting for anything. Only where the kernel offers no event.
pub(crate) fn pause(time: Duration) {
    // A signal that ends it early only makes the next look come sooner.
    if poll(&[], Some(time)).is_err() {
        std::thread::park_timeout(time);
    }
}

/// Whether standard error takes a line right now; what is no pipe always does.
pub(crate) fn is_error_output_writable() -> bool {
    let mut output = libc::pollfd {
        fd: 2,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one element, which lives until the call returns; the call does not wait.
    let ready = unsafe { libc::poll(&raw mut output, 1, 0) };
    ready != 0
}

/// Whether this error of a start says that the file is no program of this machine.
pub(crate) fn is_no_program(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOEXEC | libc::ELOOP | NO_LIBRARY)
    )
}

#[cfg(target_os = "linux")]
const NO_LIBRARY: i32 = libc::ELIBBAD;
#[cfg(target_os = "macos")]
const NO_LIBRARY: i32 = libc::EBADARCH;

/// Takes the lock on a file if nobody has it; whether it was taken.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    shared_fault::point("lock.take")?;
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// One child that has ended, and how.
pub(crate) fn reap() -> Option<(u32, Ended)> {
    let mut status = 0;
    // It may be slow or the last thing this process does; fail it does not.
    let _ = shared_fault::point("child.reap");
    // SAFETY: writes the status into a local variable; with WNOHANG it never blocks.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    let pid = u32::try_from(pid).ok().filter(|pid| *pid != 0)?;
    let ended = if libc::WIFSIGNALED(status) {
        Ended::Signaled(libc::WTERMSIG(status))
    } else {
        Ended::Exited(libc::WEXITSTATUS(status))
    };
    Some((pid, ended))
}

/// The command will lead a session of its own.
pub(crate) fn own_session(command: &mut Command) -> &mut Command {
    // SAFETY: between fork and exec only setsid runs, which is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            check(libc::setsid())?;
            Ok(())
        })
    }
}
