//! What only macOS has: libproc, and kqueue for the exits of processes.
//!
//! There are no subreapers: orphans go to the first process, and are found by their session.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::ops::Range;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use super::unix::{ExitFile, check};
use crate::process::ProcessId;
use crate::signal::Signal;
use crate::stat::Stat;

/// Room for processes that start between the two calls that list them.
const SPARE: usize = 64;

/// What the kernel says of the process with this number; `None` if there is none. See
/// `proc_pidinfo` in libproc.h.
pub(crate) fn stat(pid: u32) -> io::Result<Option<Stat>> {
    let pid = pid.cast_signed();
    let mut info = MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let size = i32::try_from(size_of::<libc::proc_bsdinfo>()).unwrap_or(i32::MAX);
    shared_fault::point("process.look")?;
    // SAFETY: the buffer is as long as the call is told.
    let filled = unsafe {
        libc::proc_pidinfo(
            pid,
            libc::PROC_PIDTBSDINFO,
            0,
            info.as_mut_ptr().cast(),
            size,
        )
    };
    if filled < size {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::ESRCH) => Ok(None),
            _ => Err(error),
        };
    }
    // SAFETY: the call filled it, and all bytes were zero before.
    let info = unsafe { info.assume_init() };
    // SAFETY: takes and returns integers; -1 where the process ended meanwhile.
    let session = unsafe { libc::getsid(pid) };
    Ok(Some(Stat {
        alive: info.pbi_status != libc::SZOMB,
        parent: info.pbi_ppid,
        session: u32::try_from(session).unwrap_or(0),
        start: info
            .pbi_start_tvsec
            .wrapping_mul(1_000_000)
            .wrapping_add(info.pbi_start_tvusec),
    }))
}

/// Unknown: this system tells nobody but the process itself.
pub(crate) fn environment(_pid: u32) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// All processes, as far as they can be looked at.
pub(crate) fn running() -> io::Result<Vec<(u32, Stat)>> {
    shared_fault::point("tree.list")?;
    // SAFETY: without a buffer the call only says how many there are.
    let count = check(unsafe { libc::proc_listallpids(std::ptr::null_mut(), 0) })?;
    let mut pids = vec![0_i32; usize::try_from(count).unwrap_or(0) + SPARE];
    let bytes = i32::try_from(pids.len() * size_of::<i32>()).unwrap_or(i32::MAX);
    // SAFETY: the buffer is as long as the call is told.
    let count = check(unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), bytes) })?;
    pids.truncate(usize::try_from(count).unwrap_or(0));
    let look = |pid: i32| {
        let pid = u32::try_from(pid).ok()?;
        Some((pid, stat(pid).ok().flatten()?))
    };
    Ok(pids.into_iter().filter_map(look).collect())
}

/// Unknown: the system gives back what it needs by itself.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the twin of other systems can fail"
)]
pub(crate) fn own_smaps() -> io::Result<String> {
    Ok(String::new())
}

/// Sends a signal to a process if it is `still_it`; `Ok(false)` if it is gone. There are no
/// handles, so the number could pass on between the question and the signal, but for children,
/// which keep theirs until they are reaped.
pub(crate) fn send(
    process: ProcessId,
    signal: Signal,
    still_it: impl Fn() -> io::Result<bool>,
) -> io::Result<bool> {
    if !still_it()? {
        return Ok(false);
    }
    shared_fault::point("process.signal")?;
    // SAFETY: takes two integers.
    match check(unsafe { libc::kill(process.pid.cast_signed(), signal.number()) }) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A queue that can be read once the process with this number is gone, if it is `still_it`. See
/// kqueue(2), EVFILT_PROC.
pub(crate) fn exit_file(pid: u32, still_it: impl Fn() -> bool) -> Option<ExitFile> {
    shared_fault::point("process.open").ok()?;
    // SAFETY: takes nothing and returns a descriptor.
    let queue = check(unsafe { libc::kqueue() }).ok()?;
    // SAFETY: the descriptor was just made and nobody else knows it.
    let queue = unsafe { OwnedFd::from_raw_fd(queue) };
    let change = libc::kevent {
        ident: usize::try_from(pid).ok()?,
        filter: libc::EVFILT_PROC,
        flags: libc::EV_ADD | libc::EV_ONESHOT,
        fflags: libc::NOTE_EXIT,
        data: 0,
        udata: std::ptr::null_mut(),
    };
    // SAFETY: one change, which lives until the call returns, and no room for events.
    check(unsafe {
        libc::kevent(
            queue.as_raw_fd(),
            &raw const change,
            1,
            std::ptr::null_mut(),
            0,
            std::ptr::null(),
        )
    })
    .ok()?;
    still_it().then_some(ExitFile(queue))
}

/// Nothing to do.
///
/// # Safety
/// None is needed here.
pub(crate) unsafe fn release_pages(_pages: Range<usize>) {}

/// There is no such thing.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the twin of other systems can fail"
)]
pub(crate) fn become_subreaper() -> io::Result<()> {
    Ok(())
}
