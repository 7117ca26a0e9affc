//! What wakes a process: console events, the wish that it ends, ends of children.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::io;
use std::os::windows::io::{
    AsHandle as _, AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle,
};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::Duration;

use windows_sys::Win32::Foundation::{HANDLE, WAIT_FAILED, WAIT_OBJECT_0, WAIT_TIMEOUT};
use windows_sys::Win32::System::Console::{CTRL_C_EVENT, SetConsoleCtrlHandler};
use windows_sys::Win32::System::SystemServices::MAXIMUM_WAIT_OBJECTS;
use windows_sys::Win32::System::Threading::{
    CreateEventW, INFINITE, SetEvent, WaitForMultipleObjects,
};

use super::{check, child};
use crate::process::ProcessId;
use crate::signal::{CHILD_EXITED, Signal};

/// Something that a wait can watch: an object that becomes signaled.
pub type Watched<'a> = BorrowedHandle<'a>;

/// How often to look where there is more to watch than one wait takes.
const LOOK_AGAIN: u32 = 500;

/// The event that [`raise`] sets; open for the life of the process.
static BELL: AtomicPtr<core::ffi::c_void> = AtomicPtr::new(null_mut());

/// The signals that came, one bit each.
static PENDING: AtomicU32 = AtomicU32::new(0);

/// Signaled when a signal came.
#[derive(Debug)]
pub(crate) struct Alarm {
    bell: OwnedHandle,
    /// Set by whoever wants this process to end.
    wish: OwnedHandle,
}

impl Alarm {
    /// Listens to console events and to the wish that this process ends. Windows has no other
    /// signals, so which ones are wanted makes no difference.
    pub(crate) fn listen(_signals: &[Signal]) -> io::Result<Self> {
        shared_fault::point("events.pipe")?;
        let bell = event(None)?;
        let wish = event(Some(&wish_name(ProcessId::own()?)))?;
        let alarm = Self { bell, wish };
        // The handler may run at any time from now on, so it gets a bell of its own.
        let copy = alarm.bell.try_clone()?;
        BELL.store(
            std::os::windows::io::IntoRawHandle::into_raw_handle(copy),
            Ordering::Release,
        );
        shared_fault::point("events.handle")?;
        // SAFETY: the handler is a function that stays.
        check(unsafe { SetConsoleCtrlHandler(Some(on_console_event), 1) })?;
        Ok(alarm)
    }

    /// It rings once for each time it is set.
    #[expect(
        clippy::unused_self,
        reason = "the twin of other systems empties a pipe"
    )]
    pub(crate) fn drain(&mut self) {}

    /// Waits as [`poll`] does, with the alarm at place 0, and for ends of children.
    pub(crate) fn wait(
        &self,
        files: &[Watched<'_>],
        limit: Option<Duration>,
    ) -> io::Result<Option<usize>> {
        let children = child::handles();
        let mut handles = vec![self.bell.as_handle(), self.wish.as_handle()];
        handles.extend(children.iter().map(OwnedHandle::as_handle));
        let own = handles.len();
        handles.extend_from_slice(files);
        let place = match poll(&handles, limit)? {
            None => return Ok(None),
            Some(place) if place >= own => return Ok(Some(place - own + 1)),
            Some(place) => place,
        };
        match place {
            0 => {}
            1 => note(Signal::Terminate.number()),
            _ => note(CHILD_EXITED),
        }
        Ok(Some(0))
    }
}

/// Makes an event that resets itself when somebody has waited for it, and opens the one of that
/// name if there is one.
fn event(name: Option<&[u16]>) -> io::Result<OwnedHandle> {
    let name = name.map_or(null(), <[u16]>::as_ptr);
    // SAFETY: no attributes; the name is a C string or null.
    let event = unsafe { CreateEventW(null(), 0, 0, name) };
    if event.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle was just made and nobody else knows it.
    Ok(unsafe { OwnedHandle::from_raw_handle(event) })
}

/// The name of the event that asks this very process to end, as a C string.
pub(super) fn wish_name(process: ProcessId) -> Vec<u16> {
    format!("Local\\trireme-stop-{}-{}\0", process.pid, process.start)
        .encode_utf16()
        .collect()
}

fn note(number: i32) {
    PENDING.fetch_or(1 << number, Ordering::AcqRel);
}

/// Notes a signal of this process, as if it had come from outside: for what a service is told.
pub fn raise(signal: Signal) {
    note(signal.number());
    let bell = BELL.load(Ordering::Acquire);
    if !bell.is_null() {
        // SAFETY: the handle is open for the life of the process.
        unsafe { SetEvent(bell) };
    }
}

/// Runs on a thread of its own, for each console event: Ctrl-C, Ctrl-Break, the end of the console,
/// of the session, of the system.
unsafe extern "system" fn on_console_event(event: u32) -> i32 {
    raise(if event == CTRL_C_EVENT {
        Signal::Interrupt
    } else {
        Signal::Terminate
    });
    // Dealt with: the default would be to end at once.
    1
}

/// The numbers of the signals that came since the last call, one bit each.
pub(crate) fn take_pending() -> u32 {
    PENDING.swap(0, Ordering::AcqRel)
}

/// Waits until one of `files` is signaled: the place of the first that is so, or `None` when the
/// limit passed.
pub(crate) fn poll(files: &[Watched<'_>], limit: Option<Duration>) -> io::Result<Option<usize>> {
    // Rounded up, so that a wait never ends just before its limit, to be taken up again and again.
    let mut millis = limit.map_or(INFINITE, |limit| {
        let millis = limit.as_nanos().div_ceil(1_000_000);
        u32::try_from(millis).unwrap_or(INFINITE).min(INFINITE - 1)
    });
    let most = usize::try_from(MAXIMUM_WAIT_OBJECTS).unwrap_or(usize::MAX);
    if files.len() > most {
        millis = millis.min(LOOK_AGAIN);
    }
    let handles: Vec<HANDLE> = files
        .iter()
        .take(most)
        .map(BorrowedHandle::as_raw_handle)
        .collect();
    let count = u32::try_from(handles.len()).unwrap_or(MAXIMUM_WAIT_OBJECTS);
    shared_fault::point("events.poll")?;
    // SAFETY: pointer and length are those of one vector, whose handles are open while borrowed.
    let place = unsafe { WaitForMultipleObjects(count, handles.as_ptr(), 0, millis) };
    match place {
        WAIT_FAILED => Err(io::Error::last_os_error()),
        WAIT_TIMEOUT => Ok(None),
        place => Ok(usize::try_from(place - WAIT_OBJECT_0).ok()),
    }
}

/// Waits without waiting for anything.
pub(crate) fn pause(time: Duration) {
    std::thread::park_timeout(time);
}

/// Cannot tell.
pub(crate) const fn is_error_output_writable() -> bool {
    true
}
