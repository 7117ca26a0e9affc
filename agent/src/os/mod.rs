//! What differs between operating systems for the agent's own process.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{begin_again, inheritable, inherited_file, only_for_owner};
