//! Windows: no modes, hard links, and handles of others that are in the way for a while.
//!
//! A virus scanner or an indexer opens what was just written, and meanwhile nobody may rename or
//! remove it. That passes, so such calls are repeated ([`crate::patience`]). What runs is never
//! renamed or overwritten: every version lies in a folder of its own, and pages and records are
//! opened only as long as one call takes.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_INVALID_FUNCTION, ERROR_LOCK_VIOLATION, ERROR_NOT_SUPPORTED,
    ERROR_SHARING_VIOLATION, ERROR_TOO_MANY_LINKS,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE,
    GetDiskFreeSpaceExW,
};

use crate::Room;
use crate::patience::Patience;

/// Nobody who wants the file is shut out by our handle.
const SHARE_ALL: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    retried(|| {
        OpenOptions::new()
            .read(true)
            .share_mode(SHARE_ALL)
            .open(path)
    })
}

/// Repeats what fails because of somebody else's open handle, for a minute.
#[expect(
    clippy::disallowed_methods,
    reason = "the only sign that the other handle is closed is that the call succeeds"
)]
pub(crate) fn retried<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut patience = Patience::new(std::process::id());
    loop {
        match act() {
            Err(error) if is_in_the_way(&error) => match patience.next() {
                Some(wait) => std::thread::sleep(wait),
                None => return Err(error),
            },
            done => return done,
        }
    }
}

/// ACCESS_DENIED is what a file says that is being deleted, or held by a scanner.
fn is_in_the_way(error: &io::Error) -> bool {
    is_one_of(
        error,
        &[
            ERROR_SHARING_VIOLATION,
            ERROR_LOCK_VIOLATION,
            ERROR_ACCESS_DENIED,
        ],
    )
}

fn is_one_of(error: &io::Error, codes: &[u32]) -> bool {
    let code = error.raw_os_error().map(i32::cast_unsigned);
    code.is_some_and(|code| codes.contains(&code))
}

/// Makes content and length durable: `FlushFileBuffers`, which needs the right to write.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    let file = retried(|| {
        OpenOptions::new()
            .write(true)
            .share_mode(SHARE_ALL)
            .open(path)
    })?;
    file.sync_all()
}

/// Makes the names in a folder durable where that is permitted. NTFS writes names to its journal
/// in order, so where it is refused a crash loses the newest names, never the order.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    let opened = OpenOptions::new()
        .write(true)
        .share_mode(SHARE_ALL)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path);
    let refused = [
        ERROR_ACCESS_DENIED,
        ERROR_INVALID_FUNCTION,
        ERROR_NOT_SUPPORTED,
    ];
    match opened.and_then(|folder| folder.sync_all()) {
        Err(error) if is_one_of(&error, &refused) => Ok(()),
        synced => synced,
    }
}

/// A folder inherits who may look into it; the installer sets that on the state folder.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Every file may be executed. The read-only mark is not set: a file with it cannot be removed.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the twin of other systems can fail"
)]
pub(crate) fn set_executable(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// A hard link, for symbolic ones need a privilege; a copy on volumes that have no links.
pub(crate) fn alias(target: &str, link: &Path) -> io::Result<()> {
    let target = link.with_file_name(target);
    let impossible = [
        ERROR_INVALID_FUNCTION,
        ERROR_NOT_SUPPORTED,
        ERROR_TOO_MANY_LINKS,
    ];
    match retried(|| fs::hard_link(&target, link)) {
        Err(error) if is_one_of(&error, &impossible) => {
            fs::copy(&target, link)?;
            sync_file(link)
        }
        linked => linked,
    }
}

/// What `GetDiskFreeSpaceExW` says about the volume, as this user may use it.
#[expect(
    unsafe_code,
    reason = "the standard library does not ask for free space"
)]
pub(crate) fn room(path: &Path) -> io::Result<Room> {
    let path: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
    let (mut free, mut total) = (0, 0);
    // SAFETY: the path ends with a zero, and the three numbers live longer than the call.
    let done = unsafe {
        GetDiskFreeSpaceExW(
            path.as_ptr(),
            &raw mut free,
            &raw mut total,
            std::ptr::null_mut(),
        )
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Room {
        total,
        free,
        files: None,
    })
}
