//! Windows: arguments are UTF-16, and a service is started by the service manager.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

pub(crate) use super::service::run;

/// Name of the factory launcher beside this program.
pub(crate) const LAUNCHER_FILE: &str = "launcher.exe";

/// What stands before and behind the byte at `place`, which is the first `=` of the text.
pub(crate) fn split_at(text: &OsStr, _place: usize) -> (OsString, OsString) {
    let units: Vec<u16> = text.encode_wide().collect();
    let mut parts = units.splitn(2, |unit| *unit == u16::from(b'='));
    let mut part = || OsString::from_wide(parts.next().unwrap_or_default());
    (part(), part())
}

/// The file that this process runs: it cannot get another name while it does.
pub(crate) fn own_executable() -> io::Result<PathBuf> {
    std::env::current_exe()
}
