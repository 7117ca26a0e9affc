//! What the operating systems do differently: the same functions, one file each.
//!
//! How a folder is kept private, how an agent is started so that it outlives this process, found
//! again, reached and ended, and what tells this process to end.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{
    Lifeline, Stops, connect, create_private_dir, end_of, is_pipe, kill_tree, knock, spawn_apart,
};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::{
    Lifeline, Stops, connect, create_private_dir, end_of, is_pipe, kill_tree, knock, spawn_apart,
};
