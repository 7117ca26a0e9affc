//! A whole chain for a task: built, started, asked and stopped through the interfaces a user has.

mod api;
mod running;
mod stage;

pub(crate) use api::Api;
pub(crate) use running::{Chain, Start, end, log_file, server_token, wait_for_text};
pub(crate) use stage::{
    Built, Profile, build_server_and_bootstrapper, clone_repository, publish, release,
};
