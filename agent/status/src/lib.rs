//! The agent's own small HTTP server: is it alive, what does it do, and its numbers.
//!
//! ```text
//! events ──▶ Board ──▶ /, /agent/N, /health/…     for supervisors
//!                 ├──▶ /status.json, /metrics     for programs
//!                 └──▶ /status                    for people
//! ```
//!
//! It only reads what was recorded anyway: nothing can be changed through it, and an agent that
//! nobody looks at does nothing for it but keep a few times and texts.

mod board;
mod bytes;
mod connected;
mod guests;
mod json;
mod page;
mod routes;
mod server;
mod times;

#[cfg(test)]
mod server_tests;
#[cfg(test)]
mod tests;

pub use board::Board;
pub use server::{AgentFacts, StatusServer};
