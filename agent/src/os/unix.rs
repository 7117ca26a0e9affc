//! Inherited descriptors and modes of files on Unix.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Opens the inherited descriptor of that number for reading, without taking it over.
pub(crate) fn inherited_file(number: &str) -> io::Result<File> {
    let number: u32 = number
        .parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not a number"))?;
    // `/dev/fd` opens a pipe or file anew, so nothing here has to trust that the number is open.
    File::open(format!("/dev/fd/{number}"))
}

/// Takes a file's rights from everybody but its owner.
pub(crate) fn only_for_owner(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o600))
}
