//! Standard output and error as the operating system has them.

#[cfg(unix)]
#[path = "unix.rs"]
mod own;
#[cfg(not(unix))]
#[path = "other.rs"]
mod own;

pub(crate) use own::{is_ready, write_all};
