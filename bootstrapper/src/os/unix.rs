//! Unix: arguments are bytes, and a service is a process like any other.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Name of the factory launcher beside this program.
pub(crate) const LAUNCHER_FILE: &str = "launcher";

/// Runs the program.
pub(crate) fn run(program: impl FnOnce() -> ExitCode) -> ExitCode {
    program()
}

/// What stands before and behind the byte at `place`.
pub(crate) fn split_at(text: &OsStr, place: usize) -> (OsString, OsString) {
    let (before, rest) = text.as_bytes().split_at(place);
    let behind = rest.get(1..).unwrap_or_default();
    (
        OsStr::from_bytes(before).to_owned(),
        OsStr::from_bytes(behind).to_owned(),
    )
}

/// The file that this process runs, even if another one has its name by now.
pub(crate) fn own_executable() -> io::Result<PathBuf> {
    let itself = Path::new("/proc/self/exe");
    if itself.exists() {
        return Ok(itself.to_owned());
    }
    std::env::current_exe()
}
