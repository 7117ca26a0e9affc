//! What differs between operating systems. Unix today.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{
    DEFAULT_SHELL, Outlet, Signals, append_private, create_private_folder, create_with_mode,
    end_by, make_executable, make_removable, private_scratch,
};
