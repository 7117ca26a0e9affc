//! What the operating systems do differently.

mod unix;
pub(crate) use unix::{
    create_private_dir, is_pipe, spawn_in_own_session, stdin_pipe, wait_readable,
};
