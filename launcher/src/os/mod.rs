//! What the operating systems do differently.

mod unix;
pub(crate) use unix::{LONG, is_pipe, spawn_in_own_session, stdin_pipe};
