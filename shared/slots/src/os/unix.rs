//! Unix: modes, symbolic links, and folders that can be synced.

use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use crate::Room;

/// Opens a file for reading. A FIFO that somebody put in its place is as good as empty: to open one
/// usually waits for whoever writes into it, for ever if need be. For files nothing changes.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    options.open(path)
}

/// Does it once: nobody else's open file is in the way here.
pub(crate) fn retried<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    act()
}

/// Makes content and length durable. Reading is enough, and works for a file nobody may write.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Mode 0700, and for those above it that are missing, too.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Mode 0555.
pub(crate) fn set_executable(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o555))
}

/// A symbolic link within one folder.
pub(crate) fn alias(target: &str, link: &Path) -> io::Result<()> {
    symlink(target, link)
}

/// What `statvfs` says about the volume, as this user may use it.
#[expect(unsafe_code, reason = "the standard library has no statvfs")]
pub(crate) fn room(path: &Path) -> io::Result<Room> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut found = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a zero byte, and the buffer is one `statvfs`, which lives longer.
    if unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it filled the buffer.
    let found = unsafe { found.assume_init() };
    // The fields differ in width between systems and never exceed 64 bits.
    let wide = |value: libc::c_ulong| -> u64 { value as _ };
    let block = wide(found.f_frsize);
    Ok(Room {
        total: block.saturating_mul(found.f_blocks as _),
        free: block.saturating_mul(found.f_bavail as _),
        // Volumes without a table of files, such as btrfs, say that it has no places at all.
        files: (found.f_files > 0).then_some(found.f_favail as _),
    })
}
