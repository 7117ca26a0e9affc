//! What differs between operating systems: the same functions, one file each.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod service;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;
