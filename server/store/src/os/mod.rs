//! Permissions of what the store makes.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{make_private_folder, private_file};
#[cfg(windows)]
pub(crate) use windows::{make_private_folder, private_file};
