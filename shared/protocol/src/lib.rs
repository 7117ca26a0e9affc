//! The Agent API as types: what the agent and an endpoint say to each other.
//!
//! Who are the two? The agent (through `shared-client`) and the server (through `server-api`).
//! The wire format is the Buildkite Agent API v3; field names and spellings are fixed by it.
//! Trireme's own additions are optional headers and fields that the other side may ignore.
//!
//! This crate holds values only: no I/O, no clock, no retries.

pub mod agent;
pub mod enroll;
pub mod env;
pub mod experiment;
pub mod header;
pub mod id;
pub mod job;
pub mod platform;
pub mod protection;
pub mod reason;
pub mod secret;

mod lenient;

pub use id::{AgentId, BuildId, HostId, JobId};
pub use reason::SignalReason;
pub use secret::Secret;
