//! Windows: handles that can be waited for, job objects, and named events in place of signals.
//!
//! Each process of a tier listens to an event that is named after it, and that asks it to end.
//! Console events and the stop of a service mean the same. All that the first tier starts is in its
//! job object and ends with it, but for agents, which are started outside of it on purpose.

mod alarm;
mod child;
mod lock;
mod process;

pub(crate) use alarm::{Alarm, is_error_output_writable, pause, poll, take_pending};
pub use alarm::{Watched, raise};
pub use child::Reports;
pub(crate) use child::{become_subreaper, is_no_program, reap, spawn};
pub(crate) use lock::try_lock;
pub use process::ExitFile;
pub(crate) use process::{environment, exit_file, own_smaps, release_pages, running, send, stat};

use std::io;

/// Turns the `BOOL` of a system call into a result.
fn check(worked: i32) -> io::Result<()> {
    if worked == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
