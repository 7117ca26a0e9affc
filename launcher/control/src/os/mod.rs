//! The socket itself, by operating system. `Door` is where visitors come in; whoever is not the
//! launcher's own user, or the one that may do anything, has nothing to ask.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{Door, may_ask};
#[cfg(windows)]
pub(crate) use windows::{Door, may_ask};
