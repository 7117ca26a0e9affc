//! The lock of a file, on a byte far behind its end: locks of Windows keep others from reading what
//! they cover, and the file says for people who holds it.
#![expect(unsafe_code, reason = "system calls that std does not offer")]

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle as _;

use windows_sys::Win32::Foundation::{ERROR_IO_PENDING, ERROR_LOCK_VIOLATION};
use windows_sys::Win32::Storage::FileSystem::{
    LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

/// High half of the place of the byte.
const FAR_AWAY: u32 = 0x7fff_ffff;

/// Takes the lock on a file if nobody has it; whether it was taken. Ends with the handle.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    let mut place = OVERLAPPED::default();
    place.Anonymous.Anonymous.OffsetHigh = FAR_AWAY;
    let flags = LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY;
    shared_fault::point("lock.take")?;
    // SAFETY: the file is open and not asynchronous, so the call is over when it returns, and the
    // place lives until then.
    let locked = unsafe { LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &raw mut place) };
    if locked != 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error().map(i32::cast_unsigned) {
        Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => Ok(false),
        _ => Err(error),
    }
}
