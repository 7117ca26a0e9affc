//! Windows: no modes, hard links, and folders that need no sync (NTFS journals names).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a file so that it can be synced, which needs the right to write.
pub(crate) fn open_to_sync(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Nothing to do.
pub(crate) fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Every file may be executed.
pub(crate) fn set_executable(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// A hard link: symbolic ones need a privilege.
pub(crate) fn alias(target: &str, link: &Path) -> io::Result<()> {
    fs::hard_link(link.with_file_name(target), link)
}
