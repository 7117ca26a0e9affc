//! The bed on which the suite tests whole chains: real binaries, real sockets, folders of their own.
//!
//! Nothing here asserts the product's behaviour; it starts, watches, tampers and cleans up. Each bed
//! marks its processes with a variable of its own, so that a test can prove that none is left over.

pub mod api;
pub mod bed;
pub mod generated_log;
pub mod host;
pub mod lying_server;
pub mod processes;
pub mod proxy;
pub mod release_tree;
pub mod server;
pub mod tls_front;
pub mod wait;

use std::path::PathBuf;

/// Where the binaries under test lie; cargo knows it only inside the suite.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// Tier 1.
    pub bootstrapper: PathBuf,
    /// Tier 2.
    pub launcher: PathBuf,
    /// Tier 3.
    pub agent: PathBuf,
    /// The control plane.
    pub server: PathBuf,
    /// An agent that ends as soon as it is started.
    pub exits_at_once: PathBuf,
    /// An agent that stays silent.
    pub never_reports_ready: PathBuf,
    /// A command that prints a generated log.
    pub prints_a_log: PathBuf,
}
