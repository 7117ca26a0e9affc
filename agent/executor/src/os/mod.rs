//! What differs between operating systems. Unix today.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{DEFAULT_SHELL, Outlet, Signals, end_by, make_executable, make_removable};
