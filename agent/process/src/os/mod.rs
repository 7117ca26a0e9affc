//! What differs between operating systems. Unix today.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{
    environment_of, is_executable, process_ids, reap_all_but, signal_group, signal_of, start, watch,
};
