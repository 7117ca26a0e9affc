//! What differs between operating systems: where a host's name and version are found.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{host_name, version_text};
