//! Windows: a new log has the rights of its folder.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens for appending.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
