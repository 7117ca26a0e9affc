//! HTTP on unix sockets between processes of one host.
//!
//! The *job API* belongs to one job: its hooks and commands read and change the job's environment
//! and have values hidden in its log ([`job_api`]). The *agent API* belongs to a host: jobs share
//! locks through whichever agent leads ([`agent_api`]). [`client`] is the other side of both.
//!
//! Nothing here decides what may be changed or what a change means; whoever serves says so.

pub mod agent_api;
pub mod client;
pub mod job_api;

mod background;
mod desk;
mod http;
mod secrets;
mod socket;
mod token;

pub use desk::{Changes, Desk};
pub use http::Server;
pub use secrets::Secrets;
pub use socket::{SocketError, sockets_folder};
