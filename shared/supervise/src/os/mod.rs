//! System calls. All that is `unsafe` in this crate is here, each with its reason.

mod spawn;
mod unix;
pub(crate) use spawn::spawn;
pub(crate) use unix::{handle, own_session, pause, poll, reap, signal_pipe, take_pending};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{become_subreaper, exit_file, release_pages, send, wait_exit};

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{become_subreaper, exit_file, release_pages, send, wait_exit};
