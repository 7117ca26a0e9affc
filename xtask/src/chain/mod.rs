//! A whole chain for a task: built, started, asked and stopped through the interfaces a user has.

mod api;
mod running;
mod stage;

pub(crate) use api::Api;
pub(crate) use running::{Chain, Start};
pub(crate) use stage::{
    Built, Profile, build_server_and_bootstrapper, clone_repository, publish, release,
};
