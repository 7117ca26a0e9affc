//! A Unix that is not Linux: the number has to do, and orphans go to the first process.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::unix::check;

/// Sends a signal to the process with this number if it is `still_it`; `Ok(false)` if not.
pub(crate) fn send(pid: u32, number: i32, still_it: impl Fn() -> bool) -> io::Result<bool> {
    if !still_it() {
        return Ok(false);
    }
    // SAFETY: takes two integers.
    check(unsafe { libc::kill(pid.cast_signed(), number) })?;
    Ok(true)
}

/// Cannot tell.
pub(crate) fn wait_exit(
    _pid: u32,
    _patience: Duration,
    _still_it: impl Fn() -> bool,
) -> Option<bool> {
    None
}

/// There is none.
pub(crate) fn exit_file(_pid: u32, _still_it: impl Fn() -> bool) -> Option<OwnedFd> {
    None
}

/// Nothing to do.
///
/// # Safety
/// None is needed here.
pub(crate) unsafe fn release_pages(_pages: Range<usize>) {}

/// Nothing to set.
pub(crate) fn become_subreaper() -> io::Result<()> {
    Ok(())
}
