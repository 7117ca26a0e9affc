//! Unix: modes, symbolic links, and folders that can be synced.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

/// Opens a file so that it can be synced; reading is enough, and works for one nobody may write.
pub(crate) fn open_to_sync(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Mode 0555.
pub(crate) fn set_executable(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o555))
}

/// A symbolic link within one folder.
pub(crate) fn alias(target: &str, link: &Path) -> io::Result<()> {
    symlink(target, link)
}
