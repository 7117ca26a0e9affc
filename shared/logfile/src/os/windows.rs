//! Windows: a new log has the rights of its folder.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens for appending.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Makes a folder of logs.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// How long the open file is; it cannot be renamed while it is open.
pub(crate) fn length_if_same(open: &File, _path: &Path) -> Option<u64> {
    open.metadata().ok().map(|metadata| metadata.len())
}
