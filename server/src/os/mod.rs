//! Being asked to stop.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::stop_requests;
#[cfg(windows)]
pub(crate) use windows::stop_requests;
