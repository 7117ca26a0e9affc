//! What only Linux has: `/proc`, handles of processes, and orphans that come to their grandparent.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::fs;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use super::unix::{ExitFile, check};
use crate::process::ProcessId;
use crate::signal::Signal;
use crate::stat::Stat;

/// What the kernel says of the process with this number; `None` if there is none.
pub(crate) fn stat(pid: u32) -> io::Result<Option<Stat>> {
    let mut path = String::from("/proc/");
    path.push_str(&pid.to_string());
    path.push_str("/stat");
    shared_fault::point("process.look")?;
    match fs::read(path) {
        Ok(text) => Ok(Stat::parse(&String::from_utf8_lossy(&text))),
        // The second is a process that ended between the opening and the reading.
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.raw_os_error() == Some(libc::ESRCH) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// All processes, as far as they can be looked at.
pub(crate) fn running() -> io::Result<Vec<(u32, Stat)>> {
    shared_fault::point("tree.list")?;
    let mut running = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some((pid, Ok(Some(stat)))) = pid.map(|pid| (pid, stat(pid))) {
            running.push((pid, stat));
        }
    }
    Ok(running)
}

/// The variables that a process was started with, each with a zero behind it; see proc_pid_environ(5).
pub(crate) fn environment(pid: u32) -> io::Result<Vec<u8>> {
    let mut path = String::from("/proc/");
    path.push_str(&pid.to_string());
    path.push_str("/environ");
    shared_fault::point("process.environment")?;
    fs::read(path)
}

/// The mappings of this process and what is resident of them; see proc_pid_smaps(5).
pub(crate) fn own_smaps() -> io::Result<String> {
    shared_fault::point("code.maps")?;
    fs::read_to_string("/proc/self/smaps")
}

/// A handle of the process that has this number now. Kernels before 5.3 have none.
fn open(pid: u32) -> io::Result<OwnedFd> {
    shared_fault::point("process.open")?;
    // SAFETY: takes two integers and returns a descriptor.
    let handle = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let handle = check(i32::try_from(handle).unwrap_or(-1))?;
    // SAFETY: the descriptor was just made and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(handle) })
}

/// Sends a signal to a process if it is `still_it`; `Ok(false)` if it is gone.
///
/// The question is asked while a handle is held, so the number cannot pass to another process
/// between the question and the signal.
pub(crate) fn send(
    process: ProcessId,
    signal: Signal,
    still_it: impl Fn() -> io::Result<bool>,
) -> io::Result<bool> {
    let gone = |error: &io::Error| error.raw_os_error() == Some(libc::ESRCH);
    let handle = match open(process.pid) {
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => None,
        Err(error) if gone(&error) => return Ok(false),
        opened => Some(opened?),
    };
    if !still_it()? {
        return Ok(false);
    }
    shared_fault::point("process.signal")?;
    let sent = match handle {
        // SAFETY: an open descriptor, a number, no details and no flags.
        Some(handle) => unsafe {
            let no_details = std::ptr::null::<libc::siginfo_t>();
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                handle.as_raw_fd(),
                signal.number(),
                no_details,
                0,
            )
        },
        // SAFETY: takes two integers.
        None => unsafe { libc::kill(process.pid.cast_signed(), signal.number()) }.into(),
    };
    match check(i32::try_from(sent).unwrap_or(-1)) {
        Ok(_) => Ok(true),
        Err(error) if gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A handle of the process with this number if it is `still_it`; it can be read once that is gone.
pub(crate) fn exit_file(pid: u32, still_it: impl Fn() -> bool) -> Option<ExitFile> {
    open(pid).ok().filter(|_| still_it()).map(ExitFile)
}

/// Takes these pages out of this process's memory until they are used again.
///
/// # Safety
/// They must be the unchanged pages of a mapped file.
pub(crate) unsafe fn release_pages(pages: Range<usize>) {
    // SAFETY: as the caller says, the file has all that is dropped. Whether it works makes no
    // difference to anybody.
    unsafe {
        libc::madvise(
            std::ptr::with_exposed_provenance_mut(pages.start),
            pages.len(),
            libc::MADV_DONTNEED,
        )
    };
}

/// See prctl(2), PR_SET_CHILD_SUBREAPER.
pub(crate) fn become_subreaper() -> io::Result<()> {
    shared_fault::point("child.subreaper")?;
    // SAFETY: takes integers only.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })?;
    Ok(())
}
