//! Finding a program as the child's own `PATH` has it, so that a missing one is named clearly.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::os;

/// The file that `program` means to a child with this `PATH` and working directory. A name with a
/// slash is taken as it is; an empty entry of `PATH` is the working directory, as for a shell.
pub fn find_program(program: &OsStr, path: Option<&OsStr>, cwd: Option<&Path>) -> Option<PathBuf> {
    if program.is_empty() {
        return None;
    }
    if Path::new(program).components().count() > 1 || program.as_encoded_bytes().contains(&b'/') {
        return Some(PathBuf::from(program));
    }
    std::env::split_paths(path?)
        .map(|dir| match cwd {
            Some(cwd) => cwd.join(dir).join(program),
            None => dir.join(program),
        })
        .find(|file| os::is_executable(file))
}
