//! The job API, while it is open.

use agent_local_api::{Desk, Server};

/// An open job API.
#[derive(Debug)]
pub(crate) struct JobApi {
    /// Where the environment lies while a child runs.
    pub(crate) desk: Desk,
    /// What children talk to.
    pub(crate) server: Server,
}
