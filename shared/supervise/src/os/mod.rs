//! System calls. All that is `unsafe` in this crate is here, each with its reason.
//!
//! Each system offers the same: how to start, reap, look at, list and signal processes, an alarm
//! for signals, one wait for all, a lock. `unix` is what Linux and macOS share.

#[cfg(unix)]
mod spawn;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use spawn::spawn;
#[cfg(unix)]
pub(crate) use unix::{
    Alarm, is_error_output_writable, is_no_program, own_session, pause, poll, reap, take_pending,
    try_lock,
};
#[cfg(unix)]
pub use unix::{ExitFile, Reports, Watched};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{
    become_subreaper, environment, exit_file, own_smaps, release_pages, running, send, stat,
};

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub(crate) use macos::{
    become_subreaper, environment, exit_file, own_smaps, release_pages, running, send, stat,
};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::{
    Alarm, become_subreaper, environment, exit_file, is_error_output_writable, is_no_program,
    own_smaps, pause, poll, reap, release_pages, running, send, spawn, stat, take_pending,
    try_lock,
};
#[cfg(windows)]
pub use windows::{ExitFile, Reports, Watched, raise};
