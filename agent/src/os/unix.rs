//! Inherited descriptors, modes of files and the beginning of a process on Unix.
#![expect(unsafe_code, reason = "a descriptor that is named by its number")]

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};

/// Opens the inherited descriptor of that number for reading. It is not handed on to any child:
/// what it holds may be secret, and a file can be read again.
pub(crate) fn inherited_file(number: &str) -> io::Result<File> {
    let number = number.parse::<RawFd>().ok().filter(|number| *number >= 0);
    let number =
        number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a number"))?;
    // SAFETY: the number is only handed to two calls of the kernel, which refuse one that is not
    // open; nothing is closed, and -1, the only number Rust forbids, is ruled out.
    let inherited = unsafe { BorrowedFd::borrow_raw(number) };
    let own: OwnedFd = fcntl_dupfd_cloexec(inherited, 3)?;
    fcntl_setfd(inherited, FdFlags::CLOEXEC)?;
    Ok(own.into())
}

/// Lets the next program of this process have a descriptor, and names its number.
pub(crate) fn inheritable(descriptor: &impl AsFd) -> io::Result<RawFd> {
    fcntl_setfd(descriptor, FdFlags::empty())?;
    Ok(descriptor.as_fd().as_raw_fd())
}

/// Runs this program's file in this process with other arguments and without a variable. Number,
/// parent, open descriptors and ignored signals stay as they are. Comes back only if it fails.
pub(crate) fn begin_again(args: &[OsString], without: &str) -> io::Error {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut command = Command::new(&program);
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
    command.args(args).env_remove(without).exec()
}

/// Takes a file's rights from everybody but its owner.
pub(crate) fn only_for_owner(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o600))
}
