//! Unix: a new log is for its owner only.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Opens for appending; mode 0600 if the file is new.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// Makes a folder of logs: mode 0700 if it is new.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// How long the file at `path` is, if it is the one that is `open`; `None` if that one has been
/// renamed or removed.
pub(crate) fn length_if_same(open: &File, path: &Path) -> Option<u64> {
    let which = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    let there = fs::metadata(path).ok()?;
    (which(&there) == which(&open.metadata().ok()?)).then_some(there.len())
}
