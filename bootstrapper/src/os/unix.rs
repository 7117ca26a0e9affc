//! Unix: paths are bytes, folders have modes.

use std::ffi::{OsStr, OsString};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// What stands before and behind the byte at `place`.
pub(crate) fn split_at(text: &OsStr, place: usize) -> (OsString, OsString) {
    let (before, rest) = text.as_bytes().split_at(place);
    let behind = rest.get(1..).unwrap_or_default();
    (
        OsStr::from_bytes(before).to_owned(),
        OsStr::from_bytes(behind).to_owned(),
    )
}

/// Makes a folder that only its owner may look into; one that is there stays as it is.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The file that this process runs, even if another one has its name by now.
pub(crate) fn own_executable() -> io::Result<PathBuf> {
    let itself = Path::new("/proc/self/exe");
    if itself.exists() {
        return Ok(itself.to_owned());
    }
    std::env::current_exe()
}
