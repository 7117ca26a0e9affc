//! Looking at processes, and ending them.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::os::windows::io::{AsHandle as _, AsRawHandle as _, FromRawHandle as _, OwnedHandle};

use windows_sys::Win32::Foundation::{
    ERROR_INVALID_PARAMETER, ERROR_NO_MORE_FILES, FILETIME, WAIT_TIMEOUT,
};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::Threading::{
    EVENT_MODIFY_STATE, GetProcessTimes, OpenEventW, OpenProcess, PROCESS_ACCESS_RIGHTS,
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, SetEvent,
    TerminateProcess, WaitForSingleObject,
};

use super::alarm::wish_name;
use super::{Watched, check};
use crate::process::ProcessId;
use crate::signal::Signal;
use crate::stat::Stat;

/// Exit code of a process that was killed: what a shell would report of SIGKILL.
const KILLED: u32 = 137;

/// Becomes signaled once a process is gone; see [`crate::ProcessId::exit_file`].
#[derive(Debug)]
pub struct ExitFile(OwnedHandle);

impl ExitFile {
    /// For [`crate::Events::wait`].
    pub fn watched(&self) -> Watched<'_> {
        self.0.as_handle()
    }
}

/// A handle of the process that has this number now; `None` if there is none.
fn open(pid: u32, rights: PROCESS_ACCESS_RIGHTS) -> io::Result<Option<OwnedHandle>> {
    shared_fault::point("process.open")?;
    // SAFETY: takes integers and returns a handle or null.
    let handle = unsafe { OpenProcess(rights, 0, pid) };
    if !handle.is_null() {
        // SAFETY: the handle was just made and nobody else knows it.
        return Ok(Some(unsafe { OwnedHandle::from_raw_handle(handle) }));
    }
    let error = io::Error::last_os_error();
    let code = error.raw_os_error().map(i32::cast_unsigned);
    if code == Some(ERROR_INVALID_PARAMETER) {
        return Ok(None);
    }
    Err(error)
}

/// What the system says of the process with this number, but for its parent; `None` if there is
/// none. A process that has ended is there while somebody holds a handle of it.
pub(crate) fn stat(pid: u32) -> io::Result<Option<Stat>> {
    shared_fault::point("process.look")?;
    let rights = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
    let Some(handle) = open(pid, rights)? else {
        return Ok(None);
    };
    let [mut created, mut exited, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: the handle is open, and the times are written to local variables.
    check(unsafe {
        GetProcessTimes(
            handle.as_raw_handle(),
            &raw mut created,
            &raw mut exited,
            &raw mut kernel,
            &raw mut user,
        )
    })?;
    // SAFETY: the handle is open; the call does not wait.
    let waited = unsafe { WaitForSingleObject(handle.as_raw_handle(), 0) };
    Ok(Some(Stat {
        alive: waited == WAIT_TIMEOUT,
        parent: 0,
        session: 0,
        start: u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime),
    }))
}

/// Unknown: this system tells nobody but the process itself.
pub(crate) fn environment(_pid: u32) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// All processes, as far as they can be looked at.
pub(crate) fn running() -> io::Result<Vec<(u32, Stat)>> {
    let parents = parents()?;
    let mut running: HashMap<u32, Stat> = HashMap::new();
    for (pid, parent) in parents {
        if let Ok(Some(stat)) = stat(pid) {
            running.insert(pid, Stat { parent, ..stat });
        }
    }
    let starts: HashMap<u32, u64> = running
        .iter()
        .map(|(pid, stat)| (*pid, stat.start))
        .collect();
    for stat in running.values_mut() {
        // A parent that is younger than its child has inherited the number only.
        if starts
            .get(&stat.parent)
            .is_some_and(|start| *start > stat.start)
        {
            stat.parent = 0;
        }
    }
    Ok(running.into_iter().collect())
}

/// Who started whom.
fn parents() -> io::Result<Vec<(u32, u32)>> {
    shared_fault::point("tree.list")?;
    // SAFETY: takes integers; failure is an invalid handle, which the first call below refuses.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if snapshot.addr() == usize::MAX {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle was just made and nobody else knows it.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    let mut entry = PROCESSENTRY32W {
        dwSize: u32::try_from(size_of::<PROCESSENTRY32W>()).unwrap_or(u32::MAX),
        ..Default::default()
    };
    let mut found = Vec::new();
    // SAFETY: the entry says how long it is; the same below.
    let mut more = unsafe { Process32FirstW(snapshot.as_raw_handle(), &raw mut entry) };
    while more != 0 {
        found.push((entry.th32ProcessID, entry.th32ParentProcessID));
        // SAFETY: as above.
        more = unsafe { Process32NextW(snapshot.as_raw_handle(), &raw mut entry) };
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error().map(i32::cast_unsigned) {
        Some(ERROR_NO_MORE_FILES) => Ok(found),
        _ => Err(error),
    }
}

/// Asks a process to end, or ends it, if it is `still_it`; `Ok(false)` if it is gone. Nothing can
/// be held still: whoever kills a tree looks again until nothing of it is left.
pub(crate) fn send(
    process: ProcessId,
    signal: Signal,
    still_it: impl Fn() -> io::Result<bool>,
) -> io::Result<bool> {
    match signal {
        Signal::Stop => still_it(),
        Signal::Kill => kill(process.pid, still_it),
        Signal::Hangup | Signal::Interrupt | Signal::Terminate => {
            if !still_it()? {
                return Ok(false);
            }
            wish(process).map(|()| true)
        }
    }
}

fn kill(pid: u32, still_it: impl Fn() -> io::Result<bool>) -> io::Result<bool> {
    let rights = PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION;
    let Some(handle) = open(pid, rights)? else {
        return Ok(false);
    };
    // The number cannot pass to another process while a handle is held.
    if !still_it()? {
        return Ok(false);
    }
    shared_fault::point("process.signal")?;
    // SAFETY: the handle is open and allows it.
    check(unsafe { TerminateProcess(handle.as_raw_handle(), KILLED) })?;
    Ok(true)
}

fn wish(process: ProcessId) -> io::Result<()> {
    let name = wish_name(process);
    shared_fault::point("process.wish")?;
    // SAFETY: the name is a C string.
    let event = unsafe { OpenEventW(EVENT_MODIFY_STATE, 0, name.as_ptr()) };
    if event.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle was just made and nobody else knows it.
    let event = unsafe { OwnedHandle::from_raw_handle(event) };
    // SAFETY: the handle is open and allows it.
    check(unsafe { SetEvent(event.as_raw_handle()) })
}

/// A handle of the process with this number if it is `still_it`.
pub(crate) fn exit_file(pid: u32, still_it: impl Fn() -> bool) -> Option<ExitFile> {
    let handle = open(pid, PROCESS_SYNCHRONIZE).ok().flatten()?;
    still_it().then_some(ExitFile(handle))
}

/// Unknown: the system takes back what it needs by itself.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the twin of other systems can fail"
)]
pub(crate) const fn own_smaps() -> io::Result<String> {
    Ok(String::new())
}

/// Nothing to do.
///
/// # Safety
/// None is needed here.
pub(crate) const unsafe fn release_pages(_pages: Range<usize>) {}
