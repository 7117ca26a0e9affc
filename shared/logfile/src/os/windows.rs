//! Windows: a new log has the rights of its folder.
#![expect(unsafe_code, reason = "a system call that std does not offer")]

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, GetFileInformationByHandle,
};

/// Opens for appending. Others may rename the file meanwhile, as they may on Unix.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Makes a folder of logs.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// How long the file at `path` is, if it is the one that is `open`; `None` if that one has been
/// renamed or removed.
pub(crate) fn length_if_same(open: &File, path: &Path) -> Option<u64> {
    let there = File::open(path).ok()?;
    let same = identity(&there)? == identity(open)?;
    let length = there.metadata().ok()?.len();
    same.then_some(length)
}

/// Volume and number of a file.
fn identity(file: &File) -> Option<(u32, u32, u32)> {
    let mut facts = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the file is open, and the facts are written to a local variable.
    let known = unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut facts) };
    (known != 0).then_some((
        facts.dwVolumeSerialNumber,
        facts.nFileIndexHigh,
        facts.nFileIndexLow,
    ))
}
