//! What only Linux has: handles of processes, and orphans that come to their grandparent.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::time::Duration;

use super::unix::{check, poll};

/// A handle of the process that has this number now. Kernels before 5.3 have none.
fn open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: takes two integers and returns a descriptor.
    let handle = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let handle = check(i32::try_from(handle).unwrap_or(-1))?;
    // SAFETY: the descriptor was just made and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(handle) })
}

/// Sends a signal to the process with this number if it is `still_it`; `Ok(false)` if not.
///
/// The question is asked while a handle is held, so the number cannot pass to another process
/// between the question and the signal.
pub(crate) fn send(pid: u32, number: i32, still_it: impl Fn() -> bool) -> io::Result<bool> {
    let handle = match open(pid) {
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => None,
        opened => Some(opened?),
    };
    if !still_it() {
        return Ok(false);
    }
    let sent = match handle {
        // SAFETY: an open descriptor, a number, no details and no flags.
        Some(handle) => unsafe {
            let no_details = std::ptr::null::<libc::siginfo_t>();
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                handle.as_raw_fd(),
                number,
                no_details,
                0,
            )
        },
        // SAFETY: takes two integers.
        None => unsafe { libc::kill(pid.cast_signed(), number) }.into(),
    };
    check(i32::try_from(sent).unwrap_or(-1))?;
    Ok(true)
}

/// Waits until the process with this number is not `still_it` any more: whether that came to pass
/// within `patience`. `None` if this kernel cannot tell.
pub(crate) fn wait_exit(pid: u32, patience: Duration, still_it: impl Fn() -> bool) -> Option<bool> {
    match open(pid) {
        Ok(handle) => {
            if !still_it() {
                return Some(true);
            }
            // A signal that ends the wait early is rare; the caller asks again then.
            let _ = poll(&[handle.as_fd()], Some(patience));
            Some(!still_it())
        }
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Some(true),
        Err(_) => None,
    }
}

/// A handle of the process with this number if it is `still_it`; it can be read once that is gone.
pub(crate) fn exit_file(pid: u32, still_it: impl Fn() -> bool) -> Option<OwnedFd> {
    open(pid).ok().filter(|_| still_it())
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
    // SAFETY: takes integers only.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })?;
    Ok(())
}
