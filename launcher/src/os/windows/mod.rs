//! Windows: job objects, named pipes, console events, and threads for what tokio cannot wait for.

mod agent;
mod link;
mod wake;

pub(crate) use agent::{create_private_dir, end_of, kill_tree, spawn_apart};
pub(crate) use link::{connect, knock};
pub(crate) use wake::{Lifeline, Stops, is_pipe};

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt as _;

/// Turns the `BOOL` of a system call into a result.
fn check(worked: i32) -> io::Result<()> {
    if worked == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A text as the system wants it: UTF-16 with a zero at its end.
fn wide(text: &str) -> Vec<u16> {
    OsStr::new(text).encode_wide().chain([0]).collect()
}
