//! What differs between operating systems.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::limit_memory;

#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
pub(crate) use other::limit_memory;
